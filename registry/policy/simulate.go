package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Simulated is a file or version that new rules would have treated in another way when it came.
type Simulated struct {
	Repository    string
	PURL          string
	Path          string // of a file that came from an upstream
	At            time.Time
	By            string
	Before, After Decision
}

const (
	maxSimulated = 1000 // of a page
	// simulatedEntries is how many entries of the log a page looks through, so that rules which change next to nothing are answered in seconds.
	simulatedEntries = 100_000
)

// SimulationPage selects a page of what rules would have changed.
type SimulationPage struct {
	Since time.Time
	After string // the cursor that the page before has ended with; "": from Since on
	Limit int    // 0, and more than that: 1000
}

// simulationPlace is where a page begins: behind an entry of the log, and behind some changes of the one that follows.
type simulationPlace struct {
	seq  int64
	skip int
}

func (p simulationPlace) String() string { return fmt.Sprintf("%d.%d", p.seq, p.skip) }

// simulationPlaceOf reads a cursor. Invalid.
func simulationPlaceOf(cursor string) (p simulationPlace, err error) {
	seq, skip, _ := strings.Cut(cursor, ".")
	if p.seq, err = strconv.ParseInt(seq, 10, 64); err == nil {
		p.skip, err = strconv.Atoi(skip)
	}
	if err != nil || p.seq < -1 || p.skip < 0 {
		return p, invalid("after is not a cursor of this list")
	}
	return p, nil
}

// Simulate replays what came from upstreams, and what was published, with further rules behind or in front of those that there are. The caller
// administers every place that a rule is for; only repositories that it may read are looked at. next is the cursor of the page that follows, ""
// at the end; a page may have nothing although others follow. Invalid, NotFound, Denied.
func (p *Policies) Simulate(ctx context.Context, wanted []Rule, page SimulationPage) (out []Simulated, next string, err error) {
	if len(wanted) == 0 {
		return nil, "", invalid("there is no rule to try")
	}
	if page.Limit <= 0 || page.Limit > maxSimulated {
		page.Limit = maxSimulated
	}
	var begin simulationPlace
	if page.After != "" {
		if begin, err = simulationPlaceOf(page.After); err != nil {
			return nil, "", err
		}
	}
	for _, r := range wanted {
		if _, err := p.core.Authorize(ctx, access.Admin, placeOf(r.Repository)); err != nil {
			return nil, "", err
		}
	}
	if err := p.core.Update(ctx, func(metadata.Tx) error { return nil }); err != nil { // the caller still may, now that the body is here
		return nil, "", err
	}
	err = p.core.Store.View(ctx, func(tx metadata.Tx) error {
		at := begin
		if page.After == "" {
			if at.seq, err = tx.Log().SeqAt(page.Since); err != nil {
				return err
			}
		}
		before, err := p.read(tx)
		if err != nil {
			return err
		}
		after, names, err := p.with(tx, before, wanted)
		if err != nil {
			return err
		}
		out, next, err = replay(tx.Log(), at, page.Limit, func(e registry.Entry) []Simulated {
			name := names[e.RepositoryID]
			if name == "" || access.Decide(access.From(ctx), access.Read, name) != access.Allow {
				return nil
			}
			return p.simulated(before, after, name, e)
		})
		return err
	})
	return out, next, err
}

// replay gathers what changes by the entries behind a place, up to the limit.
func replay(log metadata.Log, at simulationPlace, limit int, changes func(registry.Entry) []Simulated) (out []Simulated, next string, err error) {
	for looked := 0; ; {
		page, err := log.Entries(metadata.EntryQuery{After: at.seq, Types: arrivals, Limit: registry.MaxPage})
		if err != nil {
			return nil, "", err
		}
		for _, e := range page {
			more := changes(e)
			more = more[min(at.skip, len(more)):]
			if room := limit - len(out); len(more) > room {
				return append(out, more[:room]...), simulationPlace{e.Seq - 1, at.skip + room}.String(), nil
			}
			out = append(out, more...)
			at = simulationPlace{seq: e.Seq}
		}
		if looked += len(page); len(page) < registry.MaxPage {
			return out, "", nil
		}
		if looked >= simulatedEntries {
			return out, at.String(), nil
		}
	}
}

// arrivals are the events by which versions and files come.
var arrivals = []string{registry.EventArtifactPublished.String(), registry.EventArtifactFilesAdded.String(), registry.EventCacheEntered.String()}

// with is a set of rules with further ones, and the names of the repositories.
func (p *Policies) with(tx metadata.Tx, set *rules, wanted []Rule) (*rules, map[int64]string, error) {
	repositories, err := registry.AllRepositories(tx.Repositories())
	if err != nil {
		return nil, nil, err
	}
	names, ids := map[int64]string{}, map[string]int64{}
	for _, r := range repositories {
		names[r.ID], ids[r.Name] = r.Name, r.ID
	}
	out := &rules{server: set.server, byRepository: map[int64][]*rule{}}
	for id, list := range set.byRepository {
		out.byRepository[id] = list
	}
	for _, w := range wanted {
		if w.Mode == "" {
			w.Mode = Enforce
		}
		r, err := compile(w.Rule, p.core.Rules)
		if err != nil {
			return nil, nil, err
		}
		id := ids[w.Repository]
		if w.Repository != "" && id == 0 {
			return nil, nil, registry.Errorf(registry.NotFound, registry.AboutRepository, "there is no repository %q", registry.Clip(w.Repository))
		}
		list := out.server
		if id != 0 {
			list = out.byRepository[id]
		}
		if w.Position < 0 {
			list = append(list[:len(list):len(list)], r)
		} else {
			list = append([]*rule{r}, list...)
		}
		if id == 0 {
			out.server = list
		} else {
			out.byRepository[id] = list
		}
	}
	return out, names, nil
}

// simulated decides twice about what came with an entry of the log, by each of its files.
func (p *Policies) simulated(before, after *rules, repository string, e registry.Entry) (out []Simulated) {
	var d registry.EventData
	if json.Unmarshal(e.Data, &d) != nil { // erased
		return nil
	}
	formats := p.core.Rules[d.Format]
	if formats.Normalize == nil {
		return nil
	}
	pkg, err := formats.Normalize(d.Package)
	if err != nil {
		return nil
	}
	subject := Subject{Version: d.Version, Digest: d.Digest, Age: Age{PublishedAt: e.Time}}
	if formats.Order != nil {
		subject.SortKey = formats.Order(d.Version)
	}
	if d.Upstream != nil {
		subject.Age.PublishedAt, _ = time.Parse(time.RFC3339Nano, d.Upstream.PublishedAt)
	}
	ids := []int64{e.RepositoryID}
	was, is := before.scope(d.Format, pkg, ids), after.scope(d.Format, pkg, ids)
	decide := func(path string) {
		s := Simulated{Repository: repository, PURL: d.PURL, Path: path, At: e.Time, By: d.Actor,
			Before: asked(was.decide(subject, e.Time)), After: asked(is.decide(subject, e.Time))}
		if s.Before.Outcome != s.After.Outcome {
			out = append(out, s)
		}
	}
	if formats.Images {
		decide("")
		return out
	}
	for _, f := range d.Files {
		subject.Digest = digest.NewDigestFromEncoded(digest.SHA256, f.SHA256)
		decide(f.Path)
	}
	return out
}

// asked is what a decision would be if rules that only audit did more: what they would refuse is what is asked for.
func asked(d Decision) Decision {
	if d.Audit != nil && d.Outcome == Allowed {
		return *d.Audit
	}
	return d
}
