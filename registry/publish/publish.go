package publish

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/content"
	"slipway/storage"
)

// Mode says what a commit may do to a version that exists.
type Mode int

// Modes. Create: nothing; the same files again are success. Append: add files under new paths. Replace: also put other
// bytes under known paths.
const (
	Create Mode = iota
	Append
	Replace
)

// Staged is a file whose bytes are durable but not yet visible.
type Staged struct {
	Path      string
	MediaType string
	Blob      registry.Blob // without ID

	at      time.Time // collections after it may have taken the bytes
	checked bool      // at is exact: the bytes were seen since
	linked  bool      // bytes that the package holds already
	held    bool      // bytes that a set holds
}

// Release is what a commit makes of the staged files.
type Release struct {
	Version    string
	PURL       string
	Mode       Mode
	SortKey    []byte
	Prerelease bool
	Descriptor []byte
	MediaType  string
	// Digest is the identity of the content where the format has one of its own (a manifest's); "" for ContentDigest. A
	// Create of the same coordinate with the same Digest is the same content, and its Tags are set all the same.
	Digest digest.Digest
	// Merge returns the version's descriptor from the former one, nil for a new version: for formats whose versions grow
	// file by file, where several requests may meet. It may run more than once.
	Merge func(old []byte) ([]byte, error)
	// State and Reason mark a version that is new, with an event of their own; "" leaves it Published. See Edit.SetState.
	State  registry.State
	Reason string
	// References are what the version points at within its package.
	References []Reference
	// Silent stores a part of something else: it is logged, but announced only with its first tag.
	Silent bool
	// Revive lets a deleted coordinate be published again: it names its content, so it can't come back as something else.
	Revive bool
	// SameKey says that versions with an equal SortKey are one, however they are spelled: what is there, or was, keeps its
	// name and PURL, and the release goes into it.
	SameKey bool
	// Package returns the package's descriptor from the former one; nil keeps it. It may run more than once.
	Package func(old []byte) ([]byte, error)
	// Tags are set to the version; TagsIfUnset only where the package has no such tag.
	Tags        []string
	TagsIfUnset []string
	// TagIf sees, in the transaction, what each of Tags names before, a zero Tag for nothing, and refuses the commit with
	// its error. It may run more than once and touches nothing else. nil: no condition.
	TagIf func(name string, now registry.Tag) error
	Facts []registry.FactInput
	// Files are the staged files that belong to the version; nil is all. The others are dropped.
	Files []Staged
	// If sees, in the transaction, the files that the version holds before (none when it is new), and refuses the commit
	// with its error. It may run more than once and touches nothing else. nil: no condition.
	If func(have Held) error
}

// Result is what a commit did. Neither Created nor Changed: all of it was there before, and there is no new event.
type Result struct {
	Version registry.Version
	Package registry.Package // as it is with the version
	Created bool             // the version is new
	Changed bool             // something was written, if only a tag
}

// Publish is a version on its way: Begin, Stage each file, Commit. Nothing is visible before Commit returns nil.
// It is not safe for concurrent use.
type Publish struct {
	svc    *Publisher
	actor  access.Actor
	repo   registry.Repository
	name   registry.Name
	start  time.Time
	staged []Staged
	ended  bool
}

// Reference is a digest that a version points at.
type Reference struct {
	Kind   string
	Digest digest.Digest
	// Required: the package must hold a version of this digest, else the commit fails with NotFound about a blob. Others
	// need not be there.
	Required bool
}

// Begin starts a publish into a package, which need not exist yet. NotFound, Denied, Unauthenticated.
func (s *Publisher) Begin(ctx context.Context, at registry.Name) (*Publish, error) {
	actor, err := s.core.Authorize(ctx, access.Publish, at.Repository)
	if err != nil {
		return nil, err
	}
	repo, err := s.core.RepositoryRow(ctx, at.Repository)
	if err != nil {
		return nil, err
	}
	return &Publish{svc: s, actor: actor, repo: repo, name: at, start: s.core.Now()}, nil
}

// Repository returns the repository published into.
func (p *Publish) Repository() registry.Repository { return p.repo }

// Stage reads r to EOF into the blob store, with every sum in the same pass. The bytes are durable when it returns and
// belong to the publish; without Commit they are garbage. DigestMismatch, TooLarge, BadBody, NoSpace.
func (p *Publish) Stage(ctx context.Context, f content.StageFile, r io.Reader) (Staged, error) {
	st, err := p.put(ctx, f, r)
	if err == nil {
		p.staged = append(p.staged, st)
	}
	return st, err
}

// StageAll is Stage of several files that are in memory, side by side, so that one flush of the store can serve them all.
func (p *Publish) StageAll(ctx context.Context, files []content.StageFile, contents [][]byte) ([]Staged, error) {
	out := make([]Staged, len(files))
	errs := make([]error, len(files))
	var all sync.WaitGroup
	for i := range files[1:] {
		all.Go(func() { out[i+1], errs[i+1] = p.put(ctx, files[i+1], bytes.NewReader(contents[i+1])) })
	}
	out[0], errs[0] = p.put(ctx, files[0], bytes.NewReader(contents[0]))
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	p.staged = append(p.staged, out...)
	return out, nil
}

func (p *Publish) put(ctx context.Context, f content.StageFile, r io.Reader) (Staged, error) {
	if err := registry.CheckPath(f.Path); err != nil {
		return Staged{}, err
	}
	at := p.svc.core.Now()
	limit := f.Limit
	if limit == 0 {
		limit = -1
	}
	sums := content.NewSummer(f.Sums, f.Want)
	blob, err := p.svc.core.Blobs.Put(ctx, sums.Verify(r), limit)
	if err != nil {
		return Staged{}, content.StageError(err, f)
	}
	p.svc.content.NoteReceived(p.name.Format, blob.Size)
	return Staged{Path: f.Path, MediaType: f.MediaType, at: at, Blob: registry.Blob{
		Digest: blob.Digest, Size: blob.Size, SHA1: sums.Sum(content.SHA1), MD5: sums.Sum(content.MD5), SHA512: sums.Sum(content.SHA512),
	}}, nil
}

// Link adds a blob that the package holds already, from another version, a finished upload or a mount. NotFound.
func (p *Publish) Link(ctx context.Context, path, mediaType string, d digest.Digest) (Staged, error) {
	if err := registry.CheckPath(path); err != nil {
		return Staged{}, err
	}
	b, err := p.svc.content.OwnBlob(ctx, p.name, d)
	if err != nil {
		return Staged{}, err
	}
	b.ID = 0
	st := Staged{Path: path, MediaType: mediaType, Blob: b, linked: true}
	p.staged = append(p.staged, st)
	return st, nil
}

// Open reads a staged file back, before Commit: to look inside what was sent. The caller closes.
func (p *Publish) Open(ctx context.Context, st Staged) (io.ReadCloser, error) {
	return p.svc.core.Blobs.Open(ctx, st.Blob.Digest, 0, -1)
}

// File finds a path that the package's version holds already. The right to publish is enough for it, as a publisher learns
// from the answer anyway what is there. NotFound.
func (p *Publish) File(ctx context.Context, version, path string) (registry.File, error) {
	var f registry.File
	err := p.svc.core.Store.View(ctx, func(tx metadata.Tx) error {
		pkg, err := registry.OpenPackage(tx, p.name)
		if err != nil {
			return err
		}
		v, err := registry.Living(tx.Versions(), pkg, version)
		if err != nil {
			return err
		}
		f, err = tx.Files().File(v.ID, path)
		return registry.Missing(err, registry.AboutFile, "there is no %q in %s %s", registry.Clip(path), pkg.Name, v.Name)
	})
	return f, err
}

// OpenRange is Open for length bytes from offset, -1 to the end: for formats whose table of contents is at the end of a
// file. The caller closes.
func (p *Publish) OpenRange(ctx context.Context, st Staged, offset, length int64) (io.ReadCloser, error) {
	return p.svc.core.Blobs.Open(ctx, st.Blob.Digest, offset, length)
}

// Into names the package of a publish that began without one, for protocols that may send the bytes before the name. The
// repository and the format stay.
func (p *Publish) Into(at registry.Name) {
	p.name.Package, p.name.Display = at.Package, at.Display
}

// Version returns a version as it is, also a deleted one, and the file that it holds under path, an empty one where it holds
// none. As with File, the right to publish is enough. NotFound.
func (p *Publish) Version(ctx context.Context, version, path string) (v registry.Version, f registry.File, err error) {
	err = p.svc.core.Store.View(ctx, func(tx metadata.Tx) error {
		if v, err = tx.Versions().VersionAt(p.name.Repository, p.name.Format, p.name.Package, version); err != nil {
			return registry.Missing(err, registry.AboutVersion, "there is no version %q of %q", registry.Clip(version), p.name.Package)
		}
		f, _, err = Held{tx.Files(), v}.File(path)
		return err
	})
	return v, f, err
}

// FilesFrom hands over the files of a version whose paths begin with prefix, in their order, until take returns false. As with
// File, the right to publish is enough.
func (p *Publish) FilesFrom(ctx context.Context, v registry.Version, prefix string, take func(registry.File) bool) error {
	const page = 64
	return p.svc.core.Store.View(ctx, func(tx metadata.Tx) error {
		for after := prefix; ; {
			files, err := tx.Files().Files(metadata.FileQuery{VersionID: v.ID, After: after, Limit: page})
			if err != nil {
				return err
			}
			for _, f := range files {
				if !strings.HasPrefix(f.Path, prefix) || !take(f) {
					return nil
				}
				after = f.Path
			}
			if len(files) < page {
				return nil
			}
		}
	})
}

// Has reports whether the package holds a version of this digest that is not deleted. The right to publish is enough for
// it, as for File.
func (p *Publish) Has(ctx context.Context, d digest.Digest) (bool, error) {
	err := p.svc.core.Store.View(ctx, func(tx metadata.Tx) error {
		pkg, err := registry.OpenPackage(tx, p.name)
		if err != nil {
			return err
		}
		_, err = tx.Versions().VersionByDigest(pkg.ID, d)
		return registry.Missing(err, registry.AboutVersion, "there is no version %q of %q", registry.Clip(d.String()), p.name.Package)
	})
	if registry.KindOf(err) == registry.NotFound && err != nil {
		return false, nil
	}
	return err == nil, err
}

// FactsOf returns the facts of the package's versions with these digests, none for one that is not there. As with File, the
// right to publish is enough.
func (p *Publish) FactsOf(ctx context.Context, digests []digest.Digest) ([][]registry.Fact, error) {
	var out [][]registry.Fact
	err := p.svc.core.Store.View(ctx, func(tx metadata.Tx) error {
		pkg, err := registry.OpenPackage(tx, p.name)
		if err != nil {
			return err
		}
		out = make([][]registry.Fact, len(digests))
		for i, d := range digests {
			v, err := tx.Versions().VersionByDigest(pkg.ID, d)
			if errors.Is(err, metadata.ErrNotExist) {
				continue
			}
			if err != nil {
				return err
			}
			if out[i], err = tx.Facts().Facts(v.ID); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// Actor returns the caller who publishes.
func (p *Publish) Actor() access.Actor { return p.actor }

// heldFile is a file whose bytes something else holds until the commit, as a set holds its files.
func HeldFile(path, mediaType string, b registry.Blob) Staged {
	return Staged{Path: path, MediaType: mediaType, Blob: b, held: true}
}

// Held reports whether something else holds the bytes until the commit.
func (st Staged) Held() bool { return st.held }

// keepStaged records the bytes of a staged file, and lets need say in the same transaction what needs them until a later
// commit. NotFound: the repository is gone; Unavailable: the bytes are.
func (p *Publish) KeepStaged(ctx context.Context, st Staged, need func(tx metadata.Tx, b registry.Blob) error) error {
	files := []Staged{st}
	for try := 0; ; try++ {
		err := p.svc.core.Update(ctx, func(tx metadata.Tx) error {
			c := committer{change: newChange(p.svc, tx, p.actor, p.repo), name: p.name}
			if err := c.live(); err != nil {
				return err
			}
			b, err := c.putBlob(files[0])
			if err != nil {
				return err
			}
			return need(tx, b)
		})
		if !errors.Is(err, content.ErrCollected) {
			return err
		}
		if try == content.MaxRescues {
			return content.BytesGone(err)
		}
		if err := p.rescue(ctx, files, try); err != nil {
			return err
		}
	}
}

// Abort gives up; after Commit it does nothing, so it is deferred.
func (p *Publish) Abort() { p.ended = true }

// Commit makes the version visible in one transaction: package, version, files, tags, facts, log. AlreadyExists: other
// content is there; Conflict: the coordinate was deleted.
func (p *Publish) Commit(ctx context.Context, rel Release) (Result, error) {
	if p.ended {
		return Result{}, errors.New("registry: publish ended already")
	}
	files := rel.Files
	if files == nil {
		files = p.staged
	}
	if err := p.check(rel, files); err != nil {
		return Result{}, err
	}
	res, err := p.commit(ctx, rel, files)
	for try := 0; errors.Is(err, content.ErrCollected) && try < content.MaxRescues; try++ {
		if err = p.rescue(ctx, files, try); err != nil {
			break
		}
		res, err = p.commit(ctx, rel, files)
	}
	if errors.Is(err, content.ErrCollected) {
		err = content.BytesGone(err)
	}
	p.svc.Observe(p.name.Format, p.start, err)
	if err != nil {
		return Result{}, err
	}
	p.ended = true
	return res, nil
}

func (p *Publish) check(rel Release, files []Staged) error {
	if err := p.name.Check(); err != nil {
		return err
	}
	if err := registry.CheckVersion(rel.Version); err != nil {
		return err
	}
	if rel.State != "" {
		if err := p.svc.core.CheckState(p.name.Format, rel.State, rel.Reason); err != nil {
			return err
		}
	}
	seen := make(map[string]bool, len(files))
	for _, f := range files {
		if seen[f.Path] {
			return registry.Errorf(registry.Invalid, registry.AboutFile, "%q was sent twice", registry.Clip(f.Path))
		}
		seen[f.Path] = true
	}
	for _, tag := range slices.Concat(rel.Tags, rel.TagsIfUnset) {
		if err := p.svc.core.CheckTag(p.name.Format, tag); err != nil {
			return err
		}
	}
	return nil
}

// commitIn makes a version of held files visible as a part of the caller's transaction; see Publish.Commit.
func (s *Publisher) CommitIn(tx metadata.Tx, actor access.Actor, repo registry.Repository, at registry.Name, rel Release, files []Staged) (Result, error) {
	c := committer{change: newChange(s, tx, actor, repo), rel: rel, name: at, files: files}
	return c.run()
}

func (p *Publish) commit(ctx context.Context, rel Release, files []Staged) (Result, error) {
	var res Result
	err := p.svc.core.Update(ctx, func(tx metadata.Tx) error {
		var err error
		res, err = p.svc.CommitIn(tx, p.actor, p.repo, p.name, rel, files)
		return err
	})
	return res, err
}

// rescue looks whether the bytes of the staged files survived a collection that ran meanwhile; the commit after it
// counts collections from now on only.
func (p *Publish) rescue(ctx context.Context, files []Staged, try int) error {
	if try > 0 {
		if err := content.Pause(ctx, content.RescuePause); err != nil {
			return err
		}
	}
	at := p.svc.core.Now()
	for i, f := range files {
		if _, err := p.svc.core.Blobs.Stat(ctx, f.Blob.Digest); errors.Is(err, storage.ErrNotExist) {
			return content.BytesGone(err)
		} else if err != nil {
			return err
		}
		files[i].at, files[i].checked = at, true
	}
	return nil
}
