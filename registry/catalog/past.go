package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
)

// maxPastTags bounds the tags of a package that are looked through for those that named a version.
const maxPastTags = 1000

// VersionDetailAt reads one version as it was at a past moment: the files that it had, what was said about it by then, and the tags that named
// it. One that was deleted later counts as published; a state that clients gave it is the present one, as for Search. NotFound: it was not
// there, or what is there now came later.
func (h *History) VersionDetailAt(ctx context.Context, at registry.Coordinate, when registry.AsOf) (VersionDetail, error) {
	when, err := h.core.SettleUntil(ctx, when)
	if err != nil {
		return VersionDetail{}, err
	}
	d, err := h.now.VersionDetail(ctx, at)
	if err != nil {
		return d, err
	}
	var seq int64
	var tags []registry.Tag
	now := d.Files
	err = h.now.view(ctx, at.Repository, func(tx metadata.Tx) (err error) {
		if seq, err = registry.SeqAsOf(tx.Log(), when); err != nil {
			return err
		}
		if d.Version.Seq > seq {
			return nil
		}
		if d.Version.EndedSeq > seq {
			if now, err = tx.Trash().DiscardedFiles(d.Version.ID, 0); err != nil {
				return err
			}
		}
		if d.Files, err = filesThen(tx, d.Version, now, seq); err != nil {
			return err
		}
		tags, err = tx.Tags().TagPageAt(d.Package.ID, seq, registry.Page{Limit: maxPastTags})
		return err
	})
	switch {
	case err != nil:
		return d, err
	case d.Version.Seq > seq:
		return d, registry.Errorf(registry.NotFound, registry.AboutVersion, "there was no version %q of %q then", registry.Clip(at.Version), d.Package.Name)
	case d.Version.EndedSeq > seq: // it was not deleted yet
		d.Version.State, d.Version.Reason, d.Version.EndedSeq = registry.Published, "", 0
	}
	if then, digest := registry.ContentDigest(d.Files), registry.ContentDigest(now); then != digest {
		if d.Version.Digest == digest {
			d.Version.Digest = then
		}
		d.Version.Size = 0
		for _, f := range d.Files {
			d.Version.Size += f.Blob.Size
		}
	}
	d.Tags = slices.DeleteFunc(tags, func(t registry.Tag) bool { return t.VersionID != d.Version.ID })
	d.Facts = slices.DeleteFunc(d.Facts, func(f registry.Fact) bool { return f.Seq > seq })
	return d, nil
}

// packageThen calls fn with the package of a repository itself, and the sequence number of the log that a moment is. NotFound.
func (h *History) packageThen(ctx context.Context, at registry.Name, when registry.AsOf, fn func(tx metadata.Tx, p registry.Package, seq int64) error) error {
	when, err := h.core.SettleUntil(ctx, when)
	if err != nil {
		return err
	}
	return h.now.view(ctx, at.Repository, func(tx metadata.Tx) error {
		p, err := registry.OpenPackage(tx, at)
		if err != nil {
			return err
		}
		seq, err := registry.SeqAsOf(tx.Log(), when)
		if err != nil {
			return err
		}
		return fn(tx, p, seq)
	})
}

// maxPastEntries bounds the entries of a package that are looked through for what happened to the files of a version.
const maxPastEntries = 20_000

// fileChanges are the types of entries after which a version has other files than before.
var fileChanges = []string{registry.EventArtifactFilesAdded.String(), registry.EventArtifactFilesReplaced.String(), registry.EventArtifactFilesRemoved.String(),
	registry.EventCacheEntered.String(), registry.EventCacheReplaced.String()}

// filesThen are the files that a version had right after the entry seq, by path: what has come later is left out, and what was replaced or
// removed is there as it was; its bytes may be gone. now are the files that the version has, or had when it was deleted. Of a package to which
// very much has happened since, what was replaced or removed is left out.
func filesThen(tx metadata.Tx, v registry.Version, now []registry.File, seq int64) ([]registry.File, error) {
	entries, err := tx.Log().Entries(metadata.EntryQuery{After: seq - 1, Before: seq + 1, Limit: 1})
	if err != nil || len(entries) == 1 && v.UpdatedAt.Before(entries[0].Time) {
		return now, err // nothing has happened to the version since
	}
	then := map[string]*registry.File{} // what has changed since; nil: it was not there
	first := func(path string, f *registry.File) {
		if _, known := then[path]; !known {
			then[path] = f
		}
	}
	q := metadata.EntryQuery{After: seq, Packages: []int64{v.PackageID}, Types: fileChanges, Limit: registry.MaxPage}
	for looked := 0; looked < maxPastEntries; looked += len(entries) {
		if entries, err = tx.Log().Entries(q); err != nil {
			return nil, err
		}
		for _, e := range entries {
			if err := changedFiles(tx, e, v, first); err != nil {
				return nil, err
			}
			q.After = e.Seq
		}
		if len(entries) < q.Limit {
			break
		}
	}
	var out []registry.File
	for _, f := range now {
		if _, changed := then[f.Path]; !changed && f.Seq <= seq {
			out = append(out, f)
		}
	}
	for _, f := range then {
		if f != nil {
			out = append(out, *f)
		}
	}
	slices.SortFunc(out, func(a, b registry.File) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

// changedFiles tells by path what the files of a version were that an entry changes; nil: not there.
func changedFiles(tx metadata.Tx, e registry.Entry, v registry.Version, was func(path string, f *registry.File)) error {
	var said registry.EventData
	if len(e.Data) == 0 || json.Unmarshal(e.Data, &said) != nil || said.Version != v.Name {
		return nil // of another version, or erased
	}
	before := said.Former
	if e.Type == registry.EventArtifactFilesRemoved.String() {
		before, said.Files = said.Files, nil
	}
	for _, f := range before {
		d := digest.NewDigestFromEncoded(digest.SHA256, f.SHA256)
		b, err := tx.Blobs().Blob(d)
		if errors.Is(err, metadata.ErrNotExist) {
			b, err = registry.Blob{Digest: d, Size: f.Size}, nil
		}
		if err != nil {
			return err
		}
		was(f.Path, &registry.File{VersionID: v.ID, PackageID: v.PackageID, Path: f.Path, MediaType: f.MediaType, AddedAt: v.PublishedAt, Blob: b})
	}
	for _, f := range said.Files {
		was(f.Path, nil)
	}
	return nil
}

// TagPageAt returns a page of the tags that held at a past moment, by name: those of the repository itself. NotFound.
func (h *History) TagPageAt(ctx context.Context, at registry.Name, when registry.AsOf, page registry.Page) ([]registry.Tag, error) {
	var out []registry.Tag
	err := h.packageThen(ctx, at, when, func(tx metadata.Tx, p registry.Package, seq int64) (err error) {
		out, err = tx.Tags().TagPageAt(p.ID, seq, page)
		return err
	})
	return out, err
}

// ReferrersAt is Referrers of a past moment: the versions that pointed at d then, as the repository itself had them. NotFound: about the repository.
func (h *History) ReferrersAt(ctx context.Context, at registry.Name, d digest.Digest, when registry.AsOf, after int64, limit int) ([]registry.Version, error) {
	var out []registry.Version
	err := h.packageThen(ctx, at, when, func(tx metadata.Tx, p registry.Package, seq int64) (err error) {
		out, err = tx.References().Referrers(metadata.ReferrerPage{PackageID: p.ID, Kind: registry.RefSubject, Digest: d, AfterID: after, Limit: registry.Bound(limit), AsOf: &seq})
		return err
	})
	if errors.Is(err, &registry.Error{Kind: registry.NotFound, Subject: registry.AboutPackage}) {
		return nil, nil
	}
	return out, err
}
