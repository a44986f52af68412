package catalog

import "context"

type wholeKey struct{}

// Whole returns a context in which a Reader's File answers only once it knows every sum of the file. Without it, a Reader that
// fetches files from elsewhere may return one that is on its way: its size is known, its sums may be empty, and Open waits for bytes.
func Whole(ctx context.Context) context.Context { return context.WithValue(ctx, wholeKey{}, true) }

// NeedsWhole reports whether the context is of Whole.
func NeedsWhole(ctx context.Context) bool { return ctx.Value(wholeKey{}) != nil }
