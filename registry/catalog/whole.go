package catalog

import "context"

type wholeKey struct{}

// Whole returns a context in which a Reader's File answers only once it knows every sum of the file. Without it, a Reader that
// fetches files from elsewhere may return one that is on its way: its size is known, its sums may be empty, and Open waits for bytes.
func Whole(ctx context.Context) context.Context { return context.WithValue(ctx, wholeKey{}, true) }

// NeedsWhole reports whether the context is of Whole.
func NeedsWhole(ctx context.Context) bool { return ctx.Value(wholeKey{}) != nil }

type lookKey struct{}

// Look returns a context in which a Reader's File is asked about a file whose bytes are not wanted, as for a HEAD: a Reader that fetches
// files from elsewhere tells what it knows of the file, and fetches nothing. Its bytes may be unreadable.
func Look(ctx context.Context) context.Context { return context.WithValue(ctx, lookKey{}, true) }

// IsLook reports whether the context is of Look.
func IsLook(ctx context.Context) bool { return ctx.Value(lookKey{}) != nil }

type localKey struct{}

// Local returns a context in which a Reader answers from what is here, and waits for no registry elsewhere: what these have told stands as it
// was told last, however long ago, and what they were never asked for is absent.
func Local(ctx context.Context) context.Context { return context.WithValue(ctx, localKey{}, true) }

// IsLocal reports whether the context is of Local.
func IsLocal(ctx context.Context) bool { return ctx.Value(localKey{}) != nil }
