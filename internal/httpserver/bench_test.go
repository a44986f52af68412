package httpserver_test

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/internal/httpserver"
)

// BenchmarkServeFile downloads a local file over one connection through the whole server.
func BenchmarkServeFile(b *testing.B) {
	for name, size := range map[string]int{"4KiB": 4 << 10, "64MiB": 64 << 20} {
		b.Run(name, func(b *testing.B) {
			srv := formatstest.NewServer(b, formatstest.Options{Local: true, AnonymousRead: true,
				Site: httpserver.Options{Logger: slog.New(slog.DiscardHandler)}}, newSite())
			if err := srv.Publish("lib", "1", "file", strings.Repeat("x", size)); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				res, err := http.Get(srv.URL + "/t/file/lib")
				if err != nil {
					b.Fatal(err)
				}
				if n, err := io.Copy(io.Discard, res.Body); err != nil || n != int64(size) {
					b.Fatal(n, err)
				}
				_ = res.Body.Close() // read to its end
			}
		})
	}
}
