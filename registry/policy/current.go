package policy

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"slipway/metadata"
	"slipway/registry"
)

// remembered is the rules as of a generation of the store.
type remembered struct {
	rules *rules
	at    uint64
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

// changed counts a change, so that documents are made anew.
func changed(settings metadata.Settings) error {
	now, err := generation(settings)
	if err != nil {
		return err
	}
	return settings.PutSetting(generationKey, strconv.FormatInt(now+1, 10))
}
