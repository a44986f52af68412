package upstreams

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"slipway/internal/origin"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// What an upstream does that people want to know of is an event in the log, of the repository whose upstream it is.

// event is one that waits to be written.
type event struct {
	kind         registry.EventType
	repositoryID int64
	data         registry.EventData
	mark         *metadata.CachedFile // stored with it: what is known of a file's other bytes
	kept         bool                 // false with a mark: the mark alone
}

// event makes one about a remote; of a package where at names one.
func (r *remote) event(kind registry.EventType, at registry.Name, data registry.EventData) event {
	data.Repository, data.Format, data.Package = r.repository.Name, at.Format, at.Package
	data.Upstream = &registry.EventUpstream{Name: r.Name}
	return event{kind: kind, repositoryID: r.repository.ID, data: data}
}

// write puts events into the log, in their order.
func (s *Upstreams) write(ctx context.Context, events ...event) {
	if len(events) == 0 {
		return
	}
	err := s.core.Update(access.With(context.WithoutCancel(ctx), access.System()), func(tx metadata.Tx) error {
		for _, e := range events {
			if e.mark != nil {
				if err := tx.Evictions().ChangeFile(*e.mark); err != nil && !errors.Is(err, metadata.ErrNotExist) {
					return err
				}
			}
			if e.mark != nil && !e.kept {
				continue
			}
			id, err := registry.PackageID(tx.Packages(), e.data.Repository, e.data.Format, e.data.Package)
			if err != nil {
				return err
			}
			if _, err := registry.Append(tx.Log(), access.System(), e.kind, "", e.repositoryID, id, e.data); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.core.Log.WarnContext(ctx, "events of an upstream could not be written", "count", len(events), "error", err.Error())
	}
}

// told bounds how often the same is told.
type told struct {
	mu   sync.Mutex
	last map[string]time.Time
}

const (
	tellAgain = time.Hour
	maxTold   = 10_000
)

// once reports whether a thing was not told for a while, and notes that it is told now.
func (t *told) once(now time.Time, of ...string) bool {
	key := strings.Join(of, "\x00")
	t.mu.Lock()
	defer t.mu.Unlock()
	if last, ok := t.last[key]; ok && now.Sub(last) < tellAgain {
		return false
	}
	if t.last == nil || len(t.last) >= maxTold {
		t.last = map[string]time.Time{}
	}
	t.last[key] = now
	return true
}

// tellOnce writes an event that was not written about the same thing for a while.
func (s *Upstreams) tellOnce(ctx context.Context, e event, of ...string) {
	of = append(of, e.kind.String(), e.data.Repository, e.data.Upstream.Name, e.data.Package)
	if s.told.once(s.core.Now(), of...) {
		s.write(ctx, e)
	}
}

// refused tells of a remote that does not take the server's credentials, where err says so.
func (s *Upstreams) refused(ctx context.Context, r *remote, err error) {
	if origin.Is(err, origin.Refused) {
		s.tellOnce(ctx, r.event(registry.EventUpstreamRefused, registry.Name{}, registry.EventData{Reason: err.Error()}))
	}
}

// changed is what origin.Environment.OnChange is told of one upstream. It does not wait for the log.
func (s *Upstreams) changed(u *Upstream, repository registry.Repository, c origin.Change) {
	r := &remote{Upstream: u, repository: repository}
	kind, reason := registry.EventUpstreamUp, ""
	if c.Down {
		kind, reason = registry.EventUpstreamDown, c.Fault
	}
	if c.Own {
		s.metrics.changed(u.Name, c.Down)
	} else {
		reason = strings.TrimSuffix("a host that its files come from: "+reason, ": ")
	}
	s.outages.add(context.Background(), &s.flights, r.event(kind, registry.Name{}, registry.EventData{Reason: reason}), func(ctx context.Context, list []event) { s.write(ctx, list...) })
}
