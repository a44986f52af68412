package origin

import (
	"context"
	"net/http/httptrace"
)

// connected calls fn when a request has got its connection: the time for the header begins then.
func connected(ctx context.Context, fn func()) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { fn() }})
}
