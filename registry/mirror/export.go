package mirror

import (
	"archive/tar"
	"context"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/ledger"
)

// Bundle is a bundle that is ready to be written. Close gives its temporary file up.
type Bundle struct {
	m        *Mirror
	actor    access.Actor
	repo     registry.Repository
	manifest bundleManifest
	lines    *lines
	blobs    map[digest.Digest]int64
	seqs     map[int64]bool // of the log entries that it has
}

// Export gathers what is here of a repository and of the repositories that it answers from, as far as the caller may read them: all
// versions with files or a descriptor, or those that a list names, which must be here; since is the log entry after which something of a
// version must have entered, -1 is none. NotFound, Denied, Unauthenticated, Invalid.
func (m *Mirror) Export(ctx context.Context, repository string, wants []Want, since int64) (*Bundle, error) {
	actor, err := m.core.Authorize(ctx, access.Read, repository)
	if err != nil {
		return nil, err
	}
	if actor.Type == access.TypeAnonymous {
		return nil, registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to export a repository")
	}
	places, err := m.upstreams.Repositories(ctx, repository)
	if err != nil {
		return nil, err
	}
	only, err := m.wanted(ctx, repository, wants)
	if err != nil {
		return nil, err
	}
	l, err := newLines()
	if err != nil {
		return nil, err
	}
	b := &Bundle{m: m, actor: actor, repo: places[0], lines: l, blobs: map[digest.Digest]int64{}, seqs: map[int64]bool{}}
	b.manifest = bundleManifest{Format: bundleFormat, Instance: m.core.Identity().ID, Repository: repository, Since: since, CreatedAt: metadata.FormatTime(m.core.Now())}
	if err := b.gather(ctx, places, only, since); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// Close gives the bundle up.
func (b *Bundle) Close() { b.lines.close() }

// versionKey names a version within a bundle.
func versionKey(format, pkg, version string) string { return format + "\x00" + pkg + "\x00" + version }

// wanted are the versions that a list names, with those that they lead to; nil where there is no list. NotFound: one of them is not here.
func (m *Mirror) wanted(ctx context.Context, repository string, wants []Want) (map[string]bool, error) {
	if len(wants) == 0 {
		return nil, nil
	}
	out := map[string]bool{}
	for _, w := range wants {
		g := &getting{m: m, look: true, want: w, repository: repository, seen: map[string]bool{}}
		if err := g.all(ctx); err != nil {
			e := *registry.AsError(err)
			e.Detail = registry.Clip(w.PURL) + " is not here: " + e.Detail
			return nil, &e
		}
		for key := range g.seen {
			parts := strings.SplitN(key, "\x00", 4)
			out[versionKey(parts[0], parts[1], parts[2])] = true
		}
	}
	return out, nil
}

// gather writes the parts.
func (b *Bundle) gather(ctx context.Context, places []registry.Repository, only map[string]bool, since int64) error {
	have := map[string]bool{}
	for _, place := range places {
		if err := b.place(ctx, place, only, have, since); err != nil {
			return err
		}
	}
	if b.manifest.Versions == 0 {
		return registry.Errorf(registry.NotFound, registry.AboutVersion, "there is nothing to export")
	}
	if err := b.log(ctx); err != nil {
		return err
	}
	if err := b.lines.flush(); err != nil {
		return err
	}
	b.manifest.Parts, b.manifest.Blobs = b.lines.parts, len(b.blobs)
	for _, size := range b.blobs {
		b.manifest.Bytes += size
	}
	return nil
}

// place adds the versions of one repository that no place before it has.
func (b *Bundle) place(ctx context.Context, place registry.Repository, only, have map[string]bool, since int64) error {
	q := metadata.PackageQuery{RepositoryID: place.ID, Limit: partLines}
	for {
		var page []registry.Package
		err := b.m.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
			page, err = tx.Packages().Packages(q)
			return err
		})
		if err != nil {
			return err
		}
		for _, pkg := range page {
			if err := b.pkg(ctx, pkg, only, have, since); err != nil {
				return err
			}
			q.AfterFormat, q.AfterKey = pkg.Format, pkg.Key
		}
		if len(page) < q.Limit {
			return nil
		}
	}
}

// pkg adds the versions of one package, some at a time.
func (b *Bundle) pkg(ctx context.Context, pkg registry.Package, only, have map[string]bool, since int64) error {
	q := metadata.VersionPage{PackageID: pkg.ID, Limit: 100}
	for {
		var page []bundledVersion
		n := 0
		err := b.m.core.Store.View(ctx, func(tx metadata.Tx) error {
			versions, err := tx.Versions().Versions(q)
			n = len(versions)
			for _, v := range versions {
				q.AfterSortKey, q.AfterName = v.SortKey, v.Name
				if key := versionKey(pkg.Format, pkg.Key, v.Name); err != nil || have[key] || only != nil && !only[key] {
					continue
				}
				var line bundledVersion
				if line, err = b.version(tx, pkg, v); newest(line) > since && len(line.Files)+len(line.Descriptor) > 0 {
					page = append(page, line)
				}
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, line := range page {
			if b.refused(ctx, pkg, line) {
				continue
			}
			have[versionKey(pkg.Format, pkg.Key, line.Version)] = true
			if err := b.add(line); err != nil {
				return err
			}
		}
		if n < q.Limit {
			return nil
		}
	}
}

// newest is the last log entry that brought something of a version.
func newest(line bundledVersion) int64 {
	seq := line.Seq
	for _, f := range line.Files {
		seq = max(seq, f.Seq)
	}
	return seq
}

// refused reports whether a rule keeps a file of the version from those who ask for it, so that no bundle has it either.
func (b *Bundle) refused(ctx context.Context, pkg registry.Package, line bundledVersion) bool {
	at, err := registry.NewName(b.manifest.Repository, pkg.Format, pkg.Key, pkg.Name)
	if err != nil {
		return true
	}
	for _, f := range line.Files {
		if _, err := b.m.reader.FileHere(ctx, at.At(line.Version), f.Path); err != nil {
			return true
		}
	}
	return false
}

func (b *Bundle) add(line bundledVersion) error {
	if b.manifest.Versions++; b.manifest.Versions > maxVersions {
		return registry.Errorf(registry.Invalid, registry.AboutRequest, "a bundle has at most %d versions; name some in a list, or give since", maxVersions)
	}
	b.seqs[line.Seq] = true
	for _, f := range line.Files {
		b.blobs[f.Digest] = f.Size
		b.seqs[f.Seq] = true
	}
	return b.lines.add(versionsPart, line)
}

// version reads all that a bundle has of a version.
func (b *Bundle) version(tx metadata.Tx, pkg registry.Package, v registry.Version) (line bundledVersion, err error) {
	line = bundledVersion{Format: pkg.Format, Package: pkg.Key, Display: pkg.Name, PackageDescriptor: pkg.Descriptor, Version: v.Name, PURL: v.PURL, State: v.State, Reason: v.Reason,
		SortKey: v.SortKey, Prerelease: v.Prerelease, Descriptor: v.Descriptor, MediaType: v.MediaType, Silent: !v.Announced && !v.Attached, Attached: v.Attached,
		PublishedAt: metadata.FormatTime(v.PublishedAt), Seq: v.Seq}
	files, err := tx.Files().Files(metadata.FileQuery{VersionID: v.ID})
	if err != nil {
		return line, err
	}
	for _, f := range files {
		line.Files = append(line.Files, bundledFile{f.Path, f.MediaType, f.Blob.Digest, f.Blob.Size, f.Seq})
	}
	if b.m.core.Rules[pkg.Format].Images {
		line.Digest = v.Digest
	}
	cached, err := tx.Caches().CachedFiles(v.ID)
	if err != nil {
		return line, err
	}
	if pkg.Origin == metadata.OriginCached && len(cached) > 0 {
		c := cached[0]
		line.Cached = &bundledOrigin{Verified: c.Verified, EnteredAt: metadata.FormatTime(c.EnteredAt)}
		if !c.PublishedAt.IsZero() {
			line.Cached.PublishedAt = metadata.FormatTime(c.PublishedAt)
		}
		if line.Cached.Upstream, err = b.m.upstreamName(tx, c.UpstreamID); err != nil {
			return line, err
		}
	}
	references, err := tx.References().References(v.ID)
	if err != nil {
		return line, err
	}
	for _, r := range references {
		line.References = append(line.References, bundledReference{r.Kind, r.Digest})
	}
	tags, err := tx.Tags().TagsOfVersion(v.ID)
	if err != nil {
		return line, err
	}
	for _, t := range tags {
		line.Tags = append(line.Tags, t.Name)
	}
	facts, err := tx.Facts().Facts(v.ID)
	line.Facts = registry.FactInputs(facts)
	return line, err
}

// upstreamName is the name of an upstream; "elsewhere" of one that was removed.
func (m *Mirror) upstreamName(tx metadata.Tx, id int64) (string, error) {
	list, err := tx.Upstreams().Upstreams()
	for _, u := range list {
		if u.ID == id {
			return u.Name, err
		}
	}
	return "elsewhere", err
}

// log adds the log entries of all versions, with proofs for a checkpoint that covers them.
func (b *Bundle) log(ctx context.Context) error {
	seqs := slices.Sorted(maps.Keys(b.seqs))
	last := seqs[len(seqs)-1]
	cp, err := b.m.ledger.LogCheckpoint(ctx)
	if err != nil || cp.Size <= last {
		if err := b.m.ledger.SignCheckpoint(ctx); err != nil {
			return err
		}
		if cp, err = b.m.ledger.LogCheckpoint(ctx); err != nil {
			return err
		}
	}
	b.manifest.Checkpoint = string(cp.Note)
	return b.m.core.Store.View(ctx, func(tx metadata.Tx) error {
		for _, seq := range seqs {
			entries, err := tx.Log().Entries(metadata.EntryQuery{After: seq - 1, Limit: 1})
			if err != nil || len(entries) == 0 || entries[0].Seq != seq {
				return registry.Missing(metadata.ErrNotExist, registry.AboutRequest, "the log has no entry %d: %v", seq, err)
			}
			proof, err := tlog.ProveRecord(cp.Size, seq, ledger.HashReader(tx.Log()))
			if err != nil {
				return err
			}
			if err := b.lines.add(logPart, bundledEntry{Seq: seq, Leaf: string(entries[0].Leaf()), Proof: proof}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Write writes the bundle, and notes in the log that it left.
func (b *Bundle) Write(ctx context.Context, w io.Writer) error {
	manifest, err := canonical(b.manifest)
	if err != nil {
		return err
	}
	signed, err := note.Sign(&note.Note{Text: signedText(manifest)}, b.m.core.Signer)
	if err != nil {
		return err
	}
	out := tar.NewWriter(w)
	whole := func(name string, size int64, r io.Reader) error {
		if err := out.WriteHeader(&tar.Header{Name: name, Size: size, Mode: 0o644, ModTime: time.Unix(0, 0), Format: tar.FormatPAX}); err != nil {
			return err
		}
		n, err := io.Copy(out, r)
		if err == nil && n != size {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	if err := whole(manifestName, int64(len(manifest)), strings.NewReader(string(manifest))); err != nil {
		return err
	}
	if err := whole(manifestSig, int64(len(signed)), strings.NewReader(string(signed))); err != nil {
		return err
	}
	parts := b.lines.reader()
	for _, p := range b.manifest.Parts {
		if err := whole(p.Name, p.Size, io.LimitReader(parts, p.Size)); err != nil {
			return err
		}
	}
	for _, d := range slices.Sorted(maps.Keys(b.blobs)) {
		r, err := b.m.core.Blobs.Open(ctx, d, 0, -1)
		if err != nil {
			return err
		}
		err = whole(blobFolder+d.Encoded(), b.blobs[d], r)
		_ = r.Close() // it was read to its end, or the bundle fails
		if err != nil {
			return err
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	return b.m.note(ctx, b.actor, registry.EventMirrorExported, b.repo, registry.EventBundle{From: b.m.core.Signer.Name(), Versions: b.manifest.Versions, Blobs: len(b.blobs), Bytes: b.manifest.Bytes})
}

// note writes a log entry about a bundle.
func (m *Mirror) note(ctx context.Context, actor access.Actor, kind registry.EventType, repo registry.Repository, e registry.EventBundle) error {
	return m.core.Update(ctx, func(tx metadata.Tx) error {
		_, err := registry.Append(tx.Log(), actor, kind, "", repo.ID, 0, registry.EventData{Repository: repo.Name, Bundle: &e})
		return err
	})
}
