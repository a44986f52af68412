package formatstest

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"slipway/integration/upstream/upstreamtest"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/registrytest"
	"slipway/registry/upstreams"
)

// meanwhile is a policy that lets something happen before its n-th decision for one caller.
type meanwhile struct {
	upstreams.Policy
	caller string // its token's name
	left   atomic.Int64
	do     func()
}

// Admit implements upstreams.Policy.
func (p *meanwhile) Admit(ctx context.Context, c upstreams.Candidate) error {
	if access.From(ctx).Token == p.caller && p.left.Add(-1) == 0 {
		p.do()
	}
	return p.Policy.Admit(ctx, c)
}

// upstreamOnce: a caller that looked for a file just before another caller's transfer of it ended gets that one's bytes: the registry is not
// asked twice. The other transfer takes place at each decision about the first caller in turn.
func upstreamOnce(t *testing.T, u Upstream) {
	m := u.mirror(t)
	policy := &meanwhile{Policy: m.Policies, caller: "slow"}
	m.Upstreams.Police(policy)
	slow, _, err := m.Accounts.CreateToken(m.Admin, accounts.TokenRequest{Name: policy.caller, ExpiresIn: time.Hour,
		Grants: []access.Grant{{Repository: "mirror", Actions: []access.Action{access.Read}}}})
	registrytest.Must(t, err)
	for n := int64(1); ; n++ {
		f := m.publish(fmt.Sprint("example", n), 1000)
		m.u.Reset()
		policy.left.Store(n)
		policy.do = func() {
			if m.u.Count(http.MethodGet, f.Path) == 0 { // else the other caller would wait for this transfer
				m.has(f)
			}
		}
		if res := m.Do(As(slow), Request{Method: http.MethodGet, Path: f.Local}); res.Status != http.StatusOK || string(res.Body) != string(f.Bytes()) {
			t.Errorf("after %d decisions: %v", n, res)
		}
		m.u.AskedOnce(t, http.MethodGet, f.Path)
		if policy.left.Load() > 0 {
			if n == 1 {
				t.Error("no decision was asked for")
			}
			break
		}
	}
	m.MustFsck(t)
}

// upstreamNoCache: a registry that forbids clients to keep its documents is asked again when their ttl is over, as any other is. Many
// registries send no-cache with everything, one that is a Slipway too.
func upstreamNoCache(t *testing.T, u Upstream) {
	m := u.mirror(t)
	m.u.On("**", upstreamtest.SetHeader("Cache-Control", "private, no-cache, no-store"))
	f := m.publish("example", 1000)
	if f.Document == "" {
		return // its files don't change
	}
	m.u.Reset()
	for range 3 {
		m.get(f.Document)
		m.later(time.Minute)
	}
	m.u.Asked(t, 0, "", "**")
	m.later(10 * time.Minute)
	m.get(f.Document)
	m.u.Wait(t, 1, "", "**")
}
