package instance

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/mod/sumdb/note"

	"slipway/integration"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/staging"
	"slipway/registry/upstreams"
	"slipway/storage"
)

// Config is what an Instance needs. Zero values of the optional fields are sensible.
type Config struct {
	Metadata metadata.Store
	Storage  storage.Store
	// Signer signs checkpoints; its name is the log's origin.
	Signer note.Signer
	// Verifier is the text form of its public key, served to auditors.
	Verifier string

	Rules         map[string]registry.Rules    // by format
	Assemblers    map[string]staging.Assembler // by format; versions of the other formats are never staged
	Upstreams     upstreams.Options            // what remotes need; the zero value: there are none
	AnonymousRead bool
	Renderer      integration.Renderer // of subscriptions' messages; nil: subscriptions can't be made
	Sinks         integration.Sinks    // the sinks of subscriptions; the caller closes them. nil: subscriptions can't be made
	SealKey       []byte               // 32 bytes that encrypt stored secrets; nil: no secret can be stored
	URL           string               // public base URL; "" to take it from each request
	GCInterval    time.Duration        // between collections; 0: none run on their own
	GCGrace       time.Duration
	DeletedGrace  time.Duration // how long deleted versions and repositories can be restored
	PullsKept     time.Duration // how long to remember who downloaded what; 0: it is not noted
	PasswordCost  int           // of bcrypt; 0 is access.PasswordCost
	// SettleInterval is how often to look for sets of staged files that are whole (Assembler.Settle). 0: never.
	SettleInterval time.Duration
	SearchTime     time.Duration // bound of one search; 0 is 10 s
	SignInterval   time.Duration // between two checkpoints of a growing log; 0 is 1 s
	UploadTTL      time.Duration // an unfinished upload is dropped after this long without a byte; 0 is 24 h

	// RequestID returns the id of the request that a context belongs to, under which refusals are kept; nil: none have one.
	RequestID func(context.Context) string

	Metrics prometheus.Registerer // nil: none
	Logger  *slog.Logger          // nil: slog.Default
	Now     func() time.Time      // nil: time.Now; for leases and sessions, not for the log
}
