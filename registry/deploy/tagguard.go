package deploy

import (
	"context"
	"maps"
	"slices"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// TagGuard is what keeps a tag of a repository where it is.
type TagGuard struct {
	Rule      registry.TagRule // the strictest that holds; the zero value: none
	Followers []string         // names of the environments that follow the tag
}

// MovedWith returns the rights in the repository each of which moves the tag. An immutable tag is moved by nobody before its rule is
// changed, which needs Admin.
func (g TagGuard) MovedWith() []access.Action {
	switch {
	case g.Rule.Rule == registry.TagImmutable:
		return []access.Action{access.Admin}
	case g.Rule.Rule == registry.TagProtected, len(g.Followers) > 0:
		return []access.Action{access.Tag}
	}
	return []access.Action{access.Tag, access.Publish}
}

// TagGuard says what keeps a tag of the repository's packages of a format; format "": the strictest answer of all formats. The caller
// audits the repository. NotFound, Denied, Invalid.
func (s *Records) TagGuard(ctx context.Context, repository, format, tag string) (g TagGuard, err error) {
	if err := registry.CheckTag(tag); err != nil {
		return g, err
	}
	formats := []string{format}
	if _, known := s.core.Rules[format]; format == "" {
		formats = slices.Sorted(maps.Keys(s.core.Rules))
	} else if !known {
		return g, registry.Errorf(registry.Invalid, registry.AboutRequest, "there is no format %q", registry.Clip(format))
	}
	if _, err := s.core.Authorize(ctx, access.Audit, repository); err != nil {
		return g, err
	}
	err = s.core.Store.View(ctx, func(tx metadata.Tx) error {
		repo, err := tx.Repositories().Repository(repository)
		if err != nil {
			return registry.Missing(err, registry.AboutRepository, "there is no repository %q", registry.Clip(repository))
		}
		g = TagGuard{}
		for _, format := range formats {
			if r := registry.TagRules.In(repo).For(format, tag); r.Rule != "" && g.Rule.Rule != registry.TagImmutable {
				g.Rule = r
			}
		}
		return s.followers(tx, tag, repo, func(e registry.Environment) bool {
			g.Followers = append(g.Followers, e.Name)
			return true
		})
	})
	return g, err
}
