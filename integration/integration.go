// Package integration carries the registry's events to other programs: the dispatcher follows each subscription over the log
// and sends what it selects through a sink. The sinks and the bodies they send live in the folders below.
package integration

import (
	"context"
	"time"
)

// Target is where a subscription sends.
type Target struct {
	URL        string
	Secrets    [][]byte // raw key bytes, the newest first; every one of them signs, which lets a receiver change over
	Secret     string   // the newest as its owner wrote it, for receivers that compare it with what arrives
	Attempt    int      // 1 is the first
	Redelivery bool     // asked for by somebody, after the message was settled
}

// Result is the outcome of one attempt.
type Result struct {
	Status     int           // 0: no answer came
	RetryAfter time.Duration // 0: the receiver asked for no wait
	Response   []byte        // the first 8 KiB of the answer
	Err        error         // nil only for a 2xx
	Gone       bool          // 410: the receiver wants no more
	Refused    bool          // 415, or an address that may never be sent to: another attempt cannot help
}

// Sink sends messages. Deliver makes one attempt, does not retry, and ends with its context.
type Sink interface {
	Deliver(ctx context.Context, t Target, m Message) Result
}
