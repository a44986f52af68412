package publish

import (
	"context"
	"slices"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Declare adds release metadata to a version, as declared by the caller. NotFound, Denied, Invalid.
func (s *Publisher) Declare(ctx context.Context, at registry.Coordinate, d registry.Declared) error {
	facts, err := d.Facts("api", registry.RankDeclared)
	if err != nil {
		return err
	}
	return s.EditAt(ctx, at, Rights{access.Publish}, func(e *Edit) error { return e.AddFacts(at.Version, facts) })
}

// AddFacts stores facts of a version. The caller needs the right to publish.
func (e *Edit) AddFacts(version string, facts []registry.FactInput) error {
	if err := e.need(access.Publish); err != nil {
		return err
	}
	v, err := e.c.version(version)
	if err != nil {
		return err
	}
	facts, have, err := e.c.unknown(v, cleaned(facts))
	if err != nil || len(facts) == 0 {
		return err
	}
	if n := have + len(facts); n > maxFacts {
		return tooManyFacts(e.c.pkg, v.Name, n)
	}
	entry, err := e.c.append(registry.EventArtifactMetadataChanged, &v, registry.EventData{Facts: facts, EventRelease: registry.EventReleaseOf(facts)})
	if err != nil {
		return err
	}
	e.c.dirty = true
	return e.c.addFacts(v, facts, entry.Seq)
}

// cleaned are facts whose values a store keeps: those of a package's own documents may hold anything.
func cleaned(facts []registry.FactInput) []registry.FactInput {
	out := slices.Clone(facts)
	for i := range out {
		out[i].Value = metadata.CleanText(out[i].Value)
	}
	return out
}

// unknown returns the facts whose value differs from the last fact of the same key and source, and the number of facts that
// the version has.
func (c *change) unknown(v registry.Version, facts []registry.FactInput) (news []registry.FactInput, n int, err error) {
	have, err := c.tx.Facts().Facts(v.ID)
	if err != nil {
		return nil, 0, err
	}
	return slices.DeleteFunc(slices.Clone(facts), func(f registry.FactInput) bool {
		i := slices.IndexFunc(have, func(h registry.Fact) bool { return h.Key == f.Key && h.Source == f.Source })
		return i >= 0 && have[i].Value == f.Value && have[i].Rank == f.Rank
	}), len(have), nil
}

func tooManyFacts(p registry.Package, version string, n int) error {
	return registry.Errorf(registry.Invalid, registry.AboutVersion, "%s %s would have %d facts of its origin; of one version at most %d are kept",
		p.Name, version, n, maxFacts)
}

// maxFacts bounds what one version may collect over time.
const maxFacts = 1000
