package ui

import (
	"net/http"
	"strconv"

	"slipway/api"
	"slipway/api/client"
	"slipway/web/internal/wire"
)

// bar is a part of a sum, as a drawing with its text.
type bar struct {
	Label       string
	Bytes       int64
	Share       string // of the widest bar, in percent, for a drawing
	CachedShare string // of these, what came from registries elsewhere
	Cached      int64
	About       string
}

// barsOf draws what is held by format, the most first as the API has them by name: the longest bar is the largest.
func barsOf(list []api.Usage) []bar {
	most := int64(1)
	for _, u := range list {
		most = max(most, u.Bytes)
	}
	percent := func(n int64) string { return strconv.FormatFloat(100*float64(n)/float64(most), 'f', 2, 64) }
	out := []bar{}
	for _, u := range list {
		if u.Versions == 0 && u.Bytes == 0 {
			continue
		}
		out = append(out, bar{Label: u.Format, Bytes: u.Bytes, Share: percent(u.Bytes), Cached: u.CachedBytes, CachedShare: percent(u.CachedBytes),
			About: plural(u.Packages, "package", "packages") + ", " + plural(u.Versions, "version", "versions")})
	}
	return out
}

// usageSum is what several formats hold together.
type usageSum struct{ Packages, Versions, Bytes, Cached, Published int64 }

func sumOf(list []api.Usage) (s usageSum) {
	for _, u := range list {
		s.Packages += u.Packages
		s.Versions += u.Versions
		s.Bytes += u.Bytes
		s.Cached += u.CachedBytes
	}
	s.Published = s.Bytes - s.Cached
	return s
}

// repositoryUsage is a repository in the table of what is held.
type repositoryUsage struct {
	Repository string
	Sum        usageSum
	Formats    []api.Usage
}

// storageView has the values of the page about what is stored.
type storageView struct {
	placesFrame
	Storage      api.Storage
	Sum          usageSum
	Gain         int64 // bytes that need not be stored as they are the same; 0: none, or it is not known
	Bars         []bar
	Repositories []repositoryUsage
	Next         string
	Would        *api.CollectionReport
	Digest       string // ?digest=
	Kept         *api.KeptBlob
	KeptError    string
}

// storage answers GET /admin/storage?digest=&after=: what repositories hold, what is stored of it, and why a blob is kept.
func (u *Pages) storage(w http.ResponseWriter, r *http.Request) error {
	return u.writeStorage(w, r, http.StatusOK, storageView{})
}

func (u *Pages) writeStorage(w http.ResponseWriter, r *http.Request, status int, v storageView) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	page, err := pageOf(q, repositoriesLimit)
	if err != nil {
		return err
	}
	if v.Digest, err = q.Text("digest"); err != nil {
		return err
	}
	told := v.Error
	v.placesFrame = placesFrameOf(r)
	v.Error = told
	if v.Storage, err = u.api.Storage(r.Context()); err != nil {
		return err
	}
	v.Sum, v.Bars = sumOf(v.Storage.Formats), barsOf(v.Storage.Formats)
	if v.Storage.CountedAt != nil {
		v.Gain = max(0, v.Sum.Bytes-v.Storage.StoredBytes)
	}
	for one, err := range u.api.RepositoryUsages(client.OnePage(r.Context(), &page)) {
		if err != nil {
			return err
		}
		v.Repositories = append(v.Repositories, repositoryUsage{one.Repository, sumOf(one.Formats), one.Formats})
	}
	v.Next = v.next(page)
	if v.Digest != "" {
		kept, err := u.api.KeptBlob(r.Context(), v.Digest)
		detail, refused, ok := formRefusal(err)
		switch {
		case ok:
			v.KeptError, status = detail, refused
		case err != nil:
			return err
		default:
			v.Kept = &kept
		}
	}
	v.about("Storage", "storage")
	return write(w, r, status, "admin-storage", v)
}

// actOnStorage answers POST /admin/storage: it counts anew, or says what a collection would free.
func (u *Pages) actOnStorage(w http.ResponseWriter, r *http.Request) error {
	v := storageView{}
	var err error
	switch r.PostForm.Get("do") {
	case "count":
		_, err = u.api.CountStorage(r.Context())
	case "collect":
		var would api.CollectionReport
		if would, err = u.api.Collect(r.Context(), api.CollectionRequest{DryRun: true}); err == nil {
			v.Would = &would
			return u.writeStorage(w, r, http.StatusOK, v)
		}
	default:
		err = errUnknownButton
	}
	if detail, status, ok := formRefusal(err); ok {
		v.Error = detail
		return u.writeStorage(w, r, status, v)
	}
	if err != nil {
		return err
	}
	return u.seeOther(w, r, storagePath)
}
