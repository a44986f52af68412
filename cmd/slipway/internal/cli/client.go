package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

// Bounds of what a client takes from a server.
const (
	maxAnswerBytes = 64 << 20
	maxErrorBytes  = 64 << 10
	pageLimit      = 1000
	// requestTimeout is for a call that does not wait; a call that waits adds its own time.
	requestTimeout = 60 * time.Second
)

const defaultServer = "http://127.0.0.1:8080"

// Flags are the flags of every command that talks to a server.
type Flags struct {
	server string
	token  string
	output string
}

// Add adds the flags to cmd and everything below it.
func (f *Flags) Add(cmd *cobra.Command) {
	fs := cmd.PersistentFlags()
	fs.StringVar(&f.server, "server", "", "URL of the server (default: SLIPWAY_SERVER, else "+defaultServer+")")
	fs.StringVar(&f.token, "token", "", "token (default: SLIPWAY_TOKEN, else what 'slipway login' stored)")
	fs.StringVar(&f.output, "output", command.Table, "table or json")
}

// Remote talks to one server.
type Remote struct {
	server   string // base URL without trailing slash
	token    string
	stored   bool   // the token is that of "slipway login"
	user     string // with password instead of token
	password string
	output   string
	agent    string // of this program
	http     *http.Client
}

// Connect makes a client from flags, environment and what login stored.
func (f *Flags) Connect(p *command.Program) (*Remote, error) {
	if err := command.CheckOutput(f.output); err != nil {
		return nil, err
	}
	server, err := cleanServer(cmp.Or(f.server, p.Env("SLIPWAY_SERVER"), defaultServer))
	if err != nil {
		return nil, err
	}
	cl := &Remote{server: server, output: f.output, agent: p.UserAgent(), token: cmp.Or(f.token, p.Env("SLIPWAY_TOKEN")), http: newHTTP()}
	if cl.token == "" {
		stored, err := loadLogins()
		if err != nil {
			return nil, err
		}
		cl.token = stored.Servers[server].Token
		cl.stored = cl.token != ""
	}
	return cl, nil
}

func (c commands) client(f *Flags) (*Remote, error) { return f.Connect(c.Program) }

// Server is the base URL of the server, without a trailing slash.
func (c *Remote) Server() string { return c.server }

// Token is the token that the server is asked with; "" is none.
func (c *Remote) Token() string { return c.token }

// Output is how results are to be printed: command.Table or command.JSON.
func (c *Remote) Output() string { return c.output }

// HasRepository fails when the server does not show this repository.
func (c *Remote) HasRepository(ctx context.Context, name string) error {
	return c.get(ctx, segments("repositories", name), nil, nil)
}

func cleanServer(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", command.Usagef("--server: it must be of the form http://host[:port] or https://host[:port]")
	}
	return strings.TrimRight(s, "/"), nil
}

// newHTTP follows no redirects: they could carry the token to another place.
func newHTTP() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// apiError is an answer that is no success.
type apiError struct {
	Status    int
	Title     string `json:"title"`
	Detail    string `json:"detail"`
	RequestID string `json:"request_id"`
	loggedIn  bool
	stored    bool // with the token of "slipway login"
}

// noAnswer is a server that can't be reached, or did not answer.
type noAnswer struct {
	server string
	err    *url.Error
}

func (e *noAnswer) Error() string { return fmt.Sprintf("no answer from %s: %v", e.server, e.err.Err) }
func (e *noAnswer) Unwrap() error { return e.err }

func (e *apiError) Error() string {
	text := command.Clean(cmp.Or(e.Detail, e.Title, http.StatusText(e.Status)))
	switch {
	case e.Status == http.StatusUnauthorized && !e.loggedIn:
		text += "; log in with 'slipway login', or give a token with --token or SLIPWAY_TOKEN"
	case e.Status == http.StatusUnauthorized && e.stored:
		text += "; log in again with 'slipway login'"
	case e.Status >= 500 && e.RequestID != "":
		text += " (request " + command.Clean(e.RequestID) + ")"
	}
	return fmt.Sprintf("%s (HTTP %d)", text, e.Status)
}

// isStatus reports whether err is an answer with this status.
func isStatus(err error, status int) bool {
	var e *apiError
	return errors.As(err, &e) && e.Status == status
}

// request is one call of the API.
type request struct {
	method string
	path   string // below /api/v1, every segment escaped
	query  url.Values
	body   any // JSON; nil is none
	header http.Header
	wait   time.Duration // how long the server may wait before it answers
}

// segments joins path segments, each one escaped: a slash in a package name stays inside of its segment.
func segments(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("/" + url.PathEscape(p))
	}
	return b.String()
}

// send makes a call and returns its answer's body and headers.
func (c *Remote) send(ctx context.Context, rq request) ([]byte, http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout+rq.wait)
	defer cancel()
	resp, err := c.open(ctx, rq)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes+1))
	if err == nil && len(raw) > maxAnswerBytes {
		err = fmt.Errorf("the answer is larger than %d bytes", maxAnswerBytes)
	}
	return raw, resp.Header, err
}

// open makes a call and returns its answer, a success whose body the caller reads and closes.
func (c *Remote) open(ctx context.Context, rq request) (*http.Response, error) {
	var body io.Reader
	if rq.body != nil {
		raw, err := json.Marshal(rq.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(raw)
	}
	target := c.server + rq.path
	if len(rq.query) > 0 {
		target += "?" + rq.query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, rq.method, target, body)
	if err != nil {
		return nil, err
	}
	for key, values := range rq.header {
		r.Header[key] = values
	}
	r.Header.Set("User-Agent", c.agent)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	switch {
	case c.password != "":
		r.SetBasicAuth(c.user, c.password)
	case c.token != "":
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		var cause *url.Error
		if errors.As(err, &cause) {
			err = &noAnswer{c.server, cause}
		}
		return nil, err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		defer resp.Body.Close()
		return nil, c.failure(resp)
	}
	return resp, nil
}

func (c *Remote) failure(resp *http.Response) error {
	e := &apiError{Status: resp.StatusCode, loggedIn: c.token != "" || c.password != "", stored: c.stored && c.password == ""}
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBytes)) // what can be read of it
	if strings.Contains(resp.Header.Get("Content-Type"), "json") {
		_ = json.Unmarshal(raw, e) // otherwise the status has to do
		e.Status = resp.StatusCode
	}
	return e
}

// call makes a call of the API and decodes its answer into out, unless that is nil.
func (c *Remote) call(ctx context.Context, rq request, out any) error {
	rq.path = "/api/v1" + rq.path
	raw, _, err := c.send(ctx, rq)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("the answer is not what a Slipway server sends: %w", err)
	}
	return nil
}

func (c *Remote) get(ctx context.Context, path string, query url.Values, out any) error {
	return c.call(ctx, request{method: http.MethodGet, path: path, query: query}, out)
}

// all fetches every page of a list.
func (c *Remote) all(ctx context.Context, path string, query url.Values) ([]json.RawMessage, error) {
	q := url.Values{"limit": {fmt.Sprint(pageLimit)}}
	for key, values := range query {
		q[key] = values
	}
	items := []json.RawMessage{}
	for {
		var page struct {
			Items []json.RawMessage `json:"items"`
			Next  string            `json:"next"`
		}
		if err := c.get(ctx, path, q, &page); err != nil {
			return nil, err
		}
		items = append(items, page.Items...)
		if page.Next == "" {
			return items, nil
		}
		if page.Next == q.Get("after") {
			return nil, errors.New("the server's list does not end")
		}
		q.Set("after", page.Next)
	}
}

// ready asks /readyz.
func (c *Remote) ready(ctx context.Context) error {
	_, _, err := c.send(ctx, request{method: http.MethodGet, path: "/readyz"})
	return err
}
