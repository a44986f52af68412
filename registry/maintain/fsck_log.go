package maintain

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/ledger"
)

// log walks the log once. It checks numbers, payload hashes, the Merkle tree and the checkpoint, and replays the entries for
// state.
func (f *fsck) log(ctx context.Context) error {
	f.replay = newReplay()
	return f.store.View(ctx, func(tx metadata.Tx) error {
		tree := treeCheck{known: map[int64]tlog.Hash{}}
		checkpoint, err := tx.Log().Checkpoint()
		if err != nil && !errors.Is(err, metadata.ErrNotExist) {
			return err
		}
		next := int64(0)
		for {
			page, err := tx.Log().Entries(metadata.EntryQuery{After: next - 1, Limit: registry.MaxPage})
			if err != nil {
				return err
			}
			for _, e := range page {
				if e.Seq != next {
					f.wrong("log", "entry %d follows %d: there is a gap", e.Seq, next-1)
				}
				next = e.Seq + 1
				f.entry(e)
			}
			if err := tree.page(tx.Log(), page, f); err != nil {
				return err
			}
			if len(page) < registry.MaxPage {
				break
			}
		}
		f.sum.Entries = next
		return f.checkpoint(tx.Log(), checkpoint, next)
	})
}

// entry checks one entry's type and payload, and replays it.
func (f *fsck) entry(e registry.Entry) {
	t, known := registry.EventTypeNamed(e.Type)
	if !known {
		f.wrong("log", "entry %d has the type %q, which this version of Slipway does not know", e.Seq, e.Type)
	}
	if e.Data == nil {
		f.note("log", "the payload of entry %d was erased", e.Seq)
		return
	}
	if !bytes.Equal(metadata.HashData(e.Salt, e.Data), e.DataHash) {
		f.wrong("log", "the payload of entry %d is not what the entry commits to", e.Seq)
	}
	var data registry.EventData
	if err := json.Unmarshal(e.Data, &data); err != nil {
		f.wrong("log", "the payload of entry %d can't be read: %v", e.Seq, err)
		return
	}
	if !known {
		return
	}
	if err := replays[t](&f.replay, e, data); err != nil {
		f.wrong("log", "entry %d (%s) can't be replayed: %v", e.Seq, e.Type, err)
	}
}

// treeCheck recomputes the Merkle hashes from the leaves and compares them with the stored ones.
type treeCheck struct {
	known map[int64]tlog.Hash // the newest computed hash of each level, by stored index
}

func (t *treeCheck) page(log metadata.Log, page []registry.Entry, f *fsck) error {
	if len(page) == 0 {
		return nil
	}
	first := tlog.StoredHashIndex(0, page[0].Seq)
	var computed []tlog.Hash
	for _, e := range page {
		hs, err := tlog.StoredHashes(e.Seq, e.Leaf(), tlog.HashReaderFunc(t.read))
		if err != nil {
			return fmt.Errorf("hash entry %d: %w", e.Seq, err)
		}
		at := tlog.StoredHashIndex(0, e.Seq)
		for i, h := range hs {
			t.known[at+int64(i)] = h
		}
		computed = append(computed, hs...)
	}
	indexes := make([]int64, len(computed))
	for i := range indexes {
		indexes[i] = first + int64(i)
	}
	stored, err := log.LogHashes(indexes)
	if err != nil {
		return err
	}
	for i := range computed {
		if tlog.Hash(stored[i]) != computed[i] {
			level, n := tlog.SplitStoredHashIndex(indexes[i])
			f.wrong("log", "stored hash %d (level %d, number %d) is not that of the entries below it", indexes[i], level, n)
			break
		}
	}
	return t.forget(page[len(page)-1].Seq + 1)
}

func (t *treeCheck) read(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		h, ok := t.known[at]
		if !ok {
			return nil, fmt.Errorf("hash %d was not computed", at)
		}
		out[i] = h
	}
	return out, nil
}

// forget keeps only the roots of the complete subtrees of a log of the given size, from which later hashes are made.
func (t *treeCheck) forget(size int64) error {
	keep := map[int64]tlog.Hash{}
	var done int64
	for level := 62; level >= 0; level-- {
		if size&(1<<uint(level)) == 0 {
			continue
		}
		at := tlog.StoredHashIndex(level, done>>uint(level))
		h, ok := t.known[at]
		if !ok {
			return fmt.Errorf("hash %d was not computed", at)
		}
		keep[at] = h
		done += 1 << uint(level)
	}
	t.known = keep
	return nil
}

// checkpoint checks the newest signed statement against the log.
func (f *fsck) checkpoint(log metadata.Log, c registry.Checkpoint, size int64) error {
	if c.Note == nil {
		return nil
	}
	v, err := note.NewVerifier(f.core.Verifier)
	if err != nil {
		return fmt.Errorf("log key: %w", err)
	}
	n, err := note.Open(c.Note, note.VerifierList(v))
	if err != nil {
		f.wrong("log", "the newest checkpoint is not signed by this log's key: %v", err)
		return nil
	}
	if c.Size > size {
		f.wrong("log", "%d entries were signed, but only %d are there", c.Size, size)
		return nil
	}
	root, err := tlog.TreeHash(c.Size, ledger.HashReader(log))
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("%s\n%d\n%s\n", v.Name(), c.Size, root); n.Text != want {
		f.wrong("log", "the newest checkpoint states another root than the log has at %d", c.Size)
	}
	return nil
}

// state compares the tables with the replayed log.
func (f *fsck) state(ctx context.Context) error {
	var repos []registry.Repository
	if err := f.store.View(ctx, func(tx metadata.Tx) (err error) {
		repos, err = registry.AllRepositories(tx.Repositories())
		return err
	}); err != nil {
		return err
	}
	for _, r := range repos {
		q := metadata.PackageQuery{RepositoryID: r.ID, Limit: registry.MaxPage}
		for {
			var page []registry.Package
			if err := f.store.View(ctx, func(tx metadata.Tx) (err error) {
				page, err = tx.Packages().Packages(q)
				return err
			}); err != nil {
				return err
			}
			for _, p := range page {
				if err := f.pkg(ctx, r, p); err != nil {
					return err
				}
				q.AfterFormat, q.AfterKey = p.Format, p.Key
			}
			if len(page) < registry.MaxPage {
				break
			}
		}
	}
	for key, v := range f.replay.versions {
		if !f.replay.dropped[v.repo] {
			f.wrong("version", "the log (entry %d) knows version %q of package %d, the tables do not", v.seq, key.name, key.pkg)
		}
	}
	for key, t := range f.replay.tags {
		if !f.replay.dropped[t.repo] {
			f.wrong("tag", "the log (entry %d) sets tag %q of package %d, the tables do not", t.seq, key.name, key.pkg)
		}
	}
	return nil
}

// pkg compares one package and takes what matches out of the replay.
func (f *fsck) pkg(ctx context.Context, r registry.Repository, p registry.Package) error {
	f.sum.Packages++
	f.progress()
	what := fmt.Sprintf("%s/%s %s", r.Name, p.Format, p.Name)
	return f.store.View(ctx, func(tx metadata.Tx) error {
		versions, err := tx.Versions().Versions(metadata.VersionPage{PackageID: p.ID, Deleted: true, NoDescriptors: true})
		if err != nil {
			return err
		}
		live := int64(0)
		for _, v := range versions {
			if v.State != registry.Deleted {
				live++
			}
			if err := f.version(tx, what, p, v); err != nil {
				return err
			}
		}
		if live != p.VersionCount {
			f.wrong("package", "%s counts %d versions, but has %d", what, p.VersionCount, live)
		}
		tags, err := tx.Tags().Tags(p.ID)
		if err != nil {
			return err
		}
		for _, t := range tags {
			want, ok := f.replay.tags[tagKey{p.ID, t.Name}]
			delete(f.replay.tags, tagKey{p.ID, t.Name})
			if got := (tagState{p.RepositoryID, t.Version, t.Generation, t.SeqFrom}); !ok || got != want {
				f.wrong("tag", "%s: tag %q names %s (generation %d), the log says %q (generation %d)", what, t.Name, t.Version, t.Generation, want.version, want.generation)
			}
			if i := slices.IndexFunc(versions, func(v registry.Version) bool { return v.ID == t.VersionID && v.State != registry.Deleted }); i < 0 {
				f.wrong("tag", "%s: tag %q names a version that is not there", what, t.Name)
			}
		}
		return nil
	})
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
	delete(f.replay.versions, key)
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
