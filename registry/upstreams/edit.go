package upstreams

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"

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
		row, err := e.row(n)
		if err != nil {
			return err
		}
		if len(links) > 0 {
			row.Position = links[len(links)-1].Position + 1
		}
		if row, err = e.tx.Upstreams().CreateUpstream(row); errors.Is(err, metadata.ErrExists) {
			return registry.Errorf(registry.AlreadyExists, registry.AboutUpstream, "repository %q has an upstream %q already", repository, row.Name)
		}
		out = Upstream{row, n.Settings, n.Repository}
		return err
	})
	return out, err
}

// Change replaces the settings of an upstream. NotFound, Denied, Invalid.
func (s *Upstreams) Change(ctx context.Context, repository, name string, change func(Settings) (Settings, error)) (Upstream, error) {
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
		if err := e.fits(u.Upstream, u.Settings, settings); err != nil {
			return err
		}
		out = *u
		out.Settings = settings
		if out.Upstream.Settings, err = json.Marshal(settings); err != nil {
			return err
		}
		return e.tx.Upstreams().UpdateUpstream(out.Upstream)
	})
	return out, err
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
	for _, l := range e.graph.links[e.repository.ID] {
		if l.Name == name {
			return l, nil
		}
	}
	return nil, noUpstream(e.repository.Name, name)
}

// row makes the row of a new upstream.
func (e *edit) row(n NewUpstream) (metadata.Upstream, error) {
	row := metadata.Upstream{RepositoryID: e.repository.ID, Name: n.Name, Type: n.Type}
	if n.Type == metadata.UpstreamRemote && n.Format == "" {
		return row, invalid("a remote needs a format")
	}
	if row.Name == "" {
		row.Name = cmp.Or(n.Repository, n.Format)
	}
	if !upstreamName.MatchString(row.Name) {
		return row, invalid("%q can't name an upstream: lower-case letters, digits and '-', at most 63, starting with a letter or digit", registry.Clip(row.Name))
	}
	if err := e.check(n.Settings); err != nil {
		return row, err
	}
	var err error
	switch n.Type {
	case metadata.UpstreamRepository:
		err = e.member(n, &row)
	case metadata.UpstreamRemote:
		err = e.elsewhere(n, &row)
	default:
		err = invalid("the type of an upstream is %q or %q, not %q", metadata.UpstreamRepository, metadata.UpstreamRemote, registry.Clip(n.Type))
	}
	if err != nil {
		return row, err
	}
	row.Settings, err = json.Marshal(n.Settings)
	return row, err
}

// member fills the row of an upstream that is a repository.
func (e *edit) member(n NewUpstream, row *metadata.Upstream) error {
	member, known := e.graph.byName[n.Repository]
	had, err := e.find(row.Name)
	if err != nil || had.MemberID != member.ID {
		had = &Upstream{Upstream: *row, Member: member.Name}
	}
	if !known || had.ID == 0 && access.Decide(e.actor, access.Read, n.Repository) != access.Allow {
		return registry.Errorf(registry.NotFound, registry.AboutRepository, "there is no repository %q", registry.Clip(n.Repository))
	}
	if n.URL != "" || n.Format != "" {
		return invalid("an upstream that is a repository has no URL and no format")
	}
	row.MemberID = member.ID
	if err := e.fits(*row, Settings{}, n.Settings); err != nil {
		return err
	}
	return e.may(had, n.Settings)
}

// elsewhere fills the row of a remote. As it makes the server connect to other hosts, the caller administers the server, unless the remote
// is there already.
func (e *edit) elsewhere(n NewUpstream, row *metadata.Upstream) error {
	row.Format, row.URL = n.Format, n.URL
	had, err := e.find(row.Name)
	var former Settings
	switch {
	case err == nil && had.Type == row.Type && had.Format == row.Format && had.URL == row.URL:
		former = had.Settings
	case access.Decide(e.actor, access.Admin, access.Instance) != access.Allow:
		return registry.Errorf(registry.Denied, registry.AboutUpstream, "a remote registry can be added only by an administrator of the whole server")
	}
	if _, ok := e.remotes.sources[n.Format]; !ok {
		return invalid("the format of a remote is one of %s, not %q", strings.Join(slices.Sorted(maps.Keys(e.remotes.sources)), ", "), registry.Clip(n.Format))
	}
	if n.Repository != "" {
		return invalid("a remote is no repository of this server")
	}
	return e.fits(*row, former, n.Settings)
}

// fits refuses settings that an upstream of the other type has, and those of a remote that can't be used. The hosts that a remote may lead
// to are chosen by administrators of the server. Invalid, Denied.
func (e *edit) fits(row metadata.Upstream, former, v Settings) error {
	if row.Type == metadata.UpstreamRepository {
		if v.TTL != nil || v.Offline || v.AnonymousFetch || len(v.Redirects) > 0 || v.ForbiddenIsMissing {
			return invalid("ttl, offline, anonymous_fetch, redirects and forbidden_is_missing are of remotes; %q is a repository", row.Name)
		}
		return nil
	}
	if len(v.Formats) > 0 || v.Through {
		return invalid("formats and through are of upstreams that are repositories; %q is a remote", row.Name)
	}
	if !slices.Equal(former.Redirects, v.Redirects) && access.Decide(e.actor, access.Admin, access.Instance) != access.Allow {
		return registry.Errorf(registry.Denied, registry.AboutUpstream, "redirects of a remote can be set only by an administrator of the whole server")
	}
	base, err := url.Parse(row.URL)
	if err != nil || row.URL == "" {
		return invalid("url is the address of the registry: http or https, without credentials")
	}
	settings, err := v.network(row.Name, base)
	if err != nil {
		return err
	}
	if err := settings.Check(e.remotes.env.Outbound); err != nil {
		return invalid("%v", err)
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
