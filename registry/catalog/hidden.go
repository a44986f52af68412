package catalog

import "context"

// Refusal is a version that a Reader does not show, although it is there.
type Refusal struct {
	Version string
	Text    string // why, for clients
}

type hiddenKey struct{}

// WithHidden returns a context in which documents and lists of a Reader show what rules hide, for a caller that is about to change a document
// as a whole: what it does not see it would take away. Files stay refused.
func WithHidden(ctx context.Context) context.Context {
	return context.WithValue(ctx, hiddenKey{}, true)
}

// ShowsHidden reports whether the context is of WithHidden.
func ShowsHidden(ctx context.Context) bool { return ctx.Value(hiddenKey{}) != nil }
