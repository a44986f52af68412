package publish

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/content"
	"slipway/storage"
)

// Publish builds one version: Begin, Stage each file, Commit. Nothing is visible before Commit returns nil. A Publish is not
// safe for concurrent use.
type Publish struct {
	svc    *Publisher
	actor  access.Actor
	to     registry.Target
	name   registry.Name // in the target
	start  time.Time
	staged []Staged
	ended  bool
}

// Begin is BeginAt where the version is not known.
func (s *Publisher) Begin(ctx context.Context, at registry.Name) (*Publish, error) {
	return s.BeginAt(ctx, at.At(""))
}

// BeginAt starts a publish of a version into a package, which need not exist yet, in the repository that takes what is published to the
// one that at names. NotFound, Denied, Unauthenticated.
func (s *Publisher) BeginAt(ctx context.Context, at registry.Coordinate) (*Publish, error) {
	to, err := s.core.Target(ctx, at.Name, at.Version, access.Publish)
	if err != nil {
		return nil, err
	}
	p := &Publish{svc: s, actor: access.From(ctx), to: to, name: to.At(at.Name), start: s.core.Now()}
	if at.Package == "" {
		return p, nil
	}
	if err := p.owned(ctx, at.Version); err != nil {
		return nil, err
	}
	return p, nil
}

// owned refuses a name that belongs to a registry elsewhere. Denied; Unavailable, BadUpstream.
func (p *Publish) owned(ctx context.Context, version string, files ...Staged) error {
	if p.svc.core.MayPublish == nil {
		return nil
	}
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = f.Path
	}
	return p.svc.core.MayPublish(ctx, p.name.At(version), p.to, paths...)
}

// Repository returns the repository published into.
func (p *Publish) Repository() registry.Repository { return p.to.Repository }

// Target returns the repository published into, and how the publish came there.
func (p *Publish) Target() registry.Target { return p.to }

// Name returns the package published into, in its repository.
func (p *Publish) Name() registry.Name { return p.name }

// Stage reads r to EOF into the blob store, with every sum in the same pass. The bytes are durable when Stage returns and
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

// Open reads a staged file before Commit, for formats that check its content. The caller closes.
func (p *Publish) Open(ctx context.Context, st Staged) (io.ReadCloser, error) {
	return p.svc.core.Blobs.Open(ctx, st.Blob.Digest, 0, -1)
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

// Actor returns the caller who publishes.
func (p *Publish) Actor() access.Actor { return p.actor }

// KeepStaged makes the row of a staged file's blob. need runs in the same transaction and records what needs the blob until a
// later commit. NotFound: the repository is gone; Unavailable: the bytes are gone.
func (p *Publish) KeepStaged(ctx context.Context, st Staged, need func(tx metadata.Tx, b registry.Blob) error) error {
	files := []Staged{st}
	return p.update(ctx, files, func(tx metadata.Tx) error {
		c := committer{change: newChange(p.svc, tx, p.actor, p.to), name: p.name}
		if err := c.live(); err != nil {
			return err
		}
		b, err := c.putBlob(files[0])
		if err != nil {
			return err
		}
		return need(tx, b)
	})
}

// update runs a transaction that needs the bytes of staged files, which it looks for again where a collection may have removed them.
// Unavailable: they are gone.
func (p *Publish) update(ctx context.Context, files []Staged, do func(tx metadata.Tx) error) error {
	for try := 0; ; try++ {
		err := p.svc.core.Update(ctx, do)
		if !errors.Is(err, content.ErrCollected) {
			return err
		}
		if try == content.MaxRescues(p.svc.core.Store) {
			return content.BytesGone(err)
		}
		if err := p.rescue(ctx, files, try); err != nil {
			return err
		}
	}
}

// Abort ends the publish without a commit. After Commit it does nothing, so callers defer it.
func (p *Publish) Abort() { p.ended = true }

// Commit makes the version visible in one transaction: package, version, files, tags, facts, log. AlreadyExists: the version
// exists with other content; Conflict: the coordinate was deleted; Denied: a tag of the release is protected, immutable or
// followed by an environment, and the caller may not move it.
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
	if err := p.onward(ctx, rel.Version); err != nil {
		return Result{}, err
	}
	if rel.Cached == nil {
		if err := p.owned(ctx, rel.Version, files...); err != nil {
			return Result{}, err
		}
	}
	p.refresh(ctx)
	res, err := p.commit(ctx, rel, files)
	for try := 0; errors.Is(err, content.ErrCollected) && try < content.MaxRescues(p.svc.core.Store); try++ {
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

// onward refuses a name that does not go from the repository that the client named to the target, which Begin may not have known. Denied.
func (p *Publish) onward(ctx context.Context, version string) error {
	if len(p.to.Through) == 0 {
		return nil
	}
	asked := p.name
	asked.Repository = p.to.Asked.Name
	_, err := p.svc.core.Target(ctx, asked, version, access.Publish)
	return err
}

// refresh takes over the repository's present settings, which may have changed while the bytes came in: a tag rule holds for
// every commit after it. Where the repository is gone, the commit finds out.
func (p *Publish) refresh(ctx context.Context) {
	if now, err := p.svc.core.RepositoryRow(ctx, p.to.Repository.Name); err == nil && now.ID == p.to.Repository.ID {
		p.to.Repository = now
	}
}

func (p *Publish) check(rel Release, files []Staged) error {
	if err := p.name.Check(); err != nil {
		return err
	}
	if err := registry.CheckVersion(rel.Version); err != nil {
		return err
	}
	if rel.State != "" {
		if err := p.svc.core.Rules.CheckState(p.name.Format, rel.State, rel.Reason); err != nil {
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
		if err := p.svc.core.Rules.CheckTag(p.name.Format, tag); err != nil {
			return err
		}
	}
	return nil
}

// CommitIn is Publish.Commit within the caller's transaction, for files that were made by HeldFile.
func (s *Publisher) CommitIn(tx metadata.Tx, actor access.Actor, to registry.Target, at registry.Name, rel Release, files []Staged) (Result, error) {
	res, _, err := s.commitIn(tx, actor, to, at, rel, files)
	return res, err
}

// commitIn is CommitIn. moving reports whether files of a version that was here before are still to be forgotten.
func (s *Publisher) commitIn(tx metadata.Tx, actor access.Actor, to registry.Target, at registry.Name, rel Release, files []Staged) (res Result, moving bool, err error) {
	rel.Facts = cleaned(rel.Facts)
	c := committer{change: newChange(s, tx, actor, to), rel: rel, name: at, files: files}
	res, err = c.run()
	return res, c.moving, err
}

func (p *Publish) commit(ctx context.Context, rel Release, files []Staged) (Result, error) {
	var res Result
	moving := false
	err := p.svc.core.Update(ctx, func(tx metadata.Tx) (err error) {
		res, moving, err = p.svc.commitIn(tx, p.actor, p.to, p.name, rel, files)
		return err
	}, p.hint(rel))
	if err == nil && moving {
		p.svc.finishDeletions(ctx)
	}
	return res, err
}

// hint names what the commit of a release looks up in its package.
func (p *Publish) hint(rel Release) metadata.Hint {
	return metadata.Hint{Repository: p.to.Repository.Name, Format: p.name.Format, Package: p.name.Package, Versions: []string{rel.Version},
		Tags: append(slices.Concat(rel.Tags, rel.TagsIfUnset), latestTag)}
}

// rescue checks that the bytes of the staged files survived a collection that ran meanwhile. For the next commit only later
// collections matter.
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
