package formatstest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"slipway/registry"
	"slipway/registry/ledger"
	"slipway/registry/registrytest"
	"slipway/storage/storagetest"
)

// Faults is what RunFaults needs of a format.
type Faults struct {
	// Mounts are the format and what else the requests need.
	Mounts func() []Mounter
	// Refusal reports why an answer is not an error in the protocol's own form. Those of the JSON API are known.
	Refusal func(Response) error
	Changes []Change
}

// Change is something that a client does with one package, in one request or many.
type Change struct {
	Name string
	// Before sends what has to be there. nil: nothing.
	Before func(c *Client) error
	// Do sends the requests and ends with the first failure, as clients do. A client that tries again does all of it again.
	Do func(c *Client) error
	// Done reads what others see: all that Do makes of it, or nothing of it. What is seen half goes to c.Halfway.
	Done func(c *Client) bool
	// Events are what the log says of Do in the end, however often it was tried: types without prefix, in order.
	Events []string
}

// Client does a change, as a caller who may do everything.
type Client struct {
	*Server
	Package string // of this walk's step alone

	t       *testing.T
	names   map[string]string // of versions in the JSON API
	reader  As
	told    int64 // up to where news has read the log
	refusal func(Response) error
}

// Send sends a request that is expected to be answered with one of the statuses. Any other answer is an error, whose form
// is checked.
func (c *Client) Send(q Request, statuses ...int) (Response, error) {
	c.t.Helper()
	res, err := c.Try(Admin, q)
	if err != nil {
		return res, err // an answer whose bytes ended
	}
	if slices.Contains(statuses, res.Status) {
		return res, nil
	}
	c.refused(q, res)
	return res, fmt.Errorf("%s %s: %v", q.Method, q.Path, res)
}

// refused checks the answer to a request that met a fault: it is about the server, in the protocol's form, and says
// nothing of what is inside.
func (c *Client) refused(q Request, res Response) {
	c.t.Helper()
	if res.Status < http.StatusInternalServerError {
		c.t.Errorf("%s %s: %v blames the client", q.Method, q.Path, res)
	}
	refusal := c.refusal
	if strings.HasPrefix(q.Path, "/api/") {
		refusal = ProblemRefusal
	}
	if err := refusal(res); err != nil && q.Method != http.MethodHead {
		c.t.Errorf("%s %s: %v: %v", q.Method, q.Path, res, err)
	}
	said := string(res.Body) + fmt.Sprint(res.Header)
	for _, inside := range []string{"injected", "fault", "sql", "SELECT", ".go:", "goroutine", "/tmp", "versitygw", "slipway/"} {
		if strings.Contains(said, inside) {
			c.t.Errorf("%s %s: %q of the inside is in the answer: %v %v", q.Method, q.Path, inside, res, res.Header)
		}
	}
}

// Has reports whether others find what a request asks for, with these bytes; nil are any.
func (c *Client) Has(path string, want []byte, header ...string) bool {
	c.t.Helper()
	q := Request{Method: http.MethodGet, Path: path}
	for i := 0; i < len(header); i += 2 {
		q = q.With(header[i], header[i+1])
	}
	res := c.Do(c.reader, q)
	switch {
	case res.Status == http.StatusNotFound || res.Status == http.StatusGone:
		return false
	case res.Status != http.StatusOK:
		c.t.Errorf("GET %s: %v", path, res)
	case want != nil && string(res.Body) != string(want):
		c.Halfway("GET %s: %d bytes, not the %d that were sent", path, len(res.Body), len(want))
	}
	return true
}

// AllOf reports whether others see all of several things; a part of them is half a change.
func (c *Client) AllOf(seen ...bool) bool {
	c.t.Helper()
	for _, s := range seen {
		if s != seen[0] {
			c.Halfway("of what belongs together there is %v", seen)
			break
		}
	}
	return seen[0]
}

// Halfway fails the test: something is visible in part.
func (c *Client) Halfway(format string, args ...any) {
	c.t.Helper()
	c.t.Errorf("half visible: "+format, args...)
}

// ProblemRefusal is the form of errors that RFC 9457 describes.
func ProblemRefusal(res Response) error {
	var p struct {
		Type, Title string
		Status      int
	}
	if err := json.Unmarshal(res.Body, &p); err != nil {
		return err
	}
	if p.Type == "" || p.Title == "" || p.Status != res.Status || res.Header.Get("Content-Type") != "application/problem+json" {
		return fmt.Errorf("not a problem: %+v as %s", p, res.Header.Get("Content-Type"))
	}
	return nil
}

// ReadRefusal is ProblemRefusal for formats whose 404 of a read is plain text.
func ReadRefusal(res Response) error {
	if res.Status != http.StatusNotFound || res.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		return ProblemRefusal(res)
	}
	if !strings.HasPrefix(string(res.Body), "Not Found") {
		return fmt.Errorf("no reason in %q", res.Body)
	}
	return nil
}

// RunFaults does each change again and again over HTTP, while in every turn another call of a backend fails: before its
// effect, amid it, or after it. Each request is answered with success or with an error of the server in the protocol's
// form. Afterwards the change is to be seen whole or not at all, fsck is clean, the same client's next try succeeds, and the
// log tells of it once. Over files every call fails; over S3 those for bytes, as the rest is the same. Under the race detector
// every fifth of the calls over files fails; "make test" lets each of them fail in a run without it.
func RunFaults(t *testing.T, f Faults) {
	for _, when := range storagetest.Moments {
		t.Run("local "+string(when), func(t *testing.T) {
			t.Parallel() // most of it is waiting for the disk
			parts := registrytest.AllParts
			if when == storagetest.Midway {
				parts = registrytest.BytesOnly // a call of metadata has no middle
			}
			every := 1
			if Race {
				every = faultsUnderRace
			}
			f.run(t, every, func(testing.TB) Options { return Options{Local: true} }, registrytest.Breakable(when, parts))
		})
		t.Run("s3 "+string(when), func(t *testing.T) {
			t.Parallel()
			f.run(t, 1, OnS3, registrytest.Breakable(when, registrytest.BytesOnly))
		})
	}
}

// turnsPerServer keeps what fsck has to look at small: it does after every turn.
const turnsPerServer = 10

// run lets every so many calls fail, from the first on.
func (f Faults) run(t *testing.T, every int, options func(testing.TB) Options, breakable registrytest.Option) {
	for _, change := range f.Changes {
		t.Run(change.Name, func(t *testing.T) {
			c, turns := &Client{t: t, names: map[string]string{}, refusal: f.Refusal}, 0
			for reached := true; reached; turns++ {
				if turns%turnsPerServer == 0 {
					o := options(t)
					o.Core = append(o.Core, breakable)
					c.Server, c.told = NewServer(t, o, f.Mounts()...), -1
					c.reader = As(c.ReadToken(registry.DefaultRepository))
				}
				n := turns*every + 1
				c.Package = fmt.Sprintf("%s-%d", strings.ReplaceAll(change.Name, " ", "-"), n)
				if reached = c.meet(change, n); t.Failed() {
					t.Fatalf("with fault %d", n)
				}
			}
			t.Logf("%d calls failed in turn", turns-1)
		})
	}
}

// meet does a change whose n-th call fails; reached is false when there is none.
func (c *Client) meet(change Change, n int) (reached bool) {
	c.t.Helper()
	if change.Before != nil {
		c.must(change.Before(c))
	}
	c.news()
	c.Break(n)
	err := change.Do(c)
	reached = c.Mend()
	switch done := change.Done(c); {
	case err == nil && !done:
		c.t.Error("answered with success, and not done")
	case err != nil && !reached:
		c.t.Errorf("no call failed, yet: %v", err)
	}
	c.MustFsck(c.t)
	if err != nil {
		if again := change.Do(c); again != nil {
			c.t.Errorf("after %v, the next try: %v", err, again)
		} else if !change.Done(c) {
			c.t.Error("the next try is answered with success, and not done")
		}
		c.MustFsck(c.t)
	}
	if got := c.news(); !slices.Equal(got, change.Events) {
		c.t.Errorf("the log tells %q, want %q", got, change.Events)
	}
	return reached
}

// news returns the types of the events about versions and tags since it was last asked.
func (c *Client) news() (out []string) {
	c.t.Helper()
	for {
		events, next, err := c.Ledger.Events(c.Admin, ledger.EventQuery{After: c.told, Types: []string{"artifact.*", "tag.*"}})
		c.must(err)
		c.told = next
		if len(events) == 0 {
			return out
		}
		for _, e := range events {
			out = append(out, strings.TrimSuffix(strings.TrimPrefix(e.Type, registry.EventTypePrefix), registry.EventTypeSuffix))
		}
	}
}
