// Package ctxgrace lets work outlive the context that it started with, for a bounded time.
package ctxgrace

import (
	"context"
	"time"
)

// Extend returns a context with the values of ctx. It ends grace after ctx has ended, always with context.Canceled. The
// caller calls the returned function when the work is done; it ends the context and frees the timer.
func Extend(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(longer, func() { timer.Stop() })
	})
	return longer, func() { stop(); cancel() }
}
