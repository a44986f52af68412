package httpserver_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"slipway/formats"
	"slipway/formats/formatstest"
	"slipway/internal/httpserver"
)

// logging is a front-end that writes into a logger of its own.
type logging struct{ log *slog.Logger }

func (l logging) Mount(root *mux.Router, site *formats.Site) {
	root.Handle("/log", site.Handle(httpserver.Route{Format: "t", Name: "t.log", Public: true}, httpserver.Problem,
		func(_ http.ResponseWriter, r *http.Request) error {
			l.log.LogAttrs(r.Context(), slog.LevelInfo, "within")
			l.log.With(slog.String("with", "more")).LogAttrs(r.Context(), slog.LevelInfo, "below")
			return nil
		})).Methods(http.MethodGet)
}

// TestLogHandler: a line that is written while a request is answered has its id, once; another line has none.
func TestLogHandler(t *testing.T) {
	var b bytes.Buffer
	h := httpserver.LogHandler(httpserver.LogHandler(slog.NewTextHandler(&b, nil)))
	log := slog.New(h)
	srv := formatstest.NewServer(t, formatstest.Options{}, logging{log})
	srv.Do(formatstest.Anonymous, get("/log").With("X-Request-Id", "trace-4711"))
	log.LogAttrs(t.Context(), slog.LevelInfo, "outside")
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines:\n%s", len(lines), &b)
	}
	for i, want := range []int{1, 1, 0} {
		if got := strings.Count(lines[i], "request_id=trace-4711"); got != want {
			t.Errorf("%d ids, want %d: %s", got, want, lines[i])
		}
	}
}
