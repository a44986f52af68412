package registry

import (
	"context"
	"errors"
	"io"
	"regexp"
	"strings"
	"time"

	"slipway/metadata"
	"slipway/registry/access"
)

// A set is files of one or more versions that arrive by several requests and become visible together. Only who began it
// may add to it or see it.

// SetKey names a set of the caller in a repository.
type SetKey struct {
	Repository string
	ID         string // the caller's own name for it; see CheckSetID
	// Scope groups sets that a format looks for among all callers, e.g. a Maven coordinate. "" is none.
	Scope string
}

// setTTL is how long a set without a new file is kept.
const setTTL = 24 * time.Hour

// maxSetFiles bounds one set.
const maxSetFiles = 10_000

var setID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,254}$`)

// CheckSetID reports why s can't name a set. Invalid.
func CheckSetID(s string) error {
	if !setID.MatchString(s) {
		return Errorf(Invalid, AboutRequest, "%q can't name a publish: letters, digits and . _ : @ / + -, at most 255", clip(s))
	}
	return nil
}

// row is the set's key in metadata: one caller's id never meets another's.
func (k SetKey) row(actor access.Actor) string { return actor.ID + " " + k.Repository + " " + k.ID }

// SetFile is a file about to be added to a set.
type SetFile struct {
	At         Coordinate
	File       StageFile
	Attributes []byte // what the format wants to find again at commit
}

// AddToSet stores r and notes it in a set, which the first file begins. The same path again replaces it: nothing was
// visible. DigestMismatch, TooLarge, Denied, NotFound, Invalid.
func (s *Service) AddToSet(ctx context.Context, key SetKey, f SetFile, r io.Reader) (Staged, error) {
	if err := CheckSetID(key.ID); err != nil {
		return Staged{}, err
	}
	if err := CheckVersion(f.At.Version); err != nil {
		return Staged{}, err
	}
	p, err := s.Begin(ctx, f.At.Name)
	if err != nil {
		return Staged{}, err
	}
	defer p.Abort()
	defer s.settling.adding(key.row(p.actor), s.now)()
	st, err := p.Stage(ctx, f.File, r)
	if err != nil {
		return Staged{}, err
	}
	files := []Staged{st}
	for try := 0; ; try++ {
		err = s.meta.Update(ctx, func(tx metadata.Tx) error { return s.noteStaged(tx, p, key, f, files[0]) })
		if !errors.Is(err, errCollected) {
			return st, err
		}
		if try == maxRescues {
			return st, bytesGone(err)
		}
		if err := p.rescue(ctx, files, try); err != nil {
			return st, err
		}
	}
}

func (s *Service) noteStaged(tx metadata.Tx, p *Publish, key SetKey, f SetFile, st Staged) error {
	c := committer{change: newChange(s, tx, p.actor, p.repo), name: p.name}
	if err := c.live(); err != nil {
		return err
	}
	b, err := c.putBlob(st)
	if err != nil {
		return err
	}
	set, err := tx.TouchStaging(Staging{ID: key.row(p.actor), RepositoryID: p.repo.ID, Owner: p.actor.ID, Scope: key.Scope})
	if err != nil {
		return err
	}
	if set.Revision > maxSetFiles {
		return Errorf(TooLarge, AboutRequest, "a publish takes at most %d files", maxSetFiles)
	}
	return tx.PutStagedFile(StagedFile{StagingID: set.ID, Format: f.At.Format, Package: f.At.Package, Display: f.At.Display,
		Version: f.At.Version, Path: st.Path, MediaType: st.MediaType, Attributes: f.Attributes, Blob: b})
}

// Set returns the files of a set of the caller. NotFound.
func (s *Service) Set(ctx context.Context, key SetKey) (Staging, []StagedFile, error) {
	actor, err := s.authorize(ctx, access.Publish, key.Repository)
	if err != nil {
		return Staging{}, nil, err
	}
	return s.set(ctx, key.row(actor))
}

func (s *Service) set(ctx context.Context, row string) (set Staging, files []StagedFile, err error) {
	err = s.meta.View(ctx, func(tx metadata.Tx) (err error) {
		if set, err = underWay(tx, row); err != nil {
			return err
		}
		files, err = tx.StagedFiles(row)
		return err
	})
	return set, files, err
}

// underWay finds a set that has not ended.
func underWay(tx metadata.Tx, row string) (Staging, error) {
	set, err := tx.Staging(row)
	if err == nil && set.Outcome != nil {
		err = metadata.ErrNotExist
	}
	return set, missing(err, AboutRequest, "there is no such publish under way")
}

// Sets returns the keys of the caller's sets of a scope, the least recently changed first. NotFound, Denied.
func (s *Service) Sets(ctx context.Context, repository, scope string) ([]SetKey, error) {
	actor, err := s.authorize(ctx, access.Publish, repository)
	if err != nil {
		return nil, err
	}
	repo, err := s.repository(ctx, repository)
	if err != nil {
		return nil, err
	}
	var out []SetKey
	err = s.meta.View(ctx, func(tx metadata.Tx) error {
		sets, err := tx.StagingsOf(repo.ID, scope)
		out = out[:0]
		prefix := SetKey{Repository: repository}.row(actor)
		for _, set := range sets {
			if id, own := strings.CutPrefix(set.ID, prefix); own {
				out = append(out, SetKey{Repository: repository, ID: id, Scope: scope})
			}
		}
		return err
	})
	return out, err
}

// OpenStaged reads a file of a set. The caller closes.
func (s *Service) OpenStaged(ctx context.Context, f StagedFile) (io.ReadCloser, error) {
	return s.blobs.Open(ctx, f.Blob.Digest, 0, -1)
}

// DropSet gives a set up. A missing one is no error.
func (s *Service) DropSet(ctx context.Context, key SetKey) error {
	actor, err := s.authorize(ctx, access.Publish, key.Repository)
	if err != nil {
		return err
	}
	return s.meta.Update(ctx, func(tx metadata.Tx) error { return tx.DropStaging(key.row(actor)) })
}

// SetRelease is one version that a set becomes. Its Files name staged files by path; nil is all of its coordinate.
type SetRelease struct {
	At      Name
	Release Release
}

// CommitSet makes the versions of a set visible in one transaction and ends it. build turns the files into releases; it
// may read them (OpenStaged). Conflict: a file was added meanwhile; the errors of Publish.Commit.
func (s *Service) CommitSet(ctx context.Context, key SetKey, build func(files []StagedFile) ([]SetRelease, error)) ([]Result, error) {
	actor, err := s.authorize(ctx, access.Publish, key.Repository)
	if err != nil {
		return nil, err
	}
	repo, err := s.repository(ctx, key.Repository)
	if err != nil {
		return nil, err
	}
	start := s.now()
	row := key.row(actor)
	set, files, err := s.set(ctx, row)
	if err != nil {
		return nil, err
	}
	releases, err := build(files)
	if err != nil {
		return nil, err
	}
	var out []Result
	err = s.update(ctx, func(tx metadata.Tx) error {
		out = out[:0]
		now, err := underWay(tx, row)
		if err != nil {
			return err
		}
		if now.Revision != set.Revision || !now.CreatedAt.Equal(set.CreatedAt) {
			return &Error{Kind: Unavailable, Subject: AboutRequest, RetryAfter: time.Second, Detail: "a file was added while the publish was committed; commit it again"}
		}
		for _, r := range releases {
			c := committer{change: newChange(s, tx, actor, repo), rel: r.Release, name: r.At, files: ofSet(r, files)}
			res, err := c.run()
			if err != nil {
				return err
			}
			out = append(out, res)
		}
		if key.Scope == publishScope {
			return endPublish(tx, row, releases, out)
		}
		return tx.DropStaging(row)
	})
	for _, r := range releases {
		s.metrics.published(r.At.Format, start, err)
	}
	return out, err
}

// ofSet picks the staged files of a release. Their blobs are held by the set, so no collection can have taken them.
func ofSet(r SetRelease, files []StagedFile) []Staged {
	wanted := map[string]bool{}
	for _, f := range r.Release.Files {
		wanted[f.Path] = true
	}
	var out []Staged
	for _, f := range files {
		if f.Format == r.At.Format && f.Package == r.At.Package && f.Version == r.Release.Version && (r.Release.Files == nil || wanted[f.Path]) {
			out = append(out, Staged{Path: f.Path, MediaType: f.MediaType, Blob: f.Blob, held: true})
		}
	}
	return out
}

// dropIdleSets drops sets that got no file for their time.
func (c *collection) dropIdleSets(ctx context.Context) error {
	return c.meta.Update(ctx, func(tx metadata.Tx) error {
		idle, err := tx.IdleStagings(tx.Now().Add(-setTTL), gcBatch)
		for _, set := range idle {
			if err == nil {
				err = tx.DropStaging(set.ID)
			}
		}
		return err
	})
}
