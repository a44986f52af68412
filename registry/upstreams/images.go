package upstreams

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/catalog"
)

// Images is a Source whose versions are documents that are named by their digests. Tags name them, they name blobs and each other, and
// others are about them. A remote has no index of them: each is asked for when a client asks for it, and enters alone.
type Images interface {
	Source
	// Root returns the address of a remote below which its names lie, and what each of them begins with: "" or text that ends in a slash.
	Root(u *url.URL) (root *url.URL, prefix string)
	// Named is the name of a package at a remote, behind the prefix. library: names of one segment have a folder there. Else service may
	// tell: it asks what the remote calls itself where it wants a token, "" where it wants none.
	Named(pkg string, library bool, service func() string) string
	// Manifest says how the version is asked for that a tag or a digest names. A HEAD tells its digest.
	Manifest(name, reference string) Ask
	// Tags says how the list of tags is asked for. Its pages are linked.
	Tags(name string) Ask
	// ParseTags reads a page of it. Invalid.
	ParseTags(doc []byte) ([]string, error)
	// Referrers says how the versions are asked for that are about a digest, and which tag lists them at a remote that can't be asked so.
	Referrers(name string, d digest.Digest) (ask Ask, tag string)
	// ParseReferrers reads that list: Name, Digest, MediaType, and as Descriptor what the list says of the version. Invalid.
	ParseReferrers(doc []byte) ([]registry.Version, error)
	// Blob is what a stored version says of a blob; nil: it does not name it.
	Blob(v registry.Version, d digest.Digest) *Entry
}

// image finds a version of an image, here or at a remote.
func (s *Upstreams) image(ctx context.Context, at registry.Name, ref catalog.Ref) (registry.Version, error) {
	f, err := s.look(ctx, at)
	if err != nil {
		return registry.Version{}, err
	}
	if err := s.askOwners(ctx, &f, at.At(""), ""); err != nil {
		return registry.Version{}, err
	}
	f.onlyHere(ctx)
	f.answering(s.core.Rules[at.Format], f.cached)
	var v registry.Version
	if ref.Version == "" && ref.Tag != "" {
		v, err = s.tagged(ctx, f, ref.Tag)
	} else {
		v, err = s.pinnedVersion(ctx, f, ref)
	}
	if err == nil {
		s.usedVersion(ctx, f, v)
	}
	return v, f.proven(err)
}

// everywhere are all places that have the package and that the caller may see: equal digests are the same version in all of them.
func (f found) everywhere() []source { return slices.Concat(f.visible, f.held, f.cached, f.apart) }

// anywhere are all remotes that may be asked for what is pinned by a digest: equal bytes are the same, whichever has them.
func (f found) anywhere() []place { return slices.Concat(f.remotes, f.others) }

// entered finds what came from the remotes of a repository.
func (f found) entered(repositoryID int64) (source, bool) {
	cached := f.everythingCached()
	i := slices.IndexFunc(cached, func(src source) bool { return src.repository.ID == repositoryID })
	if i < 0 {
		return source{}, false
	}
	return cached[i], true
}

// search returns the first answer of the sources; absent is the error where none has one.
func search[T any](sources []source, absent error, look func(source) (T, error)) (out T, err error) {
	for _, src := range sources {
		out, err = look(src)
		if err == nil || registry.KindOf(err) != registry.NotFound {
			return out, err
		}
		absent = err
	}
	return out, absent
}

// lacks is the error for something of an image that no place has.
func (f found) lacks(about registry.Subject, what string) error {
	if len(f.sources) == 0 && len(f.remotes) == 0 {
		return f.absent()
	}
	return registry.Errorf(registry.NotFound, about, "there is no %s %q on %q", about, registry.Clip(what), f.name.Package)
}

// pinnedVersion finds a version by its digest: in any place, then at the remotes.
func (s *Upstreams) pinnedVersion(ctx context.Context, f found, ref catalog.Ref) (registry.Version, error) {
	name := ref.Version
	if name == "" {
		name = ref.Digest.String()
	}
	d := digest.Digest(name)
	v, err := search(f.everywhere(), f.lacks(registry.AboutVersion, name), func(src source) (registry.Version, error) {
		v, err := s.resolveOwned(ctx, &f, src, ref)
		if err == nil && src.pkg.Origin == metadata.OriginCached {
			s.note(ctx, f.name.Format, registry.CacheFile, registry.CacheHit)
		}
		return v, err
	})
	if err == nil || registry.KindOf(err) != registry.NotFound || d.Validate() != nil {
		return v, err
	}
	absent := err
	var failed error // of a place that can't answer: any that has the bytes may
	for _, p := range f.anywhere() {
		v, err := s.pinnedAt(ctx, f, p, d)
		if down(err) {
			failed = err
			continue
		}
		if err == nil || registry.KindOf(err) != registry.NotFound {
			return v, err
		}
		absent = err
	}
	return registry.Version{}, cmp.Or(failed, absent)
}

func (s *Upstreams) pinnedAt(ctx context.Context, f found, p place, d digest.Digest) (registry.Version, error) {
	if !catalog.IsLook(ctx) {
		return s.bring(ctx, f, p, d, s.served.take(servedKey{p.remote.ID, f.name.Package, d}))
	}
	r, err := s.remoteOf(p)
	if err == nil {
		_, err = s.admitImage(ctx, r, f.name, d, false)
	}
	if err != nil {
		return registry.Version{}, err
	}
	e, err := s.said(ctx, f, p, d.String())
	if err != nil {
		return registry.Version{}, about(registry.AboutVersion, err)
	}
	if e.Version != d.String() || e.Size < 0 {
		return s.bring(ctx, f, p, d, nil)
	}
	return e.unread(), nil
}

// unread is a version of a remote that is only looked at: its bytes are not here, and its size is that of the descriptor.
func (e *Entry) unread() registry.Version {
	return registry.Version{Name: e.Version, State: registry.Published, Digest: digest.Digest(e.Version), MediaType: e.MediaType, Size: e.Size}
}

// blob finds a blob of an image in any place. One that no place holds is fetched if a version that is here names it: a caller who knows
// nothing but a digest gets nothing.
func (s *Upstreams) blob(ctx context.Context, at registry.Name, d digest.Digest) (registry.File, error) {
	f, err := s.look(ctx, at)
	if err != nil {
		return registry.File{}, err
	}
	if err := s.askOwners(ctx, &f, at.At(""), ""); err != nil {
		return registry.File{}, err
	}
	f.onlyHere(ctx)
	f.answering(s.core.Rules[at.Format], f.cached)
	file, absent := search(f.everywhere(), f.lacks(registry.AboutBlob, d.String()), func(src source) (registry.File, error) {
		have, err := s.local.Blob(ctx, src.at(at), d)
		if err == nil && src.pkg.Origin == metadata.OriginCached {
			s.usedBlob(ctx, src.pkg, d)
		}
		return have, err
	})
	if absent == nil || registry.KindOf(absent) != registry.NotFound {
		return file, absent
	}
	var failed error // as in pinnedVersion
	for _, p := range f.anywhere() {
		file, err := s.blobAt(ctx, f, p, d)
		if down(err) {
			failed = err
			continue
		}
		if err == nil || registry.KindOf(err) != registry.NotFound {
			return file, err
		}
		absent = about(registry.AboutBlob, err)
	}
	return registry.File{}, f.proven(cmp.Or(failed, absent))
}

func (s *Upstreams) blobAt(ctx context.Context, f found, p place, d digest.Digest) (registry.File, error) {
	r, err := s.remoteOf(p)
	if err != nil {
		return registry.File{}, err
	}
	src, here := f.entered(p.repository.ID)
	if !here {
		return registry.File{}, f.lacks(registry.AboutBlob, d.String())
	}
	var v registry.Version
	err = s.core.Store.View(ctx, func(tx metadata.Tx) error {
		naming, err := tx.References().Referrers(metadata.ReferrerPage{PackageID: src.pkg.ID, Kind: registry.RefBlob, Digest: d, Limit: 1})
		if err != nil || len(naming) == 0 {
			return err
		}
		v, err = tx.Versions().VersionByID(naming[0].ID)
		return err
	})
	if err != nil {
		return registry.File{}, err
	}
	e := r.images.Blob(v, d)
	if e == nil {
		return registry.File{}, f.lacks(registry.AboutBlob, d.String())
	}
	return s.fromEntry(ctx, r, f.name.At(v.Name), d.String(), nil, e, nil)
}

// imageTags is a page of the tags of an image: of those places that answer, and of the remotes as they list them. Of a tag that was never
// served here only the name is known.
func (s *Upstreams) imageTags(ctx context.Context, at registry.Name, page registry.Page) ([]registry.Tag, error) {
	f, err := s.look(ctx, at)
	if err != nil {
		return nil, err
	}
	if err := s.askOwners(ctx, &f, at.At(""), ""); err != nil {
		return nil, err
	}
	rules := s.core.Rules[at.Format]
	f.answering(rules, f.cached)
	out, absent := s.tags(ctx, f, page)
	if absent != nil && registry.KindOf(absent) != registry.NotFound {
		return nil, absent
	}
	some := absent == nil
	var failed error // of places that are left out
	for _, p := range f.remotes {
		x, err := s.tagList(ctx, f, p)
		switch {
		case err == nil:
			some = true
			out = addTags(out, x.Tags, page)
		case registry.KindOf(err) == registry.NotFound:
			absent = about(registry.AboutPackage, err)
			continue
		case s.passOver(ctx, p, err):
			failed = err
			continue
		case len(f.cached) == 0:
			return nil, err
		default:
			s.staleAt(ctx, &p, registry.CacheDocument)
		}
		if modeOf(p, rules) == First {
			break
		}
	}
	if !some {
		return nil, f.proven(cmp.Or(failed, absent))
	}
	return out, nil
}

// addTags adds the tags of a page that are not in the list yet. Both lists are ascending.
func addTags(have, more []registry.Tag, page registry.Page) []registry.Tag {
	byName := func(a, b registry.Tag) int { return strings.Compare(a.Name, b.Name) }
	known := len(have)
	for _, t := range more {
		if _, there := slices.BinarySearchFunc(have[:known], t, byName); !there && t.Name > page.After {
			have = append(have, t)
		}
	}
	slices.SortFunc(have, byName)
	if page.Limit > 0 {
		have = have[:min(len(have), page.Limit)]
	}
	return have
}

// about gives a NotFound of a remote the subject that the front-end knows. Other errors stay.
func about(subject registry.Subject, err error) error {
	var e *registry.Error
	if !errors.As(err, &e) || e.Kind != registry.NotFound {
		return err
	}
	return &registry.Error{Kind: e.Kind, Subject: subject, Detail: e.Detail, Err: err}
}
