package mirror

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/publish"
)

// Imported is what became of a bundle.
type Imported struct {
	From     string // name of the log whose key signed it
	Versions int    // that are here now, and were not
	Present  int    // that were here before
	Missing  []digest.Digest
	Refused  []Refusal
}

// Refusal says why a version was not taken.
type Refusal struct{ PURL, Reason string }

// maxRefusals bounds how many reasons are told.
const maxRefusals = 1000

// importing takes a bundle in.
type importing struct {
	m        *Mirror
	actor    access.Actor
	repo     registry.Repository
	verifier note.Verifier
	tar      *tar.Reader
	manifest bundleManifest
	tree     tlog.Tree
	lines    *lines
	need     map[digest.Digest]*neededBlob
	claimed  map[int64]string // what versions say of log entries: their package URLs
	remotes  map[string]int64 // ids of upstreams, by format and name
	out      Imported
}

// neededBlob is a file's bytes: the first package that needs them, which holds them until the versions are made.
type neededBlob struct {
	at     registry.Name
	size   int64
	blob   registry.Blob
	stored time.Time
	here   bool
}

// Import takes the versions of a bundle into a repository that the caller administers. trust is the verifier of the log whose key must
// have signed it. Bytes that this repository has from an earlier try need not be in the bundle; what neither has is Missing, and the
// versions that need it are not made: each is made whole or not at all. Invalid: the bundle is not signed by the key, or is not what was
// signed; NotFound, Denied.
func (m *Mirror) Import(ctx context.Context, repository, trust string, r io.Reader) (Imported, error) {
	actor, err := m.core.Authorize(ctx, access.Admin, repository)
	if err != nil {
		return Imported{}, err
	}
	repo, err := m.core.RepositoryRow(ctx, repository)
	if err != nil {
		return Imported{}, err
	}
	i := &importing{m: m, actor: actor, repo: repo, tar: tar.NewReader(r), need: map[digest.Digest]*neededBlob{}, claimed: map[int64]string{}, remotes: map[string]int64{}}
	if i.verifier, err = note.NewVerifier(strings.TrimSpace(trust)); err != nil {
		return Imported{}, unusable("trust must be the key of the log that signed the bundle, as 'slipway log key' prints it there")
	}
	i.out.From = i.verifier.Name()
	if i.lines, err = newLines(); err != nil {
		return Imported{}, err
	}
	defer i.lines.close()
	for _, step := range []func(context.Context) error{i.head, i.parts, i.blobs, i.versions} {
		if err := step(ctx); err != nil {
			return i.out, err
		}
	}
	if i.out.Versions == 0 {
		return i.out, nil
	}
	err = m.note(ctx, actor, registry.EventMirrorImported, repo, registry.EventBundle{From: i.out.From, Versions: i.out.Versions, Blobs: i.manifest.Blobs, Bytes: i.manifest.Bytes,
		Seq: i.tree.N})
	return i.out, err
}

// blobs stores the bytes that the archive has, each verified by its digest while it is stored, and looks for the others among what an
// earlier try has left. Nothing of the archive is a path here: a name is a digest, or is refused.
func (i *importing) blobs(ctx context.Context) error {
	last := ""
	for {
		h, err := i.tar.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return cut(err)
		}
		digits, ok := strings.CutPrefix(h.Name, blobFolder)
		n := i.need[digest.Digest("sha256:"+digits)]
		if !ok || h.Typeflag != tar.TypeReg || n == nil || digits <= last || h.Size != n.size {
			return unusable("the bundle has %q, which its manifest does not need there", registry.Clip(h.Name))
		}
		last = digits
		n.stored = i.m.core.Now()
		if n.blob, err = i.m.content.Receive(ctx, n.at, digest.Digest("sha256:"+digits), i.tar, n.size); err != nil {
			return cut(err)
		}
		n.here = true
	}
	for d, n := range i.need {
		if n.here {
			continue
		}
		b, err := i.m.content.OwnBlob(ctx, n.at, d)
		switch {
		case err == nil:
			n.blob, n.stored, n.here = b, i.m.core.Now(), true
		case registry.KindOf(err) == registry.NotFound:
			i.out.Missing = append(i.out.Missing, d)
		default:
			return err
		}
	}
	return nil
}

// versions makes the versions of which every file is here.
func (i *importing) versions(ctx context.Context) error {
	return eachLine(i.lines.reader(), func(raw []byte) error {
		var v bundledVersion
		if err := json.Unmarshal(raw, &v); err != nil {
			return err
		}
		var files []publish.Staged
		for _, f := range v.Files {
			n := i.need[f.Digest]
			if !n.here {
				return nil
			}
			files = append(files, publish.Arrived(f.Path, f.MediaType, n.blob, n.stored))
		}
		res, err := i.make(ctx, v, files)
		switch kind := registry.KindOf(err); {
		case err == nil && res.Created:
			i.out.Versions++
		case err == nil:
			i.out.Present++
		case kind == registry.Conflict || kind == registry.AlreadyExists || kind == registry.Denied || kind == registry.Invalid,
			registry.AsError(err).Subject == registry.AboutUpstream: // which owns names and can't answer
			if len(i.out.Refused) < maxRefusals {
				i.out.Refused = append(i.out.Refused, Refusal{v.PURL, registry.AsError(err).Error()})
			}
		default:
			return err
		}
		return nil
	})
}

// Facts of a version that was imported.
const (
	factFrom = "imported.from" // the log whose key signed the bundle
	factSeq  = "imported.seq"  // the version's entry there
)

// make makes one version, with everything that was said of it where it came from.
func (i *importing) make(ctx context.Context, v bundledVersion, files []publish.Staged) (publish.Result, error) {
	at, err := i.nameOf(v)
	if err != nil {
		return publish.Result{}, err
	}
	rel := publish.Release{Version: v.Version, PURL: v.PURL, Mode: publish.Append, SortKey: v.SortKey, Prerelease: v.Prerelease, Descriptor: v.Descriptor, MediaType: v.MediaType,
		Digest: v.Digest, Silent: v.Silent, Attached: v.Attached, Tags: v.Tags, Files: files,
		Facts: append(v.Facts, registry.FactInput{Key: factFrom, Value: i.out.From, Source: "import", Rank: registry.RankObserved},
			registry.FactInput{Key: factSeq, Value: fmt.Sprint(v.Seq), Source: "import", Rank: registry.RankObserved}),
		Package: func(old []byte) ([]byte, error) {
			if len(old) > 0 {
				return old, nil
			}
			return v.PackageDescriptor, nil
		}}
	if files == nil {
		rel.Files = []publish.Staged{}
	}
	if v.Digest != "" {
		rel.Mode, rel.Fill = publish.Create, true
	}
	if v.State != registry.Published {
		rel.State, rel.Reason = v.State, v.Reason
	}
	for _, r := range v.References {
		rel.References = append(rel.References, publish.Reference{Kind: r.Kind, Digest: r.Digest})
	}
	if v.Cached != nil {
		paths := make([]string, len(v.Files))
		for n, f := range v.Files {
			paths[n] = f.Path
		}
		if err := i.m.upstreams.MayEnter(ctx, at.At(v.Version), v.Cached.Upstream, paths...); err != nil {
			return publish.Result{}, err
		}
		id, err := i.remote(ctx, v.Format, v.Cached.Upstream)
		if err != nil {
			return publish.Result{}, err
		}
		rel.Cached = &publish.Cached{Upstream: v.Cached.Upstream, File: metadata.CachedFile{UpstreamID: id, Verified: v.Cached.Verified}}
		if published, err := time.Parse(metadata.TimeLayout, v.Cached.PublishedAt); err == nil {
			rel.Cached.File.PublishedAt = published
		}
	}
	return i.m.publisher.Enter(ctx, i.actor, at, rel, files...)
}

// remote is the upstream that files of a cached version are noted under: the repository's own of that name and format, or a row that
// only says where they came from.
func (i *importing) remote(ctx context.Context, format, name string) (int64, error) {
	key := format + "\x00" + name
	if id, ok := i.remotes[key]; ok {
		return id, nil
	}
	var id int64
	err := i.m.core.Update(ctx, func(tx metadata.Tx) error {
		list, err := tx.Upstreams().Upstreams()
		if err != nil {
			return err
		}
		for _, u := range list {
			if u.RepositoryID == i.repo.ID && u.Type == metadata.UpstreamRemote && u.Format == format && u.Name == name {
				id = u.ID
				return nil
			}
		}
		row, err := tx.Upstreams().CreateUpstream(metadata.Upstream{RepositoryID: i.repo.ID, Name: name + " (imported)", Type: metadata.UpstreamRemote, Format: format, Settings: []byte("{}"), Secret: []byte{}})
		if err == nil {
			err = tx.Upstreams().RemoveUpstream(row.ID)
		}
		id = row.ID
		return err
	})
	i.remotes[key] = id
	return id, err
}
