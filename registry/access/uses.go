package access

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"slipway/metadata"
)

// maxUses bounds the uses that wait to be stored; further ones are not noted until then.
const maxUses = 10_000

// Used names a token or a session of a browser.
type Used struct {
	Token, Session int64 // the id of the one that it is, 0 for the other
}

// uses notes when tokens and sessions were used last, so that no request waits for a transaction.
type uses struct {
	mu   sync.Mutex
	last map[Used]metadata.Use
}

func (u *uses) note(of Used, at time.Time, from string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.last == nil {
		u.last = map[Used]metadata.Use{}
	}
	if was, ok := u.last[of]; !ok && len(u.last) >= maxUses || at.Before(was.UsedAt) {
		return
	}
	u.last[of] = metadata.Use{UsedAt: at.UTC().Truncate(time.Microsecond), UsedFrom: from}
}

// NotedUse returns the later of a use that is stored and one that still waits for that.
func (a *Authenticator) NotedUse(of Used, stored metadata.Use) metadata.Use {
	a.uses.mu.Lock()
	defer a.uses.mu.Unlock()
	if u := a.uses.last[of]; u.UsedAt.After(stored.UsedAt) {
		return u
	}
	return stored
}

// NotedUses returns the uses to store, at most n, until StoredUses says that they are.
func (a *Authenticator) NotedUses(n int) map[Used]metadata.Use {
	a.uses.mu.Lock()
	defer a.uses.mu.Unlock()
	out := make(map[Used]metadata.Use, min(n, len(a.uses.last)))
	for of, u := range a.uses.last {
		if len(out) == n {
			break
		}
		out[of] = u
	}
	return out
}

// StoredUses forgets uses that are stored, but for those that were noted since.
func (a *Authenticator) StoredUses(stored map[Used]metadata.Use) {
	a.uses.mu.Lock()
	defer a.uses.mu.Unlock()
	for of, u := range stored {
		if a.uses.last[of] == u {
			delete(a.uses.last, of)
		}
	}
}

// Address returns the client's address in a context that WithAddress made; "" without one.
func Address(ctx context.Context) string {
	if a, ok := ctx.Value(addressKey{}).(netip.Addr); ok && a.IsValid() {
		return a.Unmap().WithZone("").String()
	}
	return ""
}
