package staging

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/content"
	"slipway/registry/publish"
)

// An area is files of one or more versions that arrive by several requests and become visible together. Only the caller who
// began it may add to it or read it; others may end it, as Which says.

// Key names an area of the caller in a repository.
type Key struct {
	Repository string
	ID         string // the caller's name for the area; see CheckID
	// Scope groups areas that a format looks for among all callers, e.g. a Maven coordinate. "" is none.
	Scope string

	owner string // id of the actor whose area it is, where that is not the caller but the caller may end it
}

// areaTTL is how long an area without a new file is kept.
const areaTTL = 24 * time.Hour

// Bounds: files of one area, and areas that one user has under way, of which each is kept for areaTTL.
const (
	maxAreaFiles = 10_000
	maxAreas     = 5_000
)

const maxIDBytes = 255

// CheckID reports why s can't name an area. Invalid.
func CheckID(s string) error {
	ok := s != "" && len(s) <= maxIDBytes
	for i, c := range []byte(s) { // a loop, as every file of an area calls this more than once
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		ok = ok && (letter || i > 0 && strings.IndexByte("._:@/+-", c) >= 0)
	}
	if !ok {
		return registry.Errorf(registry.Invalid, registry.AboutRequest, "%q can't name a publish: letters, digits and . _ : @ / + -, at most 255", registry.Clip(s))
	}
	return nil
}

// row is the area's key in metadata. It begins with the caller, so equal ids of different callers are different areas.
func (k Key) row(actor access.Actor) string {
	return cmp.Or(k.owner, actor.ID) + " " + k.Repository + " " + k.ID
}

// splitRow is the reverse of row.
func splitRow(row string) (owner string, k Key) {
	owner, rest, _ := strings.Cut(row, " ")
	k.Repository, k.ID, _ = strings.Cut(rest, " ")
	return owner, k
}

// File is a file about to be added to an area.
type File struct {
	At         registry.Coordinate
	File       content.StageFile
	Attributes []byte // kept for the format until the commit
}

// Add stores r and adds it to an area, which the first file begins. A file at the same path is replaced, as it was not
// visible yet. DigestMismatch, TooLarge, Denied, NotFound, Invalid; TooMany: the caller has its share of areas under way.
func (s *Areas) Add(ctx context.Context, key Key, f File, r io.Reader) (publish.Staged, error) {
	if err := CheckID(key.ID); err != nil {
		return publish.Staged{}, err
	}
	if err := errors.Join(f.At.Check(), registry.CheckVersion(f.At.Version)); err != nil {
		return publish.Staged{}, err
	}
	p, err := s.publisher.BeginAt(ctx, f.At)
	if err != nil {
		return publish.Staged{}, err
	}
	defer p.Abort()
	defer s.settling.adding(key.row(p.Actor()), s.core.Now)()
	st, err := p.Stage(ctx, f.File, s.keptOpen(ctx, key.row(p.Actor()), r))
	if err != nil {
		return publish.Staged{}, err
	}
	var set registry.Staging
	var noted registry.StagedFile
	since := s.cache.since()
	err = p.KeepStaged(ctx, st, func(tx metadata.Tx, b registry.Blob) (err error) {
		set, noted, err = noteStaged(tx, p, key, f, b)
		return err
	})
	if err == nil {
		s.cache.added(set, noted, s.core.Now(), since)
	}
	return st, err
}

func noteStaged(tx metadata.Tx, p *publish.Publish, key Key, f File, b registry.Blob) (registry.Staging, registry.StagedFile, error) {
	actor := p.Actor()
	set, err := tx.Stagings().TouchStaging(registry.Staging{ID: key.row(actor), RepositoryID: p.Target().Asked.ID, Owner: actor.ID, UserID: actor.UserID, Scope: key.Scope})
	if err != nil {
		return registry.Staging{}, registry.StagedFile{}, err
	}
	if set.Revision == 1 {
		if err := roomFor(tx.Stagings(), actor); err != nil {
			return registry.Staging{}, registry.StagedFile{}, err
		}
	}
	if set.Revision > maxAreaFiles {
		return registry.Staging{}, registry.StagedFile{}, registry.Errorf(registry.TooLarge, registry.AboutRequest, "a publish takes at most %d files", maxAreaFiles)
	}
	noted := registry.StagedFile{StagingID: set.ID, Format: f.At.Format, Package: f.At.Package, Display: f.At.Display, Version: f.At.Version,
		Path: f.File.Path, MediaType: f.File.MediaType, Attributes: f.Attributes, AddedAt: tx.Now(), Blob: b}
	return set, noted, tx.Stagings().PutStagedFile(noted)
}

// roomFor refuses a caller whose user has more than its share of areas. TooMany.
func roomFor(stagings metadata.Stagings, actor access.Actor) error {
	if actor.UserID == 0 {
		return nil
	}
	n, err := stagings.StagingsOf(actor.UserID)
	if err == nil && n > maxAreas {
		err = &registry.Error{Kind: registry.TooMany, Subject: registry.AboutRequest, RetryAfter: time.Minute,
			Detail: fmt.Sprintf("user %q has %d publishes under way, which is the most: commit or drop some; those without a new file are dropped after %s", actor.Name, n-1, areaTTL)}
	}
	return err
}

// Find returns the files of an area of the caller. NotFound.
func (s *Areas) Find(ctx context.Context, key Key) (registry.Staging, []registry.StagedFile, error) {
	actor, err := s.core.Authorize(ctx, access.Publish, key.Repository)
	if err != nil {
		return registry.Staging{}, nil, err
	}
	return s.set(ctx, key.row(actor))
}

// StagedAt returns the caller's staged files of a version at those of the paths that an area holds; none where there is no such
// area.
func (s *Areas) StagedAt(ctx context.Context, key Key, at registry.Coordinate, paths ...string) (files []registry.StagedFile, err error) {
	actor, err := s.core.Authorize(ctx, access.Publish, key.Repository)
	if err != nil {
		return nil, err
	}
	of := registry.StagedFile{StagingID: key.row(actor), Format: at.Format, Package: at.Package, Version: at.Version}
	if repo, err := s.core.RepositoryRow(ctx, key.Repository); err == nil {
		if files, ok := s.cache.find(repo.ID, of, paths, s.core.Now()); ok {
			return files, nil
		}
	}
	err = s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		if _, err = underWay(tx, of.StagingID); err == nil {
			files, err = tx.Stagings().StagedFilesAt(of, paths)
		}
		return ignoreMissing(err)
	})
	return files, err
}

func (s *Areas) set(ctx context.Context, row string) (set registry.Staging, files []registry.StagedFile, err error) {
	err = s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		if set, err = underWay(tx, row); err != nil {
			return err
		}
		files, err = tx.Stagings().StagedFiles(row)
		return err
	})
	return set, files, err
}

// underWay finds an area that has not ended.
func underWay(tx metadata.Tx, row string) (registry.Staging, error) {
	set, err := tx.Stagings().Staging(row)
	if err == nil && set.Outcome != nil {
		err = metadata.ErrNotExist
	}
	return set, registry.Missing(err, registry.AboutRequest, "there is no such publish under way")
}

// Area is an area as read at a moment.
type Area struct {
	Key   Key
	Files []registry.StagedFile
	set   registry.Staging
}

// List returns the caller's areas of a scope, the least recently changed first. NotFound, Denied.
func (s *Areas) List(ctx context.Context, repository, scope string) ([]Area, error) {
	actor, repo, err := s.mayPublish(ctx, repository)
	if err != nil {
		return nil, err
	}
	var out []Area
	err = s.core.Store.View(ctx, func(tx metadata.Tx) error {
		sets, err := tx.Stagings().Stagings(metadata.StagingQuery{RepositoryID: repo.ID, Scope: scope})
		if err != nil {
			return err
		}
		prefix := Key{Repository: repository}.row(actor)
		for _, set := range sets {
			id, own := strings.CutPrefix(set.ID, prefix)
			if !own || set.Outcome != nil {
				continue
			}
			files, err := tx.Stagings().StagedFiles(set.ID)
			if err != nil {
				return err
			}
			out = append(out, Area{Key{Repository: repository, ID: id, Scope: scope}, files, set})
		}
		return nil
	})
	return out, err
}

// OpenStaged reads a file of an area. The caller closes.
func (s *Areas) OpenStaged(ctx context.Context, f registry.StagedFile) (io.ReadCloser, error) {
	return s.core.Blobs.Open(ctx, f.Blob.Digest, 0, -1)
}

// Drop drops an area. A missing area is no error.
func (s *Areas) Drop(ctx context.Context, key Key) error {
	actor, err := s.core.Authorize(ctx, access.Publish, key.Repository)
	if err != nil {
		return err
	}
	row := key.row(actor)
	return s.end(ctx, func(tx metadata.Tx) (string, int64, error) {
		n, err := tx.Stagings().DropStaging(row, dropBatch)
		return row, n, err
	})
}

// Release is one version made of an area. Files name staged files by path; nil is all files of the coordinate.
type Release struct {
	At      registry.Name
	Release publish.Release
}

// Commit makes the versions of an area visible in one transaction and ends it. build turns the files into releases; it
// may read them (OpenStaged). Unavailable: a file was added meanwhile; the errors of Publish.Commit.
func (s *Areas) Commit(ctx context.Context, key Key, build func(files []registry.StagedFile) ([]Release, error)) ([]publish.Result, error) {
	actor, _, err := s.mayPublish(ctx, key.Repository)
	if err != nil {
		return nil, err
	}
	set, files, err := s.set(ctx, key.row(actor))
	if err != nil {
		return nil, err
	}
	return s.commitOpen(ctx, actor, Area{key, files, set}, build)
}

// CommitOpen is Commit of an area as List has returned it.
func (s *Areas) CommitOpen(ctx context.Context, open Area, build func(files []registry.StagedFile) ([]Release, error)) ([]publish.Result, error) {
	actor, _, err := s.mayPublish(ctx, open.Key.Repository)
	if err != nil {
		return nil, err
	}
	return s.commitOpen(ctx, actor, open, build)
}

// mayPublish returns the caller after checking that it may publish into the repository.
func (s *Areas) mayPublish(ctx context.Context, repository string) (access.Actor, registry.Repository, error) {
	actor, err := s.core.Authorize(ctx, access.Publish, repository)
	if err != nil {
		return actor, registry.Repository{}, err
	}
	repo, err := s.core.RepositoryRow(ctx, repository)
	return actor, repo, err
}

func (s *Areas) commitOpen(ctx context.Context, actor access.Actor, open Area,
	build func(files []registry.StagedFile) ([]Release, error)) ([]publish.Result, error) {
	key, set, files := open.Key, open.set, open.Files
	start := s.core.Now()
	row := key.row(actor)
	releases, err := build(files)
	if err != nil {
		return nil, err
	}
	staged := filesOf(releases, files)
	targets := make([]registry.Target, len(releases))
	for i, r := range releases {
		if targets[i], err = s.core.Target(ctx, r.At, r.Release.Version, access.Publish); err != nil {
			return nil, err
		}
	}
	var out []publish.Result
	err = s.end(ctx, func(tx metadata.Tx) (_ string, dropped int64, err error) {
		out = out[:0]
		now, err := underWay(tx, row)
		if err == nil {
			err = key.mayEnd(actor, now)
		}
		if err != nil {
			return row, 0, err
		}
		if now.Revision != set.Revision || !now.CreatedAt.Equal(set.CreatedAt) {
			return row, 0, &registry.Error{Kind: registry.Unavailable, Subject: registry.AboutRequest, RetryAfter: time.Second, Detail: "a file was added while the publish was committed; commit it again"}
		}
		for i, r := range releases {
			res, err := s.publisher.CommitIn(tx, actor, targets[i], targets[i].At(r.At), r.Release, staged[i])
			if err != nil {
				return row, 0, err
			}
			out = append(out, res)
		}
		if key.Scope == publishScope {
			dropped, err = endPublish(tx.Stagings(), row, releases, out)
		} else {
			dropped, err = tx.Stagings().DropStaging(row, dropBatch)
		}
		return row, dropped, err
	})
	for _, r := range releases {
		s.publisher.Observe(r.At.Format, start, err)
	}
	return out, err
}

// filesOf picks the staged files of each release. The area holds their blobs, so no collection can have removed them.
func filesOf(releases []Release, files []registry.StagedFile) [][]publish.Staged {
	type coordinate struct{ format, pkg, version string }
	of := map[coordinate][]registry.StagedFile{}
	for _, f := range files {
		at := coordinate{f.Format, f.Package, f.Version}
		of[at] = append(of[at], f)
	}
	out := make([][]publish.Staged, len(releases))
	for i, r := range releases {
		wanted := map[string]bool{}
		for _, f := range r.Release.Files {
			wanted[f.Path] = true
		}
		for _, f := range of[coordinate{r.At.Format, r.At.Package, r.Release.Version}] {
			if r.Release.Files == nil || wanted[f.Path] {
				out[i] = append(out[i], publish.HeldFile(f.Path, f.MediaType, f.Blob))
			}
		}
	}
	return out
}
