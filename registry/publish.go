package registry

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry/access"
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

// Sums are digests beside sha256, raw. As expectation, those that are set must match; as request, see StageFile.Sums.
type Sums struct {
	SHA256 []byte
	SHA1   []byte
	MD5    []byte
	SHA512 []byte
}

// SumSet names sums to compute.
type SumSet uint8

// Members of a SumSet.
const (
	SHA1 SumSet = 1 << iota
	MD5
	SHA512
)

// StageFile describes bytes about to be staged.
type StageFile struct {
	Path      string
	MediaType string
	Want      Sums   // verified; DigestMismatch
	Sums      SumSet // computed in the same pass and kept; those in Want are always computed
	Limit     int64  // bytes; 0 is no limit. TooLarge
}

// Staged is a file whose bytes are durable but not yet visible.
type Staged struct {
	Path      string
	MediaType string
	Blob      Blob // without ID

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
	State  State
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
	TagIf func(name string, now Tag) error
	Facts []FactInput
	// Files are the staged files that belong to the version; nil is all. The others are dropped.
	Files []Staged
	// If sees, in the transaction, the files that the version holds before (none when it is new), and refuses the commit
	// with its error. It may run more than once and touches nothing else. nil: no condition.
	If func(have Held) error
}

// Result is what a commit did. Neither Created nor Changed: all of it was there before, and there is no new event.
type Result struct {
	Version Version
	Package Package // as it is with the version
	Created bool    // the version is new
	Changed bool    // something was written, if only a tag
}

// Publish is a version on its way: Begin, Stage each file, Commit. Nothing is visible before Commit returns nil.
// It is not safe for concurrent use.
type Publish struct {
	svc    *Service
	actor  access.Actor
	repo   Repository
	name   Name
	start  time.Time
	staged []Staged
	ended  bool
}

// Kinds of references.
const (
	RefChild   = metadata.Child   // an index names a manifest
	RefSubject = metadata.Subject // a manifest is about another
)

// Reference is a digest that a version points at.
type Reference struct {
	Kind   string
	Digest digest.Digest
	// Required: the package must hold a version of this digest, else the commit fails with NotFound about a blob. Others
	// need not be there.
	Required bool
}

// Begin starts a publish into a package, which need not exist yet. NotFound, Denied, Unauthenticated.
func (s *Service) Begin(ctx context.Context, at Name) (*Publish, error) {
	actor, err := s.authorize(ctx, access.Publish, at.Repository)
	if err != nil {
		return nil, err
	}
	repo, err := s.repository(ctx, at.Repository)
	if err != nil {
		return nil, err
	}
	return &Publish{svc: s, actor: actor, repo: repo, name: at, start: s.now()}, nil
}

// Repository returns the repository published into.
func (p *Publish) Repository() Repository { return p.repo }

// Stage reads r to EOF into the blob store, with every sum in the same pass. The bytes are durable when it returns and
// belong to the publish; without Commit they are garbage. DigestMismatch, TooLarge, BadBody, NoSpace.
func (p *Publish) Stage(ctx context.Context, f StageFile, r io.Reader) (Staged, error) {
	st, err := p.put(ctx, f, r)
	if err == nil {
		p.staged = append(p.staged, st)
	}
	return st, err
}

// StageAll is Stage of several files that are in memory, side by side, so that one flush of the store can serve them all.
func (p *Publish) StageAll(ctx context.Context, files []StageFile, contents [][]byte) ([]Staged, error) {
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

func (p *Publish) put(ctx context.Context, f StageFile, r io.Reader) (Staged, error) {
	if err := CheckPath(f.Path); err != nil {
		return Staged{}, err
	}
	at := p.svc.now()
	limit := f.Limit
	if limit == 0 {
		limit = -1
	}
	sums := newSummer(f.Sums, f.Want)
	blob, err := p.svc.blobs.Put(ctx, sums.verify(r), limit)
	if err != nil {
		return Staged{}, stageError(err, f)
	}
	p.svc.noteReceived(p.name.Format, blob.Size)
	return Staged{Path: f.Path, MediaType: f.MediaType, at: at, Blob: Blob{
		Digest: blob.Digest, Size: blob.Size, SHA1: sums.sum(SHA1), MD5: sums.sum(MD5), SHA512: sums.sum(SHA512),
	}}, nil
}

// Link adds a blob that the package holds already, from another version, a finished upload or a mount. NotFound.
func (p *Publish) Link(ctx context.Context, path, mediaType string, d digest.Digest) (Staged, error) {
	if err := CheckPath(path); err != nil {
		return Staged{}, err
	}
	b, err := p.svc.ownBlob(ctx, p.name, d)
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
	return p.svc.blobs.Open(ctx, st.Blob.Digest, 0, -1)
}

// File finds a path that the package's version holds already. The right to publish is enough for it, as a publisher learns
// from the answer anyway what is there. NotFound.
func (p *Publish) File(ctx context.Context, version, path string) (File, error) {
	var f File
	err := p.svc.meta.View(ctx, func(tx metadata.Tx) error {
		pkg, err := openPackage(tx, p.name)
		if err != nil {
			return err
		}
		v, err := living(tx.Versions(), pkg, version)
		if err != nil {
			return err
		}
		f, err = tx.Files().File(v.ID, path)
		return missing(err, AboutFile, "there is no %q in %s %s", clip(path), pkg.Name, v.Name)
	})
	return f, err
}

// OpenRange is Open for length bytes from offset, -1 to the end: for formats whose table of contents is at the end of a
// file. The caller closes.
func (p *Publish) OpenRange(ctx context.Context, st Staged, offset, length int64) (io.ReadCloser, error) {
	return p.svc.blobs.Open(ctx, st.Blob.Digest, offset, length)
}

// Into names the package of a publish that began without one, for protocols that may send the bytes before the name. The
// repository and the format stay.
func (p *Publish) Into(at Name) {
	p.name.Package, p.name.Display = at.Package, at.Display
}

// Version returns a version as it is, also a deleted one, and the file that it holds under path, an empty one where it holds
// none. As with File, the right to publish is enough. NotFound.
func (p *Publish) Version(ctx context.Context, version, path string) (v Version, f File, err error) {
	err = p.svc.meta.View(ctx, func(tx metadata.Tx) error {
		if v, err = tx.Versions().VersionAt(p.name.Repository, p.name.Format, p.name.Package, version); err != nil {
			return missing(err, AboutVersion, "there is no version %q of %q", clip(version), p.name.Package)
		}
		f, _, err = Held{tx.Files(), v}.File(path)
		return err
	})
	return v, f, err
}

// FilesFrom hands over the files of a version whose paths begin with prefix, in their order, until take returns false. As with
// File, the right to publish is enough.
func (p *Publish) FilesFrom(ctx context.Context, v Version, prefix string, take func(File) bool) error {
	const page = 64
	return p.svc.meta.View(ctx, func(tx metadata.Tx) error {
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
	err := p.svc.meta.View(ctx, func(tx metadata.Tx) error {
		pkg, err := openPackage(tx, p.name)
		if err != nil {
			return err
		}
		_, err = tx.Versions().VersionByDigest(pkg.ID, d)
		return missing(err, AboutVersion, "there is no version %q of %q", clip(d.String()), p.name.Package)
	})
	if KindOf(err) == NotFound && err != nil {
		return false, nil
	}
	return err == nil, err
}

// FactsOf returns the facts of the package's versions with these digests, none for one that is not there. As with File, the
// right to publish is enough.
func (p *Publish) FactsOf(ctx context.Context, digests []digest.Digest) ([][]Fact, error) {
	var out [][]Fact
	err := p.svc.meta.View(ctx, func(tx metadata.Tx) error {
		pkg, err := openPackage(tx, p.name)
		if err != nil {
			return err
		}
		out = make([][]Fact, len(digests))
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
func heldFile(path, mediaType string, b Blob) Staged {
	return Staged{Path: path, MediaType: mediaType, Blob: b, held: true}
}

// Held reports whether something else holds the bytes until the commit.
func (st Staged) Held() bool { return st.held }

// keepStaged records the bytes of a staged file, and lets need say in the same transaction what needs them until a later
// commit. NotFound: the repository is gone; Unavailable: the bytes are.
func (p *Publish) keepStaged(ctx context.Context, st Staged, need func(tx metadata.Tx, b Blob) error) error {
	files := []Staged{st}
	for try := 0; ; try++ {
		err := p.svc.meta.Update(ctx, func(tx metadata.Tx) error {
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
		if !errors.Is(err, errCollected) {
			return err
		}
		if try == maxRescues {
			return bytesGone(err)
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
	for try := 0; errors.Is(err, errCollected) && try < maxRescues; try++ {
		if err = p.rescue(ctx, files, try); err != nil {
			break
		}
		res, err = p.commit(ctx, rel, files)
	}
	if errors.Is(err, errCollected) {
		err = bytesGone(err)
	}
	p.svc.published(p.name.Format, p.start, err)
	if err != nil {
		return Result{}, err
	}
	p.ended = true
	return res, nil
}

func (p *Publish) check(rel Release, files []Staged) error {
	if err := p.name.check(); err != nil {
		return err
	}
	if err := CheckVersion(rel.Version); err != nil {
		return err
	}
	if rel.State != "" {
		if err := p.svc.checkState(p.name.Format, rel.State, rel.Reason); err != nil {
			return err
		}
	}
	seen := make(map[string]bool, len(files))
	for _, f := range files {
		if seen[f.Path] {
			return Errorf(Invalid, AboutFile, "%q was sent twice", clip(f.Path))
		}
		seen[f.Path] = true
	}
	for _, tag := range slices.Concat(rel.Tags, rel.TagsIfUnset) {
		if err := p.svc.checkTag(p.name.Format, tag); err != nil {
			return err
		}
	}
	return nil
}

// commitIn makes a version of held files visible as a part of the caller's transaction; see Publish.Commit.
func (s *Service) commitIn(tx metadata.Tx, actor access.Actor, repo Repository, at Name, rel Release, files []Staged) (Result, error) {
	c := committer{change: newChange(s, tx, actor, repo), rel: rel, name: at, files: files}
	return c.run()
}

func (p *Publish) commit(ctx context.Context, rel Release, files []Staged) (Result, error) {
	var res Result
	err := p.svc.update(ctx, func(tx metadata.Tx) error {
		var err error
		res, err = p.svc.commitIn(tx, p.actor, p.repo, p.name, rel, files)
		return err
	})
	return res, err
}

// A removal that is under way when a commit needs the same bytes ends within milliseconds.
const (
	maxRescues  = 20
	rescuePause = 50 * time.Millisecond
)

// errCollected: the collector may have taken a staged blob's bytes since they were stored.
var errCollected = errors.New("registry: staged bytes may have been collected")

func bytesGone(err error) error {
	return &Error{Kind: Unavailable, Subject: AboutFile, RetryAfter: time.Second, Err: err,
		Detail: "the bytes were collected while they were published; send them again"}
}

// rescue looks whether the bytes of the staged files survived a collection that ran meanwhile; the commit after it
// counts collections from now on only.
func (p *Publish) rescue(ctx context.Context, files []Staged, try int) error {
	if try > 0 {
		if err := pause(ctx, rescuePause); err != nil {
			return err
		}
	}
	at := p.svc.now()
	for i, f := range files {
		if _, err := p.svc.blobs.Stat(ctx, f.Blob.Digest); errors.Is(err, storage.ErrNotExist) {
			return bytesGone(err)
		} else if err != nil {
			return err
		}
		files[i].at, files[i].checked = at, true
	}
	return nil
}

func stageError(err error, f StageFile) error {
	var mismatch *sumError
	switch {
	case errors.As(err, &mismatch):
		return &Error{Kind: DigestMismatch, Subject: AboutFile, Err: err, Detail: fmt.Sprintf(
			"%s of %q is %x, but %x was announced; nothing was stored", mismatch.name, clip(f.Path), mismatch.got, mismatch.want)}
	case errors.Is(err, storage.ErrTooLarge):
		return &Error{Kind: TooLarge, Subject: AboutFile, Err: err, Detail: fmt.Sprintf(
			"%q is larger than the limit of %d bytes", clip(f.Path), f.Limit)}
	}
	e := AsError(err)
	if e.Subject == "" {
		e = &Error{Kind: e.Kind, Subject: AboutFile, Detail: e.Detail, RetryAfter: e.RetryAfter, Err: err}
	}
	return e
}

// summer computes sums of a stream and compares them with the wanted ones at its end.
type summer struct {
	sums []namedSum
}

type namedSum struct {
	id   SumSet // 0: sha256, which the store keeps itself
	name string
	hash hash.Hash
	want []byte
}

type sumError struct {
	name      string
	want, got []byte
}

func (e *sumError) Error() string { return fmt.Sprintf("%s is %x, not %x", e.name, e.got, e.want) }

func newSummer(set SumSet, want Sums) *summer {
	s := &summer{}
	add := func(id SumSet, name string, make func() hash.Hash, want []byte) {
		if want != nil || set&id != 0 {
			s.sums = append(s.sums, namedSum{id, name, make(), want})
		}
	}
	add(0, "sha256", sha256.New, want.SHA256)
	add(SHA1, "sha1", sha1.New, want.SHA1)
	add(MD5, "md5", md5.New, want.MD5)
	add(SHA512, "sha512", sha512.New, want.SHA512)
	return s
}

func (s *summer) sum(id SumSet) []byte {
	for _, n := range s.sums {
		if n.id == id {
			return n.hash.Sum(nil)
		}
	}
	return nil
}

// verify yields r through every hash; instead of io.EOF it fails when a sum is not the wanted one, so the store keeps
// nothing.
func (s *summer) verify(r io.Reader) io.Reader {
	if len(s.sums) == 0 {
		return r
	}
	return &verifying{r, s}
}

type verifying struct {
	r io.Reader
	s *summer
}

func (v *verifying) Read(p []byte) (int, error) {
	n, err := v.r.Read(p)
	for _, sum := range v.s.sums {
		_, _ = sum.hash.Write(p[:n]) // a hash never fails
	}
	if err == io.EOF {
		for _, sum := range v.s.sums {
			if got := sum.hash.Sum(nil); sum.want != nil && string(got) != string(sum.want) {
				return n, &sumError{sum.name, sum.want, got}
			}
		}
	}
	return n, err
}

// ContentDigest is the identity of a version's content: the digest of its only file, or of the sorted lines
// "<sha256 hex>  <path>\n" of several, which is what sha256sum prints in a folder with them.
func ContentDigest(files []File) digest.Digest {
	if len(files) == 1 {
		return files[0].Blob.Digest
	}
	lines := make([]string, len(files))
	for i, f := range files {
		lines[i] = f.Blob.Digest.Encoded() + "  " + f.Path + "\n"
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[64:], b[64:]) })
	return digest.FromString(strings.Join(lines, ""))
}
