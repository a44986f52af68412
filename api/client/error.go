package client

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"slipway/api"
)

// Error is an answer that is no success. Its problem is empty except for the status when the answer had none.
type Error struct {
	api.Problem
	// Current is the present tag, for a change that asked for another generation (412); nil when there is no such tag.
	Current *api.Tag `json:"current"`
	// Uses are the uses of a version that forbid its deletion (409).
	Uses []api.Use `json:"uses"`
	// RetryAfter is after what time the server wants to be asked again; 0: it does not say.
	RetryAfter time.Duration `json:"-"`

	advice string
}

// Error says what is wrong, with the status, in one line that is safe for a terminal. For a fault of the server it names
// the request too.
func (e *Error) Error() string {
	text := printable(cmp.Or(e.Detail, e.Title, http.StatusText(e.Status))) + e.advice
	if e.Status >= 500 && e.RequestID != "" {
		text += " (request " + printable(e.RequestID) + ")"
	}
	return fmt.Sprintf("%s (HTTP %d)", text, e.Status)
}

// IsStatus reports whether err is an answer with this status.
func IsStatus(err error, status int) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == status
}

// Unreachable is a server that can't be reached, or did not answer.
type Unreachable struct {
	Server string
	Err    *url.Error
}

// Error names the server and the cause.
func (e *Unreachable) Error() string {
	return fmt.Sprintf("no answer from %s: %v", e.Server, e.Err.Err)
}

// Unwrap returns the cause.
func (e *Unreachable) Unwrap() error { return e.Err }

func (c *Client) failure(resp *http.Response) error {
	e := &Error{}
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBytes)) // as much as can be read
	if strings.Contains(resp.Header.Get("Content-Type"), "json") {
		_ = json.Unmarshal(raw, e) // without a problem, the status is all there is
	}
	e.Status = resp.StatusCode
	if seconds, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 31); err == nil {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	if c.o.Advise != nil {
		e.advice = c.o.Advise(e)
	}
	return e
}

// printable makes text of a server safe for a terminal: control and format characters could change what the user sees.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsGraphic(r) {
			return '·'
		}
		return r
	}, s)
}
