package maintain

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
)

// state compares the tables with the replayed log, package by package, and then those with versions or tags of the log that were not seen:
// published behind the place that the walk had reached, or not there. What is newer than the end of the walk is left out.
func (f *fsck) state(ctx context.Context) error {
	var repos []registry.Repository
	if err := f.view(ctx, func(tx metadata.Tx) (err error) {
		repos, err = registry.AllRepositories(tx.Repositories())
		return err
	}); err != nil {
		return err
	}
	for _, r := range repos {
		q := metadata.PackageQuery{RepositoryID: r.ID, Limit: registry.MaxPage}
		for more := true; more; {
			if err := f.view(ctx, func(tx metadata.Tx) (err error) {
				more, err = f.packages(tx, &q)
				return err
			}); err != nil {
				return err
			}
		}
	}
	end := f.next
	if err := f.again(ctx, f.replay.unseen(end)); err != nil {
		return err
	}
	for key, v := range f.replay.versions {
		if !v.seen && v.seq < end && !f.replay.dropped[v.repo] {
			f.wrong("version", "the log (entry %d) knows version %q of package %d, the tables do not", v.seq, key.name, key.pkg)
		}
	}
	for key, t := range f.replay.tags {
		if !t.seen && t.seq < end && !f.replay.dropped[t.repo] {
			f.wrong("tag", "the log (entry %d) sets tag %q of package %d, the tables do not", t.seq, key.name, key.pkg)
		}
	}
	return nil
}

// packages compares the packages of a repository from a place on, until the view has to end. more: there may be others, from the place that
// q then names.
func (f *fsck) packages(tx metadata.Tx, q *metadata.PackageQuery) (more bool, err error) {
	for until := time.Now().Add(viewTime); ; {
		if f.replay.dropped[q.RepositoryID] {
			return false, nil
		}
		page, err := tx.Packages().Packages(*q)
		if err != nil {
			return false, err
		}
		for _, p := range page {
			f.sum.Packages++
			f.progress()
			if err := f.pkg(tx, p, false); err != nil {
				return false, err
			}
			if q.AfterFormat, q.AfterKey = p.Format, p.Key; time.Now().After(until) {
				return true, nil
			}
		}
		if len(page) < q.Limit {
			return false, nil
		}
	}
}

// again compares what was not seen of these packages.
func (f *fsck) again(ctx context.Context, list []int64) error {
	for len(list) > 0 {
		if err := f.view(ctx, func(tx metadata.Tx) error {
			for until := time.Now().Add(viewTime); len(list) > 0; {
				p, err := tx.Packages().PackageByID(list[0])
				if err == nil && !f.replay.dropped[p.RepositoryID] {
					err = f.pkg(tx, p, true)
				}
				if err != nil && !errors.Is(err, metadata.ErrNotExist) {
					return err
				}
				if list = list[1:]; time.Now().After(until) {
					return nil
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// pkg compares one package with the replay; with again, only what was not seen of it.
func (f *fsck) pkg(tx metadata.Tx, p registry.Package, again bool) error {
	what := fmt.Sprintf("%s/%s %s", p.Repository, p.Format, p.Name)
	versions, err := tx.Versions().Versions(metadata.VersionPage{PackageID: p.ID, Deleted: true, NoDescriptors: true})
	if err != nil {
		return err
	}
	live := int64(0)
	for _, v := range versions {
		if v.State != registry.Deleted {
			live++
		}
		if want, ok := f.replay.versions[versionKey{p.ID, v.Name}]; again && (!ok || want.seen) {
			continue
		}
		if err := f.version(tx, what, p, v); err != nil {
			return err
		}
	}
	if live != p.VersionCount && !again {
		f.wrong("package", "%s counts %d versions, but has %d", what, p.VersionCount, live)
	}
	tags, err := tx.Tags().Tags(p.ID)
	if err != nil {
		return err
	}
	for _, t := range tags {
		if want, ok := f.replay.tags[tagKey{p.ID, t.Name}]; !again || ok && !want.seen {
			f.tag(what, p, t, versions)
		}
	}
	return nil
}

func (f *fsck) tag(what string, p registry.Package, t registry.Tag, versions []registry.Version) {
	key := tagKey{p.ID, t.Name}
	want, ok := f.replay.tags[key]
	if ok {
		seen := want
		seen.seen, want.seen = true, false
		f.replay.tags[key] = seen
	}
	if got := (tagState{repo: p.RepositoryID, version: t.Version, generation: t.Generation, seq: t.SeqFrom}); !ok || got != want {
		f.wrong("tag", "%s: tag %q names %s (generation %d), the log says %q (generation %d)", what, t.Name, t.Version, t.Generation, want.version, want.generation)
	}
	if i := slices.IndexFunc(versions, func(v registry.Version) bool { return v.ID == t.VersionID && v.State != registry.Deleted }); i < 0 {
		f.wrong("tag", "%s: tag %q names a version that is not there", what, t.Name)
	}
}

func (f *fsck) version(tx metadata.Tx, what string, p registry.Package, v registry.Version) error {
	f.sum.Versions++
	files, err := tx.Files().Files(metadata.FileQuery{VersionID: v.ID})
	if err != nil {
		return err
	}
	if v.State == registry.Deleted && len(files) > 0 {
		if was, err := tx.Trash().Discarded(v.ID); err == nil && was.Moving {
			files = nil // they are being taken away
		} else if err != nil && !errors.Is(err, metadata.ErrNotExist) {
			return err
		}
	}
	facts, err := tx.Facts().Facts(v.ID)
	if err != nil {
		return err
	}
	f.sum.Files += int64(len(files))
	if files, err = f.cached(tx, what, p, v, files); err != nil {
		return err
	}
	key := versionKey{p.ID, v.Name}
	want, ok := f.replay.versions[key]
	if ok {
		seen := want
		seen.seen = true
		f.replay.versions[key] = seen
	}
	if !ok {
		f.wrong("version", "%s %s has no entry in the log", what, v.Name)
		return nil
	}
	got := versionState{repo: p.RepositoryID, state: v.State, seq: v.Seq, silent: !v.Announced}
	got.files.files(registry.EventFiles(files))
	got.facts.facts(registry.FactInputs(facts))
	named := got.files == want.files
	if !named {
		if named, err = f.parts(tx, v, files); err != nil {
			return err
		}
	}
	switch {
	case got.state != want.state:
		f.wrong("version", "%s %s is %s, the log says %s", what, v.Name, got.state, want.state)
	case !named:
		f.wrong("version", "%s %s has other files than the log says", what, v.Name)
	case got.facts != want.facts:
		f.wrong("version", "%s %s has other facts than the log says", what, v.Name)
	case got.silent != want.silent && !v.Attached: // what was attached before there was a word for it may have been announced
		f.wrong("version", "%s %s: whether it was announced is not what the log says", what, v.Name)
	case got.seq != want.seq:
		f.wrong("version", "%s %s names entry %d as its publish, the log %d", what, v.Name, got.seq, want.seq)
	}
	return f.identity(tx.Versions(), what, v, files)
}

// parts reports whether the files of a version are blobs that its descriptor names, each under its digest: those arrive from a remote one
// by one, without entries in the log, as the version's own digest pins them.
func (f *fsck) parts(tx metadata.Tx, v registry.Version, files []registry.File) (bool, error) {
	refs, err := tx.References().References(v.ID)
	if err != nil || !slices.ContainsFunc(refs, func(r metadata.Reference) bool { return r.Kind == registry.RefBlob }) {
		return false, err
	}
	for _, file := range files {
		d := digest.Digest(file.Path)
		same := file.Blob.Digest == d || d.Validate() == nil && d.Algorithm() == digest.SHA512 && d.Encoded() == hex.EncodeToString(file.Blob.SHA512)
		if !same || !slices.Contains(refs, metadata.Reference{VersionID: v.ID, PackageID: v.PackageID, Kind: registry.RefBlob, Digest: d}) {
			return false, nil
		}
	}
	return true, nil
}

// identity checks a version's digest against its files, or against its descriptor where the format names versions by that.
func (f *fsck) identity(versions metadata.Versions, what string, v registry.Version, files []registry.File) error {
	switch {
	case v.State == registry.Deleted, v.Digest == registry.ContentDigest(files), v.Digest == "" && len(files) > registry.MaxDigestedFiles:
		return nil
	case v.Digest == "":
		f.wrong("version", "%s %s has no digest, although it has %d files only", what, v.Name, len(files))
		return nil
	}
	full, err := versions.VersionByID(v.ID)
	if err != nil {
		return err
	}
	if v.Digest.Validate() != nil || v.Digest.Algorithm().FromBytes(full.Descriptor) != v.Digest {
		f.wrong("version", "%s %s has a digest that is neither that of its files nor that of its descriptor", what, v.Name)
	}
	return nil
}
