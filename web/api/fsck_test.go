package api_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"slipway/formats/formatstest"
)

// atSummary calls then before the line with the sum of a check is sent.
type atSummary struct {
	http.ResponseWriter
	then func()
}

func (w atSummary) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w atSummary) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(`"summary"`)) {
		w.then()
	}
	return w.ResponseWriter.Write(b)
}

// TestCheckAfterCheck: a client that has read the end of a check may ask for the next one at once.
func TestCheckAfterCheck(t *testing.T) {
	second := httptest.NewRecorder()
	a := newAPI(t, formatstest.Options{Wrap: func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(atSummary{w, func() {
				again := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), strings.NewReader(`{}`))
				again.Header, again.RemoteAddr = r.Header.Clone(), r.RemoteAddr
				h.ServeHTTP(second, again)
			}}, r)
		})
	}})
	a.want(200, "POST", "/fsck", `{}`, nil)
	if second.Code != 200 {
		t.Errorf("the check after the check: %d %s", second.Code, second.Body)
	}
}
