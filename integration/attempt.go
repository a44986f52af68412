package integration

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"slipway/metadata"
	"slipway/registry"
)

// policy says when a failed delivery is tried again, and when no more.
type policy struct {
	waits       []time.Duration
	giveUpAfter time.Duration
	jitter      func(time.Duration) time.Duration
}

// schedule is that of Standard Webhooks: ten attempts within 75 hours and 35 minutes.
var schedule = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour,
	24 * time.Hour,
}

const (
	giveUpAfter = 5 * 24 * time.Hour
	// maxRetryAfter bounds what a receiver can ask for.
	maxRetryAfter = 24 * time.Hour
	// maxErrorBytes bounds what is kept of an error.
	maxErrorBytes = 500
)

func newPolicy(o Options) policy {
	p := policy{waits: o.Waits, giveUpAfter: o.GiveUpAfter, jitter: o.Jitter}
	if p.waits == nil {
		p.waits = schedule
	}
	if p.giveUpAfter == 0 {
		p.giveUpAfter = giveUpAfter
	}
	if p.jitter == nil {
		p.jitter = func(d time.Duration) time.Duration { return d + time.Duration((rand.Float64()*0.4-0.2)*float64(d)) }
	}
	return p
}

// attempt makes one attempt and records it. One that was cut off by the end of the dispatcher is not recorded.
func (d *Dispatcher) attempt(ctx context.Context, j Job) {
	at, began := d.now(), time.Now()
	var result Result
	if j.Fault != nil {
		result.Note = j.Fault.Error()
	} else {
		result = j.Sink.Deliver(ctx, j.Target, j.Message)
	}
	if result.Verdict != Delivered && ctx.Err() != nil {
		return
	}
	out := d.policy.outcome(j, result, d.now())
	out.At, out.Duration = at, time.Since(began)
	d.metrics.attempted(out)
	if !out.Delivered && out.NextAt.IsZero() {
		d.log.LogAttrs(ctx, slog.LevelWarn, "a delivery is given up", slog.Int64("subscription", j.SubscriptionID), slog.Int64("delivery", j.ID),
			slog.Int("status", out.Status))
	}
	d.record(ctx, j.Delivery, out)
}

// record tries until it works or the dispatcher ends: without it, the message would be sent again.
func (d *Dispatcher) record(ctx context.Context, began registry.Delivery, out Outcome) {
	for {
		err := d.out.Attempted(context.WithoutCancel(ctx), began, out)
		if err == nil {
			return
		}
		d.log.LogAttrs(ctx, slog.LevelError, "the outcome of a delivery can't be stored", slog.Int64("delivery", began.ID), slog.Any("error", err))
		select {
		case <-ctx.Done():
			return
		case <-time.After(d.pause):
		}
	}
}

// outcome is what follows from a result that came now.
func (p policy) outcome(j Job, r Result, now time.Time) Outcome {
	out := Outcome{Status: r.Status, Answer: r.Answer, GiveUpAfter: p.giveUpAfter}
	if r.Verdict == Delivered {
		out.Delivered = true
		return out
	}
	out.Error = shortened(r.Note)
	switch {
	case r.Verdict == Gone:
		out.Disable = cmp.Or(r.Ending, "the receiver wants no more")
	case r.Verdict == Refused || j.Ping || j.Tries >= len(p.waits):
	default:
		wait := p.jitter(p.waits[j.Tries])
		out.NextAt = now.Add(max(wait, min(r.After, maxRetryAfter)))
	}
	return out
}

func shortened(s string) string {
	return metadata.CleanText(strings.ToValidUTF8(s[:min(len(s), maxErrorBytes)], ""))
}
