package policy

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Refused is the cause of every error of the kind registry.Blocked: which decision it was, and under which id it is kept.
type Refused = registry.Refused

// recorded remembers what was refused within the hour, so that a client that asks again and again leaves one row.
type recorded struct {
	mu   sync.Mutex
	hour int64
	ids  map[recordKey]string // request id of the row
	more map[subjectKey]int64 // refusals since the last event
}

type recordKey struct {
	ruleID         int64
	subject        string
	caller, failed string // failed: outcome and mode
}

type subjectKey struct {
	ruleID  int64
	subject string
}

const maxRecorded = 100_000

// refuse records a decision against a subject, and returns the error for the client. about is what the client asked for.
func (p *Policies) refuse(ctx context.Context, repository registry.Repository, at registry.Coordinate, subject string, d Decision, about registry.Subject) error {
	p.decisions.count(d, Enforce)
	id := p.record(ctx, repository, at, subject, d, Enforce)
	text := "blocked by a rule of this server: " + d.Reason
	if d.Outcome == Held {
		text = "held: " + d.Reason
		if !d.Until.IsZero() {
			text = "held until " + d.Until.UTC().Format(time.RFC3339) + ": " + d.Reason
		}
	}
	return &registry.Error{Kind: registry.Blocked, Subject: about, Detail: text + " (slipway why " + id + ")",
		Err: &Refused{Text: text, Reason: d.Reason, ID: id, Until: d.Until, Held: d.Outcome == Held}}
}

// audit records what rules that only audit would have refused.
func (p *Policies) audit(ctx context.Context, repository registry.Repository, at registry.Coordinate, subject string, d Decision) {
	if d.Audit != nil && !d.Audit.Outcome.Served() {
		p.decisions.count(*d.Audit, Audit)
		p.record(ctx, repository, at, subject, *d.Audit, Audit)
	}
}

// record keeps a refusal, once for each rule, subject, caller and hour, and returns the id under which it is kept. What can't be kept is
// refused all the same.
func (p *Policies) record(ctx context.Context, repository registry.Repository, at registry.Coordinate, subject string, d Decision, mode string) string {
	actor := access.From(ctx)
	id := ""
	if p.requestID != nil {
		id = p.requestID(ctx)
	}
	now := p.core.Now()
	key := recordKey{d.RuleID, subject, actor.Text(), string(d.Outcome) + mode}
	known, count := p.recorded.note(key, id, now)
	if known != "" {
		return known
	}
	row := metadata.Refusal{RequestID: id, At: now, RuleID: d.RuleID, RepositoryID: repository.ID, Subject: subject, Caller: actor.Text(),
		Outcome: string(d.Outcome), Mode: mode, Reason: d.Reason, Until: d.Until}
	err := p.core.Update(context.WithoutCancel(ctx), func(tx metadata.Tx) error {
		row.At = tx.Now()
		today, err := tx.Policies().RefusedSince(d.RuleID, subject, row.At.Truncate(24*time.Hour))
		if err != nil {
			return err
		}
		if err := tx.Policies().PutRefusal(row); err != nil || today {
			return err
		}
		pkg, err := registry.PackageID(tx.Packages(), repository.Name, at.Format, at.Package)
		if err != nil {
			return err
		}
		_, err = registry.Append(tx.Log(), actor, registry.EventPolicyBlocked, subject, repository.ID, pkg, registry.EventData{
			Repository: repository.Name, Format: at.Format, Package: at.Package, Version: at.Version, Reason: d.Reason, Count: count,
			Rule: &registry.EventRule{ID: ruleID(d.RuleID), Action: string(d.Outcome), Mode: mode, ExpiresAt: moment(d.Until)}})
		return err
	})
	if err != nil {
		p.recorded.forget(key)
		p.core.Log.WarnContext(ctx, "a refusal could not be recorded", "subject", subject, "error", err.Error())
	}
	return id
}

func ruleID(id int64) string {
	if id == 0 {
		return ""
	}
	return strconv.FormatInt(id, 10)
}

// note returns the id under which a refusal is kept already; "" if it is not. count is how often the rule refused the subject since the
// last row.
func (r *recorded) note(key recordKey, id string, now time.Time) (known string, count int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if hour := now.Unix() / 3600; r.hour != hour || len(r.ids) >= maxRecorded {
		r.hour, r.ids = hour, map[recordKey]string{}
		if len(r.more) >= maxRecorded {
			r.more = nil
		}
	}
	if r.more == nil {
		r.more = map[subjectKey]int64{}
	}
	of := subjectKey{key.ruleID, key.subject}
	r.more[of]++
	if known, ok := r.ids[key]; ok {
		return known, 0
	}
	r.ids[key] = id
	count = r.more[of]
	delete(r.more, of)
	return "", count
}

func (r *recorded) forget(key recordKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.ids, key)
}

// Why is a refusal, explained.
type Why struct {
	metadata.Refusal
	Repository string
	Rule       *Rule // nil: the minimum age of an upstream, or the rule is gone
}

// Why explains the refusal that is kept under the id of a request, to callers who may read the repository. NotFound.
func (p *Policies) Why(ctx context.Context, requestID string) (Why, error) {
	missing := registry.Errorf(registry.NotFound, registry.AboutRequest, "no refusal is kept under %q; the newest %d are", registry.Clip(requestID), metadata.MaxRefusals)
	if access.From(ctx).Type == access.TypeAnonymous {
		if _, err := p.core.Authorize(ctx, access.Read, access.Instance); registry.KindOf(err) == registry.Unauthenticated {
			return Why{}, err
		}
	}
	var out Why
	err := p.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		out.Refusal, err = tx.Policies().Refusal(requestID)
		return err
	})
	if err != nil {
		return out, registry.Missing(err, registry.AboutRequest, "%s", missing.Detail)
	}
	set, err := p.rules(ctx)
	if err != nil {
		return out, err
	}
	repositories, err := p.repositoryNames(ctx)
	if err != nil {
		return out, err
	}
	out.Repository = repositories[out.RepositoryID]
	if out.Repository == "" || access.Decide(access.From(ctx), access.Read, out.Repository) != access.Allow {
		return Why{}, registry.Missing(metadata.ErrNotExist, registry.AboutRequest, "%s", missing.Detail)
	}
	for _, r := range set.all() {
		if r.ID == out.RuleID {
			out.Rule = &r
		}
	}
	return out, nil
}

func (p *Policies) repositoryNames(ctx context.Context) (map[int64]string, error) {
	out := map[int64]string{}
	err := p.core.Store.View(ctx, func(tx metadata.Tx) error {
		list, err := registry.AllRepositories(tx.Repositories())
		for _, r := range list {
			out[r.ID] = r.Name
		}
		return err
	})
	return out, err
}

// subjectOf is a version, or a package where at names none, as refusals name it.
func (p *Policies) subjectOf(at registry.Coordinate) string {
	name := strings.Replace(at.Package, ":", "/", 1)
	text := "pkg:" + p.core.Rules[at.Format].PURLType + "/" + name
	if at.Version != "" {
		text += "@" + at.Version
	}
	return text
}

// IsBlocked returns what was refused, if an error is of that kind.
func IsBlocked(err error) (*Refused, bool) {
	var r *Refused
	ok := errors.As(err, &r)
	return r, ok
}
