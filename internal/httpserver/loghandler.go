package httpserver

import (
	"context"
	"log/slog"
)

// LogHandler makes a handler add the id of the request that a line belongs to, as request_id. A Server does it for its own
// logger; other code that logs while a request is answered wraps its logger's handler too.
func LogHandler(h slog.Handler) slog.Handler {
	if _, ok := h.(*requestHandler); ok {
		return h
	}
	return &requestHandler{h}
}

type requestHandler struct{ slog.Handler }

func (h *requestHandler) Handle(ctx context.Context, r slog.Record) error {
	if id := RequestID(ctx); id != "" {
		r = r.Clone()
		r.AddAttrs(slog.String("request_id", id))
	}
	return h.Handler.Handle(ctx, r)
}

func (h *requestHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &requestHandler{h.Handler.WithAttrs(attrs)}
}

func (h *requestHandler) WithGroup(name string) slog.Handler {
	return &requestHandler{h.Handler.WithGroup(name)}
}
