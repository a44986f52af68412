package pypi

import (
	"net/http"
	"strconv"
	"strings"

	"slipway/internal/httpserver"
	"slipway/registry"
)

// reply is a JSON answer; uv prints "code", but only of this shape (pypi.md 6.3).
type reply struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// renderError answers every failure of this front-end with one line, as JSON or text: most clients print the body as it is. twine shows the
// reason phrase of the status line alone unless it is told to say more, so a refused upload has its line there too. A 401 has not, as its
// client may send the file again on the same connection.
func renderError(w http.ResponseWriter, r *http.Request, e *registry.Error) {
	status := statusOf(e)
	httpserver.ErrorHeader(w.Header(), e)
	text := e.Detail
	if text == "" {
		text = strings.ToLower(http.StatusText(status))
	}
	contentType, body := lineOf(r, text)
	put := httpserver.WithReason
	if r.Method == http.MethodPost && e.Kind != registry.Unauthenticated {
		put = httpserver.Reasoned
	}
	if !put(w, r, e, status, contentType, body) {
		_ = answer(w, r, status, text) // strings always encode
	}
}

// statusOf is the default table, except for discontinued parts of the legacy API: a client that gets 410 does not retry.
func statusOf(e *registry.Error) int {
	if e.Subject == aboutAction {
		return http.StatusGone
	}
	return httpserver.StatusOf(e)
}

// lineOf is one line in the type that Accept prefers.
func lineOf(r *http.Request, line string) (contentType string, body any) {
	line = strings.Join(strings.Fields(line), " ")
	if httpserver.Accepts(r.Header, "application/json") > httpserver.Accepts(r.Header, "text/plain") {
		return "application/json", reply{Code: line, Message: line}
	}
	return "text/plain; charset=utf-8", line + "\n"
}

// answer writes one line in the type that Accept prefers.
func answer(w http.ResponseWriter, r *http.Request, status int, line string) error {
	contentType, what := lineOf(r, line)
	body, plain := what.(string)
	if !plain {
		return httpserver.JSON(w, status, what)
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := w.Write([]byte(body))
	return err
}
