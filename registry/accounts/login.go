package accounts

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Authenticate turns the credentials of a request into its caller. Unauthenticated; TooMany after too many wrong passwords.
func (s *Accounts) Authenticate(ctx context.Context, c access.Credentials) (access.Actor, error) {
	a, err := s.auth.Authenticate(ctx, c)
	var refused *access.RefusedLogin
	if errors.As(err, &refused) {
		s.failed.note(refused, s.auth.Alias)
		if refused.Wait > 0 {
			s.logins.WithLabelValues("throttled").Inc()
			return a, &registry.Error{Kind: registry.TooMany, Subject: registry.AboutRequest, RetryAfter: refused.Wait, Err: err,
				Detail: "too many wrong passwords, or too many logins at once: try again later, or use a token"}
		}
	}
	if errors.Is(err, access.ErrBadCredentials) {
		s.logins.WithLabelValues("refused").Inc()
		return a, &registry.Error{Kind: registry.Unauthenticated, Subject: registry.AboutRequest, Detail: "wrong user name, password or token, or one that is no longer valid"}
	}
	if err == nil && a.Type == access.TypeUser {
		s.logins.WithLabelValues("accepted").Inc()
	}
	return a, err
}

// Resume returns the caller that a front-end verified before; see access.Proof. Unauthenticated.
func (s *Accounts) Resume(ctx context.Context, p access.Proof) (access.Actor, error) {
	a, err := s.auth.Resume(ctx, p)
	if errors.Is(err, access.ErrBadCredentials) {
		return a, &registry.Error{Kind: registry.Unauthenticated, Subject: registry.AboutRequest, Detail: "the login that the token was made for is no longer valid"}
	}
	return a, err
}

func newLogins(reg prometheus.Registerer) *prometheus.CounterVec {
	m := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "slipway_logins_total", Help: "Requests with a password, or with a wrong token, by outcome: accepted, refused, throttled.",
	}, []string{"outcome"})
	if reg != nil {
		reg.MustRegister(m)
	}
	return m
}

// Bounds of the log entries about failed logins.
const (
	failureEvery    = time.Minute // between two entries about one name
	maxFailureNames = 20          // within that time; more names share an entry
	failureLook     = time.Second
)

// otherNames is the name in an entry that many names share.
const otherNames = "others"

// failedLogins counts failed logins by name until an entry of the log says so.
type failedLogins struct {
	mu    sync.Mutex
	names map[string]*failedName
}

type failedName struct {
	count int64     // not yet in the log
	next  time.Time // of the next entry
}

func (f *failedLogins) note(r *access.RefusedLogin, alias func(string) string) {
	name := r.Name
	if !r.Known {
		name = alias(name)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.names == nil {
		f.names = map[string]*failedName{}
	}
	n := f.names[name]
	if n == nil && len(f.names) >= maxFailureNames {
		name = otherNames
		n = f.names[name]
	}
	if n == nil {
		n = &failedName{}
		f.names[name] = n
	}
	n.count++
}

// due returns the counts to write now, and forgets names without failures.
func (f *failedLogins) due(now time.Time) map[string]int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	due := map[string]int64{}
	for name, n := range f.names {
		switch {
		case now.Before(n.next):
		case n.count == 0:
			delete(f.names, name)
		default:
			due[name] = n.count
			n.count, n.next = 0, now.Add(failureEvery)
		}
	}
	return due
}

// ReportFailedLogins writes the failed logins of this process to the log until ctx ends: the first of a name within a second,
// further ones once a minute with their number, so that an attack does not fill the log.
func (s *Accounts) ReportFailedLogins(ctx context.Context) {
	tick := time.NewTicker(failureLook)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.WriteFailedLogins(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// WriteFailedLogins writes the entries that are due. Failures that can't be written are lost, and a line says how many.
func (s *Accounts) WriteFailedLogins(ctx context.Context) {
	due := s.failed.due(s.core.Now())
	if len(due) == 0 {
		return
	}
	err := s.core.Update(ctx, func(tx metadata.Tx) error {
		for name, count := range due {
			data := registry.EventData{Name: name, Count: count}
			if _, err := registry.Append(tx.Log(), access.Anonymous(false), registry.EventUserLoginFailed, "", 0, 0, data); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.core.Log.LogAttrs(ctx, slog.LevelWarn, "failed logins are not in the log", slog.Any("names", due), slog.String("error", err.Error()))
	}
}
