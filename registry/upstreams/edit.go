package upstreams

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"slipway/internal/origin"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// NewUpstream is an upstream to be made.
type NewUpstream struct {
	Name       string // "" is the name of the repository or, of a remote, of the format
	Type       string // metadata.UpstreamRepository or metadata.UpstreamRemote
	Repository string // of the first type: the other repository
	Format     string // of the second type
	URL        string // of the second type: http or https, without credentials, query and fragment
	Settings   Settings
}

// Add puts an upstream at the end of a repository's list. The caller administers the repository and may read the other one. NotFound,
// Denied, Invalid, AlreadyExists.
func (s *Upstreams) Add(ctx context.Context, repository string, n NewUpstream) (Upstream, error) {
	var out Upstream
	err := s.edit(ctx, repository, func(e *edit) error {
		links := e.graph.links[e.repository.ID]
		row, settings, err := e.row(n)
		if err != nil {
			return err
		}
		if len(links) > 0 {
			row.Position = links[len(links)-1].Position + 1
		}
		if row, err = e.tx.Upstreams().CreateUpstream(row); errors.Is(err, metadata.ErrExists) {
			return registry.Errorf(registry.AlreadyExists, registry.AboutUpstream, "repository %q has an upstream %q already", repository, row.Name)
		}
		row.Secret, out = nil, Upstream{row, settings, n.Repository}
		return err
	})
	return out, err
}

// Change replaces the settings of an upstream. NotFound, Denied, Invalid.
func (s *Upstreams) Change(ctx context.Context, repository, name string, change func(Settings) (Settings, error)) (Upstream, error) {
	return s.Move(ctx, repository, name, "", change)
}

// Move is Change for a remote that may be at another URL from now on; "" is that of before. At another URL it is another remote, of which
// nothing is known: what it says, how it answers, and what came from it are not those of the former, which stay as they are.
func (s *Upstreams) Move(ctx context.Context, repository, name, url string, change func(Settings) (Settings, error)) (Upstream, error) {
	var out Upstream
	err := s.edit(ctx, repository, func(e *edit) error {
		u, err := e.find(name)
		if err != nil {
			return err
		}
		settings, err := change(u.Settings)
		if err != nil {
			return err
		}
		if err := e.may(u, settings); err != nil {
			return err
		}
		row := u.Upstream
		if url != "" && url != row.URL {
			if err := e.mayMove(u, url, settings); err != nil {
				return err
			}
			row.URL = url
		}
		if row, settings, err = e.settle(row, u, settings); err != nil {
			return err
		}
		if row, err = e.store(u.Upstream, row); err != nil {
			return err
		}
		row.Secret, out = nil, Upstream{row, settings, u.Member}
		return nil
	})
	return out, err
}

// store replaces the row of an upstream; one of another URL gets a row of its own, as a new identity.
func (e *edit) store(had, row metadata.Upstream) (metadata.Upstream, error) {
	if had.URL == row.URL {
		return row, e.tx.Upstreams().UpdateUpstream(row)
	}
	if err := e.tx.Upstreams().RemoveUpstream(had.ID); err != nil {
		return row, err
	}
	row, err := e.tx.Upstreams().CreateUpstream(row)
	if err == nil {
		err = e.tx.Names().MoveOrigins(had.ID, row.ID) // names stay with what is called so
	}
	return row, err
}

// mayMove refuses another URL of an upstream that has none, or that would get the secrets that another host was to have. Denied, Invalid.
func (e *edit) mayMove(u *Upstream, to string, v Settings) error {
	if u.Type != metadata.UpstreamRemote {
		return invalid("an upstream that is a repository has no URL")
	}
	if err := e.connects("the address of a remote"); err != nil {
		return err
	}
	for place, secret := range v.secrets() {
		if secret.has && secret.value == "" && !origin.SameOrigin(u.URL, to) {
			return invalid("the address is of another host, which does not get the secrets of the former: give those of %s with it, or take them out", place)
		}
	}
	return nil
}

// connects refuses, to others than administrators of the server, what makes it connect elsewhere. Denied.
func (e *edit) connects(what string) error {
	if access.Decide(e.actor, access.Admin, access.Instance) == access.Allow {
		return nil
	}
	return registry.Errorf(registry.Denied, registry.AboutUpstream, "%s can be set only by an administrator of the whole server", what)
}

// Remove takes an upstream off the list. NotFound, Denied.
func (s *Upstreams) Remove(ctx context.Context, repository, name string) error {
	return s.edit(ctx, repository, func(e *edit) error {
		u, err := e.find(name)
		if err != nil {
			return err
		}
		return e.tx.Upstreams().RemoveUpstream(u.ID)
	})
}

// Order sets the order in which a repository's upstreams are asked: names has each of them once. NotFound, Denied, Invalid.
func (s *Upstreams) Order(ctx context.Context, repository string, names []string) error {
	return s.edit(ctx, repository, func(e *edit) error {
		links := e.graph.links[e.repository.ID]
		if len(names) != len(links) {
			return invalid("repository %q has %d upstreams; the order names %d", repository, len(links), len(names))
		}
		for position, name := range names {
			u, err := e.find(name)
			if err != nil {
				return err
			}
			if slices.Contains(names[:position], name) {
				return invalid("the order names %q twice", registry.Clip(name))
			}
			row := u.Upstream
			row.Position = position
			if err := e.tx.Upstreams().UpdateUpstream(row); err != nil {
				return err
			}
		}
		return nil
	})
}

// edit is a change of one repository's upstreams within a transaction.
type edit struct {
	*Upstreams
	tx         metadata.Tx
	actor      access.Actor
	graph      *graph
	repository registry.Repository
	unchanged  bool // the change turned out to be none
}

// edit runs a change by a caller who administers the repository, checks what comes of it, and notes it in the log.
func (s *Upstreams) edit(ctx context.Context, repository string, change func(*edit) error) error {
	actor, err := s.core.Authorize(ctx, access.Admin, repository)
	if err != nil {
		return err
	}
	return s.core.Update(ctx, func(tx metadata.Tx) error {
		r, err := tx.Repositories().Repository(repository)
		if err != nil {
			return registry.Missing(err, registry.AboutRepository, "there is no repository %q", registry.Clip(repository))
		}
		return s.editIn(tx, actor, r, change)
	})
}

func (s *Upstreams) editIn(tx metadata.Tx, actor access.Actor, r registry.Repository, change func(*edit) error) (err error) {
	e := &edit{Upstreams: s, tx: tx, actor: actor, repository: r}
	if e.graph, err = readGraph(tx); err != nil {
		return err
	}
	if err := change(e); err != nil || e.unchanged {
		return err
	}
	if err := e.checkResult(); err != nil {
		return err
	}
	if err := changed(tx.Settings()); err != nil {
		return err
	}
	_, err = registry.Append(tx.Log(), actor, registry.EventRepositoryChanged, "", r.ID, 0, registry.EventData{Repository: r.Name, Changed: []string{"upstreams"}})
	return err
}

func (e *edit) find(name string) (*Upstream, error) {
	for _, l := range append(slices.Clip(e.graph.links[e.repository.ID]), e.graph.lost[e.repository.ID]...) {
		if l.Name == name {
			return l, nil
		}
	}
	return nil, noUpstream(e.repository.Name, name)
}

// row makes the row of a new upstream, and its settings as they are kept. The row of one that is there already gets what its own had and n
// leaves out.
func (e *edit) row(n NewUpstream) (metadata.Upstream, Settings, error) {
	row := metadata.Upstream{RepositoryID: e.repository.ID, Name: n.Name, Type: n.Type, Format: n.Format, URL: n.URL}
	if n.Type == metadata.UpstreamRemote && n.Format == "" {
		return row, n.Settings, invalid("a remote needs a format")
	}
	if row.Name == "" {
		row.Name = cmp.Or(n.Repository, n.Format)
	}
	if !upstreamName.MatchString(row.Name) {
		return row, n.Settings, invalid("%q can't name an upstream: lower-case letters, digits and '-', at most 63, starting with a letter or digit", registry.Clip(row.Name))
	}
	if err := e.check(n.Settings); err != nil {
		return row, n.Settings, err
	}
	member := e.graph.byName[n.Repository]
	row.MemberID = member.ID
	had, err := e.find(row.Name)
	if err != nil || !same(had.Upstream, row) {
		had = &Upstream{Upstream: row, Member: member.Name}
	}
	switch n.Type {
	case metadata.UpstreamRepository:
		err = e.member(n, had)
	case metadata.UpstreamRemote:
		err = e.elsewhere(n, had)
		n.Settings.keepConnection(had.Settings)
	default:
		err = invalid("the type of an upstream is %q or %q, not %q", metadata.UpstreamRepository, metadata.UpstreamRemote, registry.Clip(n.Type))
	}
	if err != nil {
		return row, n.Settings, err
	}
	return e.settle(row, had, n.Settings)
}

// member refuses an upstream that is a repository and can't be added; had is the one that is there, or has no ID.
func (e *edit) member(n NewUpstream, had *Upstream) error {
	if had.MemberID == 0 || had.ID == 0 && access.Decide(e.actor, access.Read, n.Repository) != access.Allow {
		return registry.Errorf(registry.NotFound, registry.AboutRepository, "there is no repository %q", registry.Clip(n.Repository))
	}
	if n.URL != "" || n.Format != "" {
		return invalid("an upstream that is a repository has no URL and no format")
	}
	return e.may(had, n.Settings)
}

// elsewhere refuses a remote that can't be added. As it makes the server connect to other hosts, the caller administers the server, unless
// the remote is there already.
func (e *edit) elsewhere(n NewUpstream, had *Upstream) error {
	if had.ID == 0 {
		if err := e.connects("a remote registry"); err != nil {
			return err
		}
	}
	if _, ok := e.remotes.sources[n.Format]; !ok {
		return invalid("the format of a remote is one of %s, not %q", strings.Join(slices.Sorted(maps.Keys(e.remotes.sources)), ", "), registry.Clip(n.Format))
	}
	if n.Repository != "" {
		return invalid("a remote is no repository of this server")
	}
	return nil
}

// may refuses settings that open another repository to readers who have no right to it, unless the caller administers that one. Denied.
func (e *edit) may(u *Upstream, settings Settings) error {
	if settings.Through && !u.Settings.Through && access.Decide(e.actor, access.Admin, u.Member) != access.Allow {
		return registry.Errorf(registry.Denied, registry.AboutUpstream,
			"\"through\" lets all readers of %q read %q; an administrator of %q must set it", e.repository.Name, u.Member, u.Member)
	}
	return nil
}

// checkResult refuses lists that lead in a circle or reach too far. Invalid.
func (e *edit) checkResult() error {
	g, err := readGraph(e.tx)
	if err != nil {
		return err
	}
	if err := g.oneWriter(e.repository); err != nil {
		return err
	}
	if names, found := g.circle(e.repository); found {
		return invalid("upstreams can't lead back to where they begin: %s", strings.Join(names, " → "))
	}
	for _, r := range g.byID { // a longer list here also lengthens what others reach through it
		if n, deep := g.reach(r); n > maxUpstreams || deep > maxDepth {
			return invalid("repository %q would reach %d places, %d links deep; at most %d, %d deep, are possible", r.Name, n, deep, maxUpstreams, maxDepth)
		}
	}
	return nil
}

// reach counts the places that a repository reaches, itself included, and the links to the farthest.
func (g *graph) reach(r registry.Repository) (places, depth int) {
	seen := map[int64]bool{}
	for level := []int64{r.ID}; len(level) > 0; depth++ {
		var next []int64
		for _, id := range level {
			if seen[id] {
				continue
			}
			seen[id] = true
			places++
			for _, l := range g.links[id] {
				if l.Type == metadata.UpstreamRemote {
					places++
				} else {
					next = append(next, l.MemberID)
				}
			}
		}
		level = next
	}
	return places, depth - 1
}
