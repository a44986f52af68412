package staging

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/publish"
)

// A publish is an area with a name that its client chose, and by which the client commits or drops it: files of several formats
// and packages that become visible at the same moment.

// publishScope marks the areas of publishes: only their owner ends them.
const publishScope = "publish"

// maxPublishID is what CheckID allows, less the prefix that keeps publishes and the areas of formats apart.
const maxPublishID = 200

// PublishKey is the area of a publish. Invalid.
func PublishKey(repository, id string) (Key, error) {
	if len(id) > maxPublishID {
		return Key{}, registry.Errorf(registry.Invalid, registry.AboutRequest, "the id of a publish is longer than %d bytes", maxPublishID)
	}
	return Key{Repository: repository, ID: publishScope + "/" + id, Scope: publishScope}, CheckID(id)
}

// Opener reads length bytes of a blob from offset, -1 to the end. The caller closes.
type Opener func(ctx context.Context, b registry.Blob, offset, length int64) (io.ReadCloser, error)

// Assembler makes releases of staged files, for a format whose versions are staged.
type Assembler interface {
	// Assemble makes the release of one version's staged files, when their publish is committed or they have settled. Files
	// that its Release.Files does not name are dropped.
	Assemble(ctx context.Context, a Assembly) (publish.Release, error)
	// Settle says when an area with these files is committed on its own.
	Settle(ctx context.Context, open Opener, files []registry.StagedFile) (Wait, error)
	// PURL is the package URL of a version.
	PURL(at registry.Coordinate) string
}

// Wait is how long an area waits until it is committed on its own.
type Wait struct {
	After time.Duration // without a further file; Never: its client has to commit it
	For   string        // what it waits for, for people, as in "the POM"
}

// Never is the Wait.After of an area that is not committed on its own.
const Never = time.Duration(-1)

// Assembly is the staged files of one version, about to become a release.
type Assembly struct {
	Open       Opener              // of the files' blobs
	Repository registry.Repository // that takes the version
	At         registry.Coordinate
	Files      []registry.StagedFile
}

// PublishedVersion is the result of a publish for one version.
type PublishedVersion struct {
	At registry.Coordinate
	publish.Result
}

// Which names a publish for those who look at it or end it: its owner, the user whose token has staged it, and administrators of the
// repository.
type Which struct {
	Repository string // "": the one where the caller has a publish of this id
	ID         string
	Owner      string // id of the actor who staged it, such as token:7; with it, Repository is not ""; "": the caller
	Area       bool   // the ID is that of an area of a format, as Waiting.Area; with it, Repository is not ""
}

// CommitPublish makes all that was staged for a publish visible in one transaction, by the caller. An area of a format must be complete. A
// client that lost the answer gets it again for a day. NotFound, Conflict, and the errors of Commit.
func (s *Areas) CommitPublish(ctx context.Context, which Which) ([]PublishedVersion, error) {
	out, err := s.commitPublish(ctx, which)
	if !errors.Is(err, &registry.Error{Kind: registry.NotFound, Subject: registry.AboutRequest}) {
		return out, err
	}
	if was, endedErr := s.endedPublish(ctx, which); endedErr == nil || registry.KindOf(endedErr) != registry.NotFound {
		return was, endedErr
	}
	return nil, err
}

func (s *Areas) commitPublish(ctx context.Context, which Which) ([]PublishedVersion, error) {
	key, err := s.findPublish(ctx, which, underWay)
	if err != nil {
		return nil, err
	}
	var releases []Release
	results, err := s.Commit(ctx, key, func(files []registry.StagedFile) ([]Release, error) {
		var err error
		if which.Area {
			if err := s.complete(ctx, files); err != nil {
				return nil, err
			}
		}
		releases, err = s.assemble(ctx, key.Repository, files)
		return releases, err
	})
	if err != nil {
		return nil, err
	}
	out := make([]PublishedVersion, len(results))
	for i, res := range results {
		out[i] = PublishedVersion{At: releases[i].At.At(res.Version.Name), Result: res}
	}
	return out, nil
}

// complete refuses an area of a format that is not committed without further files. Conflict.
func (s *Areas) complete(ctx context.Context, files []registry.StagedFile) error {
	wait, err := s.wait(ctx, files)
	if err == nil && wait.After < 0 {
		err = registry.Errorf(registry.Conflict, registry.AboutRequest, "it is not complete: it waits for %s", wait.For)
	}
	return err
}

// outcome is the stored form of PublishedVersion.
type outcome struct {
	Format, Package, Display, Version, PURL string
	Digest                                  digest.Digest
	Created, Changed                        bool
}

// endPublish returns how many staged files it dropped, at most dropBatch.
func endPublish(stagings metadata.Stagings, row string, releases []Release, results []publish.Result) (int64, error) {
	notes := make([]outcome, len(results))
	for i, res := range results {
		at, v := releases[i].At, res.Version
		notes[i] = outcome{at.Format, at.Package, at.Display, v.Name, v.PURL, v.Digest, res.Created, res.Changed}
	}
	raw, err := json.Marshal(notes)
	if err != nil {
		return 0, err
	}
	return stagings.EndStaging(row, raw, dropBatch)
}

// endedPublish returns what CommitPublish has answered before. NotFound, Conflict.
func (s *Areas) endedPublish(ctx context.Context, which Which) ([]PublishedVersion, error) {
	var ended registry.Staging
	key, err := s.findPublish(ctx, which, func(tx metadata.Tx, row string) (set registry.Staging, err error) {
		set, err = tx.Stagings().Staging(row)
		if err == nil && set.Outcome == nil {
			err = metadata.ErrNotExist
		}
		if err == nil {
			ended = set
		}
		return set, registry.Missing(err, registry.AboutRequest, "there was no such publish")
	})
	if err != nil {
		return nil, err
	}
	var notes []outcome
	if err := json.Unmarshal(ended.Outcome, &notes); err != nil {
		return nil, err
	}
	out := make([]PublishedVersion, len(notes))
	for i, n := range notes {
		at := registry.Name{Repository: key.Repository, Format: n.Format, Package: n.Package, Display: n.Display}
		out[i] = PublishedVersion{At: at.At(n.Version), Result: publish.Result{
			Version: registry.Version{Name: n.Version, PURL: n.PURL, Digest: n.Digest}, Created: n.Created, Changed: n.Changed}}
	}
	return out, nil
}

// assemble lets the formats make releases of staged files.
func (s *Areas) assemble(ctx context.Context, repository string, files []registry.StagedFile) ([]Release, error) {
	var out []Release
	for at, files := range byCoordinate(repository, files) {
		assembler := s.assemblers[at.Format]
		if assembler == nil {
			return nil, registry.Errorf(registry.Invalid, registry.AboutRequest, "versions of format %q can't be part of a publish", at.Format)
		}
		to, err := s.core.Target(ctx, at.Name, at.Version, access.Publish)
		if err != nil {
			return nil, err
		}
		rel, err := assembler.Assemble(ctx, Assembly{Open: s.content.OpenBlob, Repository: to.Repository, At: at, Files: files})
		if err != nil {
			return nil, err
		}
		out = append(out, Release{At: at.Name, Release: rel})
	}
	return out, nil
}

// byCoordinate yields the files of each version, in the order of the first.
func byCoordinate(repository string, files []registry.StagedFile) iter.Seq2[registry.Coordinate, []registry.StagedFile] {
	return func(yield func(registry.Coordinate, []registry.StagedFile) bool) {
		same := func(a, b registry.StagedFile) bool {
			return a.Format == b.Format && a.Package == b.Package && a.Version == b.Version
		}
		for len(files) > 0 {
			n := slices.IndexFunc(files, func(f registry.StagedFile) bool { return !same(f, files[0]) })
			if n < 0 {
				n = len(files)
			}
			f := files[0]
			at := registry.Name{Repository: repository, Format: f.Format, Package: f.Package, Display: f.Display}.At(f.Version)
			if !yield(at, files[:n]) {
				return
			}
			files = files[n:]
		}
	}
}

// StagedPublish returns what was staged for a publish. NotFound, Conflict.
func (s *Areas) StagedPublish(ctx context.Context, which Which) (Key, registry.Staging, []registry.StagedFile, error) {
	key, err := s.findPublish(ctx, which, underWay)
	if err != nil {
		return key, registry.Staging{}, nil, err
	}
	set, files, err := s.Find(ctx, key)
	return key, set, files, err
}

// DropPublish drops what was staged for a publish. NotFound, Conflict.
func (s *Areas) DropPublish(ctx context.Context, which Which) error {
	return s.end(ctx, func(tx metadata.Tx) (row string, dropped int64, err error) {
		key, err := s.publishIn(ctx, tx, which, underWay)
		if err == nil {
			row = key.row(access.From(ctx))
			dropped, err = tx.Stagings().DropStaging(row, dropBatch)
		}
		return row, dropped, err
	})
}

// key is that of the area. Invalid.
func (w Which) key() (Key, error) {
	switch {
	case w.Repository == "" && (w.Owner != "" || w.Area):
		return Key{}, registry.Errorf(registry.Invalid, registry.AboutRequest, "name the repository too")
	case w.Owner != "" && CheckID(w.Owner) != nil:
		return Key{}, registry.Errorf(registry.Invalid, registry.AboutRequest, "%q is not the id of a user or a token, such as token:7", registry.Clip(w.Owner))
	case !w.Area:
		key, err := PublishKey(w.Repository, w.ID)
		key.owner = w.Owner
		return key, err
	case strings.HasPrefix(w.ID, publishScope+"/"):
		return Key{}, registry.Errorf(registry.Invalid, registry.AboutRequest, "%q is the area of a publish, not of a format", registry.Clip(w.ID))
	}
	return Key{Repository: w.Repository, ID: w.ID, owner: w.Owner}, CheckID(w.ID)
}

// asUser reports whether a caller is a user, also one whose command line has logged in.
func asUser(actor access.Actor) bool {
	return actor.Type == access.TypeUser || actor.Session
}

// mayEnd reports whether a caller may end an area of another one.
func mayEnd(actor access.Actor, repository string, set registry.Staging) bool {
	return asUser(actor) && set.UserID == actor.UserID || access.Decide(actor, access.Admin, repository) == access.Allow
}

// mayEnd refuses a caller who may not end the area of the key. NotFound.
func (k Key) mayEnd(actor access.Actor, set registry.Staging) error {
	if k.owner == "" || k.owner == actor.ID || mayEnd(actor, k.Repository, set) {
		return nil
	}
	return registry.Missing(metadata.ErrNotExist, registry.AboutRequest, "there is no such publish under way, or you may not end it")
}

// finder looks an area up, as underWay does.
type finder func(tx metadata.Tx, row string) (registry.Staging, error)

// findPublish is publishIn in a transaction of its own.
func (s *Areas) findPublish(ctx context.Context, which Which, find finder) (key Key, err error) {
	err = s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		key, err = s.publishIn(ctx, tx, which, find)
		return err
	})
	return key, err
}

// publishIn looks for a publish in the named repository or, with "", in all where the caller may publish. NotFound of find passes to the
// next repository.
func (s *Areas) publishIn(ctx context.Context, tx metadata.Tx, which Which, find finder) (Key, error) {
	key, err := which.key()
	if err != nil {
		return key, err
	}
	repository, id := which.Repository, which.ID
	actor := access.From(ctx)
	if repository != "" {
		if _, err := s.core.Authorize(ctx, access.Publish, repository); err != nil {
			return key, err
		}
		set, err := find(tx, key.row(actor))
		if err == nil {
			err = key.mayEnd(actor, set)
		}
		return key, err
	}
	if actor.Type == access.TypeAnonymous {
		return key, registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to publish")
	}
	var found []string
	repos, err := registry.AllRepositories(tx.Repositories())
	for _, r := range repos {
		key.Repository = r.Name
		if err != nil || access.Decide(actor, access.Publish, r.Name) != access.Allow {
			continue
		}
		_, serr := find(tx, key.row(actor))
		switch {
		case serr == nil:
			found = append(found, r.Name)
		case registry.KindOf(serr) != registry.NotFound:
			err = serr
		}
	}
	switch {
	case err != nil:
		return key, err
	case len(found) == 0:
		return key, registry.Errorf(registry.NotFound, registry.AboutRequest, "you have no publish %q under way: nothing was staged under it, or it was committed or dropped", registry.Clip(id))
	case len(found) > 1:
		return key, registry.Errorf(registry.Conflict, registry.AboutRequest, "there is a publish %q in several repositories (%s); name one with ?repository=", registry.Clip(id), strings.Join(found, ", "))
	}
	key.Repository = found[0]
	return key, nil
}
