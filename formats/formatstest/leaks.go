package formatstest

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Leaks looks for words in all that a server answers, header and body. Its Wrap belongs into Options.
type Leaks struct {
	mu    sync.Mutex
	words []string
	found []string
}

// NoLeaks looks for these words until the test ends, which fails if an answer had one.
func NoLeaks(t testing.TB, words ...string) *Leaks {
	l := &Leaks{words: words}
	t.Cleanup(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, f := range l.found {
			t.Error(f)
		}
	})
	return l
}

// Wrap is a handler whose answers are read. They come without compression, as what is compressed can't be searched.
func (l *Leaks) Wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Accept-Encoding")
		lw := &leakWriter{ResponseWriter: w, l: l, what: r.Method + " " + r.URL.Path}
		h.ServeHTTP(lw, r)
		lw.header()
	})
}

// look notes a word that stands in some part of an answer.
func (l *Leaks) look(what, where string, part []byte) {
	for _, word := range l.words {
		if !bytes.Contains(part, []byte(word)) {
			continue
		}
		l.mu.Lock()
		if text := fmt.Sprintf("%s: %q stands in the %s of the answer", what, word, where); !slices.Contains(l.found, text) {
			l.found = append(l.found, text)
		}
		l.mu.Unlock()
	}
}

// leakWriter passes an answer on, and keeps the end of the last part of the body, as a word may be divided.
type leakWriter struct {
	http.ResponseWriter
	l    *Leaks
	what string
	last []byte
}

// Write implements http.ResponseWriter.
func (w *leakWriter) Write(p []byte) (int, error) {
	body := append(w.last, p...)
	w.l.look(w.what, "body", body)
	longest := len(slices.MaxFunc(w.l.words, func(a, b string) int { return len(a) - len(b) }))
	w.last = bytes.Clone(body[max(0, len(body)-longest):])
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *leakWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *leakWriter) header() {
	var all strings.Builder
	_ = w.ResponseWriter.Header().Write(&all) // never fails
	w.l.look(w.what, "header", []byte(all.String()))
}
