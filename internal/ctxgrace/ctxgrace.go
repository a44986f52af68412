// Package ctxgrace lets work outlive the context that it was begun with, for a bounded time.
package ctxgrace

import (
	"context"
	"time"
)

// Extend returns a context with the values of ctx that ends grace after ctx has ended, with context.Canceled, whatever ended ctx.
// The caller calls the function when the work is done; it ends the context and frees the timer.
func Extend(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(longer, func() { timer.Stop() })
	})
	return longer, func() { stop(); cancel() }
}
