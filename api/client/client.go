package client

import (
	"bytes"
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

	"slipway/api"
)

// Bounds of a server's answers.
const (
	maxAnswerBytes = 64 << 20
	maxErrorBytes  = 64 << 10
	// requestTimeout is for a call that does not wait; a call that waits adds its own time.
	requestTimeout = 60 * time.Second
	dialTimeout    = 10 * time.Second
)

// Options configure a Client. The zero value sends no credentials.
type Options struct {
	// Token is sent with every request; "" is none.
	Token string
	// User and Password are sent instead of Token when Password is not empty.
	User, Password string
	// UserAgent names the program; "" is "slipway-client".
	UserAgent string
	// HTTP makes the requests; nil is a client that follows no redirects, as they could carry the credentials to another
	// server.
	HTTP *http.Client
	// Advise returns what the user of this program can do about an error. The text is appended to the error's own; "" adds
	// nothing.
	Advise func(*Error) string
	// Warn is called with each warning that the answer to a successful call has, such as what the call broke elsewhere: a
	// sentence that is safe for a terminal. nil drops them.
	Warn func(string)
}

// Client talks to one server. It has a method for each operation of the API, so it has more of them than types have elsewhere:
// programs look for an operation by the name that the API's document gives it.
type Client struct {
	server string // base URL without trailing slash
	o      Options
}

// New makes a Client of the server at this URL, which is of the form http://host[:port] or https://host[:port], and may have a
// path.
func New(server string, o Options) (*Client, error) {
	u, err := url.Parse(server)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("the URL of the server must be of the form http://host[:port] or https://host[:port]") // it may hold a password: not repeated
	}
	if o.UserAgent == "" {
		o.UserAgent = "slipway-client"
	}
	if o.HTTP == nil {
		o.HTTP = newHTTP()
	}
	return &Client{server: strings.TrimRight(server, "/"), o: o}, nil
}

func newHTTP() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: dialTimeout}).DialContext
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Server is the base URL, without a trailing slash.
func (c *Client) Server() string { return c.server }

// Ready asks whether the server is ready: nil when its metadata and blobs answer.
func (c *Client) Ready(ctx context.Context) error {
	_, _, err := c.send(ctx, request{method: http.MethodGet, path: "/readyz"})
	return err
}

// Writable asks whether the server takes changes too: nil unless its disk is full or can't be written.
func (c *Client) Writable(ctx context.Context) error {
	_, _, err := c.send(ctx, request{method: http.MethodGet, path: "/readyz?write=1"})
	return err
}

// Live asks whether the server's process answers, whatever its stores do.
func (c *Client) Live(ctx context.Context) error {
	_, _, err := c.send(ctx, request{method: http.MethodGet, path: "/livez"})
	return err
}

// Check compares the server's log, tables and bytes with each other and hands on each line of the report; with quick it does not read
// the bytes. It returns the summary. It takes the right "admin" on the server, and has no timeout but that of ctx.
func (c *Client) Check(ctx context.Context, r api.CheckRequest, report func(api.CheckReport)) (api.CheckSummary, error) {
	resp, err := c.open(ctx, request{method: http.MethodPost, path: api.Prefix + "/fsck", body: r})
	if err != nil {
		return api.CheckSummary{}, err
	}
	defer resp.Body.Close()
	for lines := json.NewDecoder(resp.Body); ; {
		var line api.CheckReport
		if err := lines.Decode(&line); err != nil {
			return api.CheckSummary{}, fmt.Errorf("the check was cut off: %w", err)
		}
		report(line)
		switch {
		case line.Error != "":
			return api.CheckSummary{}, fmt.Errorf("the check ended early: %s", printable(line.Error))
		case line.Summary != nil:
			return *line.Summary, nil
		}
	}
}

// Collect removes bytes that nothing needs, and returns what it removed. It takes the right "admin" on the server.
func (c *Client) Collect(ctx context.Context, r api.CollectionRequest) (api.CollectionReport, error) {
	return call[api.CollectionReport](ctx, c, request{method: http.MethodPost, path: "/gc", body: r})
}

// request is one request to the server.
type request struct {
	method string
	path   string // below the API's prefix for call and list, every segment escaped
	query  url.Values
	body   any       // JSON; nil is none
	stream io.Reader // instead of body, of the type media
	media  string
	header http.Header
	wait   time.Duration // how long the server may wait before it answers
}

func get(path string, query url.Values) request {
	return request{method: http.MethodGet, path: path, query: query}
}

// segments joins path segments, each one escaped: a slash in a package name stays inside of its segment.
func segments(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("/" + url.PathEscape(p))
	}
	return b.String()
}

// queryOf makes a query of key, value, key, value…; empty values are left out.
func queryOf(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

// call makes a call of the API and decodes its answer.
func call[T any](ctx context.Context, c *Client, rq request) (T, error) {
	var out T
	rq.path = api.Prefix + rq.path
	raw, _, err := c.send(ctx, rq)
	if err != nil {
		return out, err
	}
	return out, decode(ctx, raw, &out)
}

// do makes a call of the API whose answer is empty or not wanted.
func (c *Client) do(ctx context.Context, rq request) error {
	rq.path = api.Prefix + rq.path
	_, _, err := c.send(ctx, rq)
	return err
}

// text makes a call of the API whose answer is not JSON.
func (c *Client) text(ctx context.Context, rq request) ([]byte, error) {
	rq.path = api.Prefix + rq.path
	raw, _, err := c.send(ctx, rq)
	return raw, err
}

// decode reads an answer or an item of a list, and hands it on to the function of WithRaw.
func decode(ctx context.Context, raw json.RawMessage, out any) error {
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("the answer is not what a Slipway server sends: %w", err)
	}
	if fn, ok := ctx.Value(rawKey{}).(func(json.RawMessage)); ok {
		fn(raw)
	}
	return nil
}

type rawKey struct{}

// WithRaw returns a context under which a call also passes on the JSON that the server sent: that of the answer, or that of
// each item of a list. It has all fields, also those that this version of package api does not know.
func WithRaw(ctx context.Context, fn func(json.RawMessage)) context.Context {
	return context.WithValue(ctx, rawKey{}, fn)
}

// send makes a request and returns its answer's body and headers.
func (c *Client) send(ctx context.Context, rq request) ([]byte, http.Header, error) {
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

// open makes a request and returns its answer, a success whose body the caller reads and closes.
func (c *Client) open(ctx context.Context, rq request) (*http.Response, error) {
	var body io.Reader
	if rq.body != nil {
		raw, err := json.Marshal(rq.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(raw)
		rq.media = "application/json"
	}
	if rq.stream != nil {
		body = rq.stream
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
	r.Header.Set("User-Agent", c.o.UserAgent)
	if body != nil {
		r.Header.Set("Content-Type", rq.media)
	}
	switch {
	case c.o.Password != "":
		r.SetBasicAuth(c.o.User, c.o.Password)
	case c.o.Token != "":
		r.Header.Set("Authorization", "Bearer "+c.o.Token)
	}
	resp, err := c.o.HTTP.Do(r)
	if err != nil {
		var cause *url.Error
		if errors.As(err, &cause) {
			err = &Unreachable{Server: c.server, Err: cause}
		}
		return nil, err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		defer resp.Body.Close()
		return nil, c.failure(resp)
	}
	if c.o.Warn != nil {
		for _, value := range resp.Header.Values("Warning") {
			if text, ok := warningText(value); ok {
				c.o.Warn(printable(text))
			}
		}
	}
	return resp, nil
}

// warningText is the sentence in a Warning header of the form 299 - "sentence" (RFC 7234 section 5.5). Other codes are those of
// caches and transformations on the way.
func warningText(value string) (string, bool) {
	rest, ours := strings.CutPrefix(value, `299 `)
	_, rest, quoted := strings.Cut(rest, `"`)
	if !ours || !quoted {
		return "", false
	}
	var out strings.Builder
	for i := 0; i < len(rest) && rest[i] != '"'; i++ {
		if rest[i] == '\\' && i+1 < len(rest) {
			i++
		}
		out.WriteByte(rest[i])
	}
	return out.String(), true
}
