package upstreams

import (
	"context"
	"slices"

	"slipway/registry"
)

// forward implements registry.Forwarding: the upstream that takes writes of the format and the version.
func (s *Upstreams) forward(ctx context.Context, r registry.Repository, at registry.Name, version string) (string, error) {
	g, err := s.graph(ctx)
	if err != nil {
		return "", err
	}
	takes := func(l *Upstream) bool {
		return l.Settings.Writes && l.Settings.speaks(at.Format) && l.Settings.takes(s.core.Rules[at.Format], version)
	}
	if slices.ContainsFunc(g.lost[r.ID], takes) {
		return "", registry.Errorf(registry.Conflict, registry.AboutRepository, "the repository to which %q handed writes on is deleted: an administrator can remove that upstream", r.Name)
	}
	i := slices.IndexFunc(g.links[r.ID], takes)
	if i < 0 {
		return "", nil
	}
	l := g.links[r.ID][i]
	if at.Package != "" && !l.admits(at) {
		return "", registry.Errorf(registry.Denied, registry.AboutPackage, "the upstream of repository %q that takes what is published leaves out names such as %q", r.Name, registry.Clip(at.Package))
	}
	return l.Member, nil
}

// takes reports whether an upstream that takes writes takes those of a version; "" is taken for a release.
func (v Settings) takes(rules registry.Rules, version string) bool {
	snapshot := rules.Snapshot != nil && rules.Snapshot(version)
	switch v.WritesVersions {
	case Releases:
		return !snapshot
	case Snapshots:
		return snapshot
	default:
		return true
	}
}

// oneWriter refuses a list in which two upstreams would take the same write. Invalid.
func (g *graph) oneWriter(r registry.Repository) error {
	list := append(slices.Clone(g.lost[r.ID]), g.links[r.ID]...)
	list = slices.DeleteFunc(list, func(l *Upstream) bool { return !l.Settings.Writes })
	for i, a := range list {
		for _, b := range list[:i] {
			if a.Settings.overlaps(b.Settings) {
				return invalid("upstreams %q and %q would both take what is published to %q: give them different formats, or \"writes_versions\" releases and snapshots", b.Name, a.Name, r.Name)
			}
		}
	}
	return nil
}

// overlaps reports whether two upstreams that take writes would take the same ones.
func (v Settings) overlaps(o Settings) bool {
	if v.WritesVersions != "" && o.WritesVersions != "" && v.WritesVersions != o.WritesVersions {
		return false
	}
	return len(v.Formats) == 0 || len(o.Formats) == 0 || slices.ContainsFunc(v.Formats, o.speaks)
}
