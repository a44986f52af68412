package httpserver

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"slipway/internal/lazyregexp"
	"slipway/registry"
	"slipway/registry/access"
)

// request collects facts about a request on its way through the handlers; the access log and the metrics read them at the
// end.
type request struct {
	id     string
	start  time.Time
	route  Route
	actor  access.Actor
	detail string // of the error that was answered
	path   string // for the access log; "": the request's
	body   *idleBody
	cache  registry.CacheUse

	memory *memory           // nil: nothing is held
	client func() netip.Addr // set with memory

	mu       sync.Mutex
	releases []func() // of memory that the request holds; nil after its end
	ended    bool
}

type requestKey struct{}

func requestOf(ctx context.Context) *request {
	q, _ := ctx.Value(requestKey{}).(*request)
	return q
}

// RequestID returns the id of the request that ctx belongs to; "" outside of one.
func RequestID(ctx context.Context) string {
	if q := requestOf(ctx); q != nil {
		return q.id
	}
	return ""
}

// LogPath gives a request another path in the access log, where its own holds a secret.
func LogPath(ctx context.Context, path string) {
	if q := requestOf(ctx); q != nil {
		q.path = path
	}
}

// requestIDHeader carries the id in both directions.
const requestIDHeader = "X-Request-Id"

// saneID matches the ids that a client or proxy may choose: short, and harmless in any log.
var saneID = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9._-]{7,63}$`)

// begin gives a request its id, and the place where the rest is noted.
func begin(w http.ResponseWriter, r *http.Request) (*request, *http.Request) {
	q := &request{id: r.Header.Get(requestIDHeader), start: time.Now(), route: unrouted}
	if !saneID.MatchString(q.id) {
		q.id = rand.Text()
	}
	w.Header().Set(requestIDHeader, q.id)
	return q, r.WithContext(registry.WithCacheUse(context.WithValue(r.Context(), requestKey{}, q), &q.cache))
}

// unrouted is the route of a request until a handler sets another.
var unrouted = Route{Format: "server", Name: "server.unknown", Public: true}
