package upstreams

import (
	"context"
	"errors"
	"slices"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/registry/publish"
)

// FactPromotedFrom is the fact that names the repository that a version was promoted from.
const FactPromotedFrom = "promoted.from"

// maxParts bounds the versions that one promotion brings: an index with its parts.
const maxParts = 1000

// promotion is one version that is about to be promoted.
type promotion struct {
	catalog.VersionDetail
	references []metadata.Reference
}

// Promote makes a version, as a repository shows it, a version of another repository: the same bytes, its facts, the state that it is in,
// and, of what is made of parts, the parts. Files that only a remote has are fetched first. tags are set to it. The caller may read the
// version, and publish into the other repository. A version that is there already with the same content is success. NotFound, Denied,
// Invalid, Conflict; AlreadyExists: it is there with other content.
func (s *Upstreams) Promote(ctx context.Context, at registry.Coordinate, to string, tags []string) (registry.Package, registry.Version, error) {
	var res publish.Result
	r := &Reader{s: s, plain: s.plain}
	goal := at.Name
	goal.Repository = to
	target, err := s.core.Target(ctx, goal, at.Version, access.Publish)
	if err != nil {
		return res.Package, res.Version, err
	}
	for _, tag := range tags {
		if err := s.core.Rules.CheckTag(at.Format, tag); err != nil {
			return res.Package, res.Version, err
		}
	}
	if err := s.mayPublish(ctx, goal.At(at.Version), target); err != nil {
		return res.Package, res.Version, err
	}
	list, err := s.gather(ctx, r, at, nil)
	if err != nil {
		return res.Package, res.Version, err
	}
	err = s.core.Update(ctx, func(tx metadata.Tx) error {
		for i, p := range list {
			set := tags
			if i < len(list)-1 {
				set = nil
			}
			if res, err = s.promote(tx, access.From(ctx), target, at, p, set, i < len(list)-1); err != nil {
				return err
			}
		}
		return nil
	})
	return res.Package, res.Version, err
}

// gather reads a version with its parts, the parts first, and has what is not here fetched.
func (s *Upstreams) gather(ctx context.Context, r *Reader, at registry.Coordinate, have []promotion) ([]promotion, error) {
	if s.core.Rules[at.Format].Images { // a manifest enters alone, when it is asked for
		if _, err := r.Resolve(ctx, at.Name, catalog.Ref{Digest: digest.Digest(at.Version)}); err != nil {
			return nil, err
		}
	}
	d, err := r.VersionDetail(ctx, at)
	if err != nil {
		return nil, err
	}
	if d.Version.State == registry.Deleted {
		return nil, registry.Errorf(registry.NotFound, registry.AboutVersion, "%s %s is deleted", d.Package.Name, d.Version.Name)
	}
	at.Version = d.Version.Name
	for i, f := range d.Files {
		if d.Files[i], err = r.File(catalog.Whole(ctx), at, f.Path); err != nil {
			return nil, err
		}
	}
	p := promotion{VersionDetail: d}
	if err := s.settle(ctx, &p); err != nil {
		return nil, err
	}
	if err := s.blobs(ctx, r, at.Name, &p); err != nil {
		return nil, err
	}
	for _, ref := range p.references {
		if ref.Kind != registry.RefChild || slices.ContainsFunc(have, func(h promotion) bool { return h.Version.Digest == ref.Digest }) {
			continue
		}
		child, err := r.Resolve(ctx, at.Name, catalog.Ref{Digest: ref.Digest})
		if registry.KindOf(err) == registry.NotFound && err != nil {
			continue // a part that is a blob, or that was left out
		}
		if err == nil {
			have, err = s.gather(ctx, r, at.Name.At(child.Name), have)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(have) >= maxParts {
		return nil, registry.Errorf(registry.TooLarge, registry.AboutVersion, "%s %s has more than %d parts", d.Package.Name, d.Version.Name, maxParts)
	}
	return append(have, p), nil
}

// blobs has those fetched that a manifest of a remote names, and makes them files of it.
func (s *Upstreams) blobs(ctx context.Context, r *Reader, at registry.Name, p *promotion) error {
	for _, ref := range p.references {
		path := ref.Digest.String()
		if ref.Kind != registry.RefBlob || slices.ContainsFunc(p.Files, func(f registry.File) bool { return f.Path == path }) {
			continue
		}
		f, err := r.Blob(catalog.Whole(ctx), at, ref.Digest)
		if err != nil {
			return err
		}
		f.Path = path
		p.Files = append(p.Files, f)
	}
	p.references = slices.DeleteFunc(p.references, func(ref metadata.Reference) bool { return ref.Kind == registry.RefBlob })
	return nil
}

// settle replaces a version as a remote lists it by the one that its files have made here, and reads what it points at.
func (s *Upstreams) settle(ctx context.Context, p *promotion) error {
	return s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		if p.Version.ID <= 0 {
			if len(p.Files) == 0 {
				return registry.Errorf(registry.Conflict, registry.AboutVersion, "%s %s has no files here", p.Package.Name, p.Version.Name)
			}
			if p.Version, err = tx.Versions().VersionByID(p.Files[0].VersionID); err != nil {
				return err
			}
			if p.Facts, err = tx.Facts().Facts(p.Version.ID); err != nil {
				return err
			}
		}
		if p.Package, err = tx.Packages().PackageByID(p.Version.PackageID); err != nil {
			return err
		}
		p.references, err = tx.References().References(p.Version.ID)
		return err
	})
}

// promote commits one version.
func (s *Upstreams) promote(tx metadata.Tx, actor access.Actor, to registry.Target, at registry.Coordinate, p promotion, tags []string, part bool) (publish.Result, error) {
	name := to.At(at.Name)
	name.Display = p.Package.Name
	if p.Package.RepositoryID == to.Repository.ID {
		return publish.Result{}, registry.Errorf(registry.Invalid, registry.AboutVersion, "%s %s is a version of repository %q already", p.Package.Name, p.Version.Name, to.Repository.Name)
	}
	files := make([]publish.Staged, len(p.Files))
	for i, f := range p.Files {
		b, err := registry.BlobByDigest(tx.Blobs(), f.Blob.Digest)
		if errors.Is(err, metadata.ErrNotExist) {
			return publish.Result{}, registry.Errorf(registry.Conflict, registry.AboutFile, "%q is not there any more", registry.Clip(f.Path))
		}
		if err != nil {
			return publish.Result{}, err
		}
		files[i] = publish.HeldFile(f.Path, f.MediaType, b)
	}
	return s.publisher.CommitIn(tx, actor, to, name, s.release(name, p, tags, part), files)
}

// release is the release of a promoted version.
func (s *Upstreams) release(name registry.Name, p promotion, tags []string, part bool) publish.Release {
	rules, v := s.core.Rules[name.Format], p.Version
	origin := p.Package.Origin
	if origin == metadata.OriginCached {
		origin = metadata.OriginPromoted
	}
	rel := publish.Release{Version: v.Name, PURL: v.PURL, Mode: publish.Create, SortKey: v.SortKey, Prerelease: v.Prerelease, Descriptor: v.Descriptor,
		MediaType: v.MediaType, Attached: v.Attached, Silent: part && !v.Attached, Tags: tags,
		Promotion: &registry.EventPromotion{Repository: p.Package.Repository, Seq: v.Seq, Origin: origin},
		Facts:     append(factsOf(p.Facts), registry.FactInput{Key: FactPromotedFrom, Value: p.Package.Repository, Source: registry.CausePromotion, Rank: registry.RankObserved}),
		Package: func(old []byte) ([]byte, error) {
			if len(old) > 0 {
				return old, nil
			}
			return p.Package.Descriptor, nil
		}}
	if rules.MovePURL != nil {
		rel.PURL = rules.MovePURL(v.PURL, name)
	}
	if v.State != registry.Published {
		rel.State, rel.Reason = v.State, v.Reason
	}
	if rules.RequiredTag != "" {
		rel.TagsIfUnset = []string{rules.RequiredTag}
	}
	if rules.Images {
		rel.Digest, rel.Revive = v.Digest, true
	}
	for _, ref := range p.references {
		rel.References = append(rel.References, publish.Reference{Kind: ref.Kind, Digest: ref.Digest})
	}
	return rel
}

// factsOf are the facts of a version without those that an earlier promotion added.
func factsOf(facts []registry.Fact) []registry.FactInput {
	return slices.DeleteFunc(registry.FactInputs(facts), func(f registry.FactInput) bool { return f.Key == FactPromotedFrom })
}
