package registry

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"slipway/metadata"
	"slipway/registry/access"
)

// A publish is a set that its client named itself, and that it commits or drops by that name: files of several formats
// and packages that appear at one moment.

// publishScope marks the sets of publishes: nobody but their owner ends them.
const publishScope = "publish"

// maxPublishID is what CheckSetID leaves beside the prefix that keeps publishes and the sets of formats apart.
const maxPublishID = 200

// PublishKey is the set of a publish. Invalid.
func PublishKey(repository, id string) (SetKey, error) {
	if len(id) > maxPublishID {
		return SetKey{}, Errorf(Invalid, AboutRequest, "the id of a publish is longer than %d bytes", maxPublishID)
	}
	return SetKey{Repository: repository, ID: publishScope + "/" + id, Scope: publishScope}, CheckSetID(id)
}

// Assembly is the staged files of one version, about to become a release.
type Assembly struct {
	Service    *Service
	Repository Repository
	At         Coordinate
	Files      []StagedFile
}

// PublishedVersion is what the commit of a publish made of one version.
type PublishedVersion struct {
	At Coordinate
	Result
}

// CommitPublish makes all that the caller has staged under id visible in one transaction. repository may be "" where only
// one holds a publish of that id. NotFound, Conflict, and the errors of CommitSet.
func (s *Service) CommitPublish(ctx context.Context, repository, id string) ([]PublishedVersion, error) {
	key, err := s.findPublish(ctx, repository, id)
	if err != nil {
		return nil, err
	}
	repo, err := s.repository(ctx, key.Repository)
	if err != nil {
		return nil, err
	}
	var releases []SetRelease
	results, err := s.CommitSet(ctx, key, func(files []StagedFile) ([]SetRelease, error) {
		var err error
		releases, err = s.assemble(ctx, repo, files)
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

// assemble lets the formats make releases of staged files.
func (s *Service) assemble(ctx context.Context, repo Repository, files []StagedFile) ([]SetRelease, error) {
	var out []SetRelease
	for at, files := range byCoordinate(repo.Name, files) {
		assemble := s.rules[at.Format].Assemble
		if assemble == nil {
			return nil, Errorf(Invalid, AboutRequest, "versions of format %q can't be part of a publish", at.Format)
		}
		rel, err := assemble(ctx, Assembly{Service: s, Repository: repo, At: at, Files: files})
		if err != nil {
			return nil, err
		}
		out = append(out, SetRelease{At: at.Name, Release: rel})
	}
	return out, nil
}

// byCoordinate yields the files of each version, in the order of the first.
func byCoordinate(repository string, files []StagedFile) iter.Seq2[Coordinate, []StagedFile] {
	return func(yield func(Coordinate, []StagedFile) bool) {
		same := func(a, b StagedFile) bool {
			return a.Format == b.Format && a.Package == b.Package && a.Version == b.Version
		}
		for len(files) > 0 {
			n := slices.IndexFunc(files, func(f StagedFile) bool { return !same(f, files[0]) })
			if n < 0 {
				n = len(files)
			}
			f := files[0]
			at := Name{Repository: repository, Format: f.Format, Package: f.Package, Display: f.Display}.At(f.Version)
			if !yield(at, files[:n]) {
				return
			}
			files = files[n:]
		}
	}
}

// StagedPublish returns what the caller has staged under id. NotFound, Conflict.
func (s *Service) StagedPublish(ctx context.Context, repository, id string) (SetKey, Staging, []StagedFile, error) {
	key, err := s.findPublish(ctx, repository, id)
	if err != nil {
		return key, Staging{}, nil, err
	}
	set, files, err := s.Set(ctx, key)
	return key, set, files, err
}

// DropPublish gives up what the caller has staged under id. NotFound, Conflict.
func (s *Service) DropPublish(ctx context.Context, repository, id string) error {
	key, err := s.findPublish(ctx, repository, id)
	if err != nil {
		return err
	}
	return s.DropSet(ctx, key)
}

// findPublish looks for a publish of the caller in the one repository, or in all where it may publish.
func (s *Service) findPublish(ctx context.Context, repository, id string) (SetKey, error) {
	key, err := PublishKey(repository, id)
	if err != nil {
		return key, err
	}
	if repository != "" {
		_, _, err := s.Set(ctx, key)
		return key, err
	}
	actor := access.From(ctx)
	if actor.Type == access.TypeAnonymous {
		return key, Errorf(Unauthenticated, AboutRequest, "log in to publish")
	}
	var found []string
	err = s.meta.View(ctx, func(tx metadata.Tx) error {
		found = nil
		repos, err := allRepositories(tx)
		for _, r := range repos {
			key.Repository = r.Name
			if err != nil || access.Decide(actor, access.Publish, r.Name) != access.Allow {
				continue
			}
			_, serr := tx.Staging(key.row(actor))
			switch {
			case serr == nil:
				found = append(found, r.Name)
			case !errors.Is(serr, metadata.ErrNotExist):
				err = serr
			}
		}
		return err
	})
	switch {
	case err != nil:
		return key, err
	case len(found) == 0:
		return key, Errorf(NotFound, AboutRequest, "you have no publish %q under way: nothing was staged under it, or it was committed or dropped", clip(id))
	case len(found) > 1:
		return key, Errorf(Conflict, AboutRequest, "there is a publish %q in several repositories (%s); name one with ?repository=", clip(id), strings.Join(found, ", "))
	}
	key.Repository = found[0]
	return key, nil
}
