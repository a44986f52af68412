package wire

import (
	"context"
	"net/http"
)

type renewKey struct{}

// WithRenew returns a context whose requests within the process can find out whether their caller may still do what it does: again
// authenticates the request that is being answered once more.
func WithRenew(ctx context.Context, again func(context.Context) (context.Context, error)) context.Context {
	return context.WithValue(ctx, renewKey{}, again)
}

// Renew returns a request with its caller as the caller is now, by the function of WithRenew; without one, as it was. Unauthenticated.
func Renew(r *http.Request) (*http.Request, error) {
	again, ok := r.Context().Value(renewKey{}).(func(context.Context) (context.Context, error))
	if !ok {
		return r, nil
	}
	ctx, err := again(r.Context())
	return r.WithContext(ctx), err
}
