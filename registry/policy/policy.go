// Package policy keeps the rules about single packages, versions and bytes, decides by them, and shows front-ends what they leave: deny,
// hide, hold until old enough, allow, and never evict. It is also what compares the age of versions with the minimum age of an upstream.
package policy

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Policies keeps the rules of an instance.
type Policies struct {
	core      *registry.Core
	requestID func(context.Context) string
	versioned metadata.Versioned // nil: other processes may write the store, so rules are read each time
	current   atomic.Pointer[remembered]
	recorded  recorded
	decisions decisions
	reader    *Reader // set before the first request
}

// remembered is the rules as of a generation of the store.
type remembered struct {
	rules *rules
	at    uint64
}

// New makes the part. requestID returns the id of the request that a context belongs to, "" outside of one.
func New(core *registry.Core, requestID func(context.Context) string, metrics prometheus.Registerer) *Policies {
	p := &Policies{core: core, requestID: requestID, decisions: newDecisions(metrics)}
	p.versioned, _ = core.Store.(metadata.Versioned)
	return p
}

// Rule is a rule as callers see it.
type Rule struct {
	metadata.Rule
	Repository string // "": every repository
}

// rules are all rules, read. They never change.
type rules struct {
	generation   int64
	server       []*rule
	byRepository map[int64][]*rule
	names        map[int64]string // of repositories
	minimum      bool             // some upstream has a minimum age
}

// idle reports whether nothing can be refused.
func (r *rules) idle() bool { return len(r.server) == 0 && len(r.byRepository) == 0 && !r.minimum }

// rules returns the present rules. Where nothing has changed it costs two loads.
func (p *Policies) rules(ctx context.Context) (*rules, error) {
	var at uint64
	if p.versioned != nil {
		if known := p.current.Load(); known != nil && p.versioned.GenerationOf(metadata.RepositoryRows) <= known.at {
			return known.rules, nil
		}
		at = p.versioned.Generation() // before the look, so that what is found is not older
	}
	var out *rules
	err := p.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		out, err = p.read(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	if p.versioned != nil {
		p.current.Store(&remembered{out, at})
	}
	return out, nil
}

func (p *Policies) read(tx metadata.Tx) (*rules, error) {
	out := &rules{byRepository: map[int64][]*rule{}, names: map[int64]string{}}
	rows, err := tx.Policies().Rules()
	if err != nil {
		return nil, err
	}
	if out.generation, err = generation(tx.Settings()); err != nil {
		return nil, err
	}
	if out.minimum, err = hasMinimum(tx); err != nil || len(rows) == 0 && !out.minimum {
		return out, err
	}
	repositories, err := registry.AllRepositories(tx.Repositories())
	if err != nil {
		return nil, err
	}
	for _, r := range repositories {
		out.names[r.ID] = r.Name
	}
	for _, row := range rows {
		r, err := compile(row, p.core.Rules)
		if err != nil {
			return nil, &registry.Error{Kind: registry.Internal, Subject: registry.AboutRule, Detail: "a stored rule can't be read", Err: err}
		}
		switch {
		case row.RepositoryID == 0:
			out.server = append(out.server, r)
		case out.names[row.RepositoryID] != "":
			out.byRepository[row.RepositoryID] = append(out.byRepository[row.RepositoryID], r)
		}
	}
	return out, nil
}

// hasMinimum reports whether an upstream has a minimum age.
func hasMinimum(tx metadata.Tx) (bool, error) {
	rows, err := tx.Upstreams().Upstreams()
	for _, row := range rows {
		var v struct {
			Cooldown string `json:"cooldown"`
		}
		if len(row.Settings) > 0 && json.Unmarshal(row.Settings, &v) == nil && v.Cooldown != "" {
			return true, nil
		}
	}
	return false, err
}

// generationKey is the setting that counts changes of rules.
const generationKey = "rules.generation"

// changed counts a change, so that documents are made anew.
func changed(settings metadata.Settings) error {
	now, err := generation(settings)
	if err != nil {
		return err
	}
	return settings.PutSetting(generationKey, strconv.FormatInt(now+1, 10))
}

func generation(settings metadata.Settings) (int64, error) {
	text, err := settings.Setting(generationKey)
	if errors.Is(err, metadata.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}

// Rules lists the rules that the caller may see: those of the whole server, and those of repositories that it may read; with a repository,
// those that hold there. NotFound: about the repository.
func (p *Policies) Rules(ctx context.Context, repository string) ([]Rule, error) {
	actor := access.From(ctx)
	if repository != "" {
		if _, err := p.core.Repository(ctx, repository); err != nil {
			return nil, err
		}
	} else if actor.Type == access.TypeAnonymous {
		return nil, registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to see rules")
	}
	set, err := p.rules(ctx)
	if err != nil {
		return nil, err
	}
	out := []Rule{}
	for _, r := range set.all() {
		if r.Repository != "" && (access.Decide(actor, access.Read, r.Repository) != access.Allow || repository != "" && r.Repository != repository) {
			continue
		}
		out = append(out, r)
	}
	return out, nil
}

// About lists the rules that may be about a package, of those that the caller may see: of the whole server, and of the repositories.
func (p *Policies) About(ctx context.Context, at registry.Name, repositories []string) ([]Rule, error) {
	if access.From(ctx).Type == access.TypeAnonymous {
		return []Rule{}, nil
	}
	list, err := p.Rules(ctx, "")
	if err != nil {
		return nil, err
	}
	set, err := p.rules(ctx)
	if err != nil {
		return nil, err
	}
	names := map[int64]bool{}
	for _, one := range set.everyRule() {
		names[one.ID] = one.digest == "" && one.names(at.Format, at.Package)
	}
	return slices.DeleteFunc(list, func(r Rule) bool {
		return !names[r.ID] || r.Repository != "" && !slices.Contains(repositories, r.Repository)
	}), nil
}

// everyRule are all rules, in no order.
func (r *rules) everyRule() []*rule {
	out := slices.Clone(r.server)
	for _, list := range r.byRepository {
		out = append(out, list...)
	}
	return out
}

// all lists the rules in the order in which they are asked, repository by repository.
func (r *rules) all() []Rule {
	var out []Rule
	add := func(list []*rule, repository string) {
		for _, one := range list {
			out = append(out, Rule{one.Rule, repository})
		}
	}
	add(r.server, "")
	for _, id := range slices.SortedFunc(maps.Keys(r.byRepository), func(a, b int64) int { return strings.Compare(r.names[a], r.names[b]) }) {
		add(r.byRepository[id], r.names[id])
	}
	return out
}

// Add makes a rule, of a repository or, where that is "", of the whole server, at a position among those of the same place: 0 is the first.
// A negative position is the last. The caller administers the place. Invalid, NotFound, Denied.
func (p *Policies) Add(ctx context.Context, r Rule) (Rule, error) {
	actor, err := p.core.Authorize(ctx, access.Admin, placeOf(r.Repository))
	if err != nil {
		return r, err
	}
	if r.Mode == "" {
		r.Mode = Enforce
	}
	if _, err := compile(r.Rule, p.core.Rules); err != nil {
		return r, err
	}
	if !r.ExpiresAt.IsZero() && !r.ExpiresAt.After(p.core.Now()) {
		return r, invalid("the rule would have expired already, at %s", r.ExpiresAt.Format(time.RFC3339))
	}
	r.CreatedBy, r.ExpiresAt = actor.Text(), r.ExpiresAt.Truncate(time.Microsecond).UTC()
	wanted := r.Position
	err = p.core.Update(ctx, func(tx metadata.Tx) error {
		r.RepositoryID = 0
		if r.Repository != "" {
			row, err := tx.Repositories().Repository(r.Repository)
			if err != nil {
				return registry.Missing(err, registry.AboutRepository, "there is no repository %q", registry.Clip(r.Repository))
			}
			r.RepositoryID = row.ID
		}
		rows, err := tx.Policies().Rules()
		if err != nil {
			return err
		}
		if len(rows) >= maxRules {
			return registry.Errorf(registry.Conflict, registry.AboutRule, "there are %d rules already; remove some", len(rows))
		}
		r.Position = place(rows, r.RepositoryID, wanted)
		if r.Rule, err = tx.Policies().CreateRule(r.Rule); err != nil {
			return err
		}
		return note(tx, actor, registry.EventRuleCreated, r)
	})
	return r, err
}

// place is a position in front of all rules of a repository where wanted is 0, behind all where it is negative.
func place(rows []metadata.Rule, repositoryID int64, wanted int) int {
	first, last, some := 0, 0, false
	for _, row := range rows {
		if row.RepositoryID != repositoryID {
			continue
		}
		if !some {
			first, last, some = row.Position, row.Position, true
		}
		first, last = min(first, row.Position), max(last, row.Position)
	}
	switch {
	case !some:
		return 0
	case wanted < 0:
		return last + 1
	default:
		return first - 1
	}
}

// Remove ends a rule. NotFound, Denied.
func (p *Policies) Remove(ctx context.Context, id int64) error {
	actor := access.From(ctx)
	missing := registry.Errorf(registry.NotFound, registry.AboutRule, "there is no rule %d", id)
	if actor.Type == access.TypeAnonymous {
		return registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to remove rules")
	}
	return p.core.Update(ctx, func(tx metadata.Tx) error {
		set, err := p.read(tx)
		if err != nil {
			return err
		}
		all := set.all()
		i := slices.IndexFunc(all, func(r Rule) bool { return r.ID == id })
		if i < 0 {
			return missing
		}
		_, err = p.core.Authorize(access.With(ctx, actor), access.Admin, placeOf(all[i].Repository))
		if errors.Is(err, &registry.Error{Kind: registry.NotFound, Subject: registry.AboutRepository}) {
			return missing // of a repository that is hidden from the caller
		}
		if err != nil {
			return err
		}
		if err := tx.Policies().DeleteRule(id); err != nil {
			return err
		}
		return note(tx, actor, registry.EventRuleRemoved, all[i])
	})
}

// NoteExpired writes the end of rules that expired into the log. What they refused or allowed ended with them.
func (p *Policies) NoteExpired(ctx context.Context) error {
	set, err := p.rules(ctx)
	if err != nil {
		return err
	}
	over := func(r metadata.Rule) bool {
		return !r.Expired && !r.ExpiresAt.IsZero() && !p.core.Now().Before(r.ExpiresAt)
	}
	if !slices.ContainsFunc(set.all(), func(r Rule) bool { return over(r.Rule) }) {
		return nil
	}
	return p.core.Update(ctx, func(tx metadata.Tx) error {
		set, err := p.read(tx)
		if err != nil {
			return err
		}
		for _, r := range set.all() {
			if !over(r.Rule) {
				continue
			}
			r.Expired = true
			if err := tx.Policies().UpdateRule(r.Rule); err != nil {
				return err
			}
			if err := note(tx, access.System(), registry.EventRuleExpired, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// NoteExpiredEvery runs NoteExpired at intervals until ctx ends, the first time after one, so that walks over failing calls count
// their own calls alone.
func (p *Policies) NoteExpiredEvery(ctx context.Context, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := p.NoteExpired(ctx); err != nil && ctx.Err() == nil {
			p.core.Log.WarnContext(ctx, "the end of rules could not be noted", "error", err.Error())
		}
	}
}

func note(tx metadata.Tx, actor access.Actor, kind registry.EventType, r Rule) error {
	if err := changed(tx.Settings()); err != nil {
		return err
	}
	_, err := registry.Append(tx.Log(), actor, kind, r.Match, r.RepositoryID, 0, registry.EventData{Repository: r.Repository, Name: r.Match, Reason: r.Reason,
		Rule: &registry.EventRule{ID: strconv.FormatInt(r.ID, 10), Action: r.Action, Mode: r.Mode, MinAge: age(r.MinAge), ExpiresAt: moment(r.ExpiresAt)}})
	return err
}

func age(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return metadata.FormatTime(t)
}

func placeOf(repository string) string {
	if repository == "" {
		return access.Instance
	}
	return repository
}

// scope returns the rules that may be about a package, as seen through repositories: the asked one first, the one that has the package last.
func (r *rules) scope(format, pkg string, repositories []int64) scope {
	server := about(nil, r.server, format, pkg)
	out := scope{}
	for _, id := range repositories {
		out.lists = append(out.lists, about(slices.Clip(server), r.byRepository[id], format, pkg))
	}
	return out
}

// about adds the rules of a list that may be about a package.
func about(to, list []*rule, format, pkg string) []*rule {
	for _, one := range list {
		if one.digest != "" || one.names(format, pkg) {
			to = append(to, one)
		}
	}
	return to
}

// empty reports whether no rule may be about the package.
func (s scope) empty() bool { return !s.some(func(*rule) bool { return true }) }

// some reports whether a rule has a property.
func (s scope) some(is func(*rule) bool) bool {
	return slices.ContainsFunc(s.lists, func(list []*rule) bool { return slices.ContainsFunc(list, is) })
}

// Pinned returns a predicate of what a rule "pin" keeps from eviction in a repository: a version, or bytes alone where pkg is "".
func (p *Policies) Pinned(ctx context.Context, repository registry.Repository) (func(format, pkg, version string, sortKey []byte, d digest.Digest) bool, error) {
	set, err := p.rules(ctx)
	if err != nil {
		return nil, err
	}
	return set.pinned(repository.ID, p.core.Now()), nil
}

// pinned is a predicate of what pins keep in a repository.
func (set *rules) pinned(repositoryID int64, now time.Time) func(format, pkg, version string, sortKey []byte, d digest.Digest) bool {
	var pins []*rule
	for _, r := range slices.Concat(set.server, set.byRepository[repositoryID]) {
		if r.Action == Pin && r.holdsAt(now) {
			pins = append(pins, r)
		}
	}
	return func(format, pkg, version string, sortKey []byte, d digest.Digest) bool {
		s := Subject{Version: version, SortKey: sortKey, Digest: d}
		return slices.ContainsFunc(pins, func(r *rule) bool { return (r.digest != "" || pkg != "" && r.names(format, pkg)) && r.matches(s) })
	}
}

// PinnedIn reads the pins of a database that no server runs on, and returns a predicate of the files from remotes that they keep, by the
// repository. formats are the rules of each format.
func PinnedIn(tx metadata.Tx, formats map[string]registry.Rules) (func(repositoryID int64, f metadata.CachedEntry) bool, error) {
	set, err := (&Policies{core: &registry.Core{Rules: formats}}).read(tx)
	if err != nil {
		return nil, err
	}
	now := tx.Now()
	return func(repositoryID int64, f metadata.CachedEntry) bool {
		return set.pinned(repositoryID, now)(f.Format, f.Key, f.Version.Name, f.Version.SortKey, f.Digest)
	}, nil
}
