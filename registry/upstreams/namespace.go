package upstreams

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"

	"slipway/metadata"
	"slipway/registry"
)

// Clients of images that are told of a mirror say which registry they want an image of. Where remotes of a repository list by which names
// clients know them, those names are all that there are, and only the remotes of the name that is asked for answer, beside what is published
// here. Where none does, all of them answer, as the repository's name says enough.

type namespaceKey struct{}

type namespace struct {
	name   string
	heeded func()
}

// WithNamespace returns a context whose look-ups of images ask the registry that clients know by a host's name. heeded is called when there is
// one, or more.
func WithNamespace(ctx context.Context, name string, heeded func()) context.Context {
	return context.WithValue(ctx, namespaceKey{}, namespace{name, heeded})
}

const (
	maxNamespaces = 20
	maxNamespace  = 255
)

// checkNamespaces refuses what is no name of a host, with a port or not. Invalid.
func checkNamespaces(list []string) error {
	if len(list) > maxNamespaces {
		return invalid("namespaces: at most %d names of the registry, not %d", maxNamespaces, len(list))
	}
	for _, name := range list {
		u, err := url.Parse("//" + name)
		if err != nil || u.Host != name || u.Hostname() == "" || len(name) > maxNamespace || strings.ContainsAny(name, "@?#/ ") {
			return invalid("namespaces: %q is no name of a host, such as images.example.com", registry.Clip(name))
		}
	}
	return nil
}

// called reports whether clients know a remote by a name: one that its settings list, or the host of its address.
func (l *Upstream) called(name string) bool {
	if slices.ContainsFunc(l.Settings.Namespaces, func(n string) bool { return strings.EqualFold(n, name) }) {
		return true
	}
	u, err := url.Parse(l.URL)
	return err == nil && strings.EqualFold(u.Host, name)
}

// chosen leaves of places and rows those of the registry that the client wants. What came from another one of the same repository belongs to
// that one, and its name is not here then. Remotes that own names stay: whether a name is ours does not depend on what a client says.
func (s *Upstreams) chosen(ctx context.Context, places []place, have rows, at registry.Name) ([]place, rows, error) {
	ns, ok := ctx.Value(namespaceKey{}).(namespace)
	ofImages := func(p place) bool { return p.remote != nil && p.remote.Format == at.Format }
	listed := func(p place) bool { return ofImages(p) && len(p.remote.Settings.Namespaces) > 0 }
	if !ok || !s.core.Rules[at.Format].Images || !slices.ContainsFunc(places, listed) {
		return places, have, nil
	}
	wanted := func(p place) bool { return p.owns() || p.remote.called(ns.name) }
	others := map[int64]bool{} // repositories that have a remote which is not wanted
	for _, p := range places {
		if !ofImages(p) {
			continue
		}
		if !wanted(p) {
			others[p.repository.ID] = true
		} else if !p.owns() {
			ns.heeded()
		}
	}
	packages := maps.Clone(have.packages)
	taken := map[int64]bool{} // repositories in which another remote has the name
	for id := range others {
		pkg, known := packages[id]
		if !known || pkg.Origin != metadata.OriginCached {
			continue
		}
		first := int64(0)
		at := at
		at.Repository = pkg.Repository
		err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
			first, err = originIn(tx, id, at)
			return err
		})
		if err != nil {
			return nil, have, err
		}
		if !slices.ContainsFunc(places, func(p place) bool { return ofImages(p) && p.remote.ID == first && wanted(p) }) {
			taken[id] = true
			delete(packages, id)
		}
	}
	places = slices.DeleteFunc(slices.Clone(places), func(p place) bool { return ofImages(p) && (!wanted(p) || taken[p.repository.ID]) })
	if !slices.ContainsFunc(places, func(p place) bool { return ofImages(p) && p.remote.ID == have.origin }) {
		have.origin = 0
	}
	have.packages, have.composed = packages, nil
	return places, have, nil
}
