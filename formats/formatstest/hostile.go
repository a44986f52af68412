package formatstest

import (
	"bufio"
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
	"syscall"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/ledger"
)

// Target is a well-formed request of a route, which hostile ones are made of.
type Target struct {
	Route   string
	Request Request
	// AnyBytes: the route stores what it is sent, so that only a body that ends early is wrong.
	AnyBytes bool
}

// Hostile sends what no well-meant client does to every target. Each such request has to be answered with an error that
// blames the client, in the protocol's own form, and to leave nothing: no version, no entry in the log, stores that fsck
// finds clean.
type Hostile struct {
	Server  *Server
	Targets []Target
	// Refusal reports why an answer is not an error in the protocol's own form.
	Refusal func(Response) error
	// Fixed is how many segments all paths begin with.
	Fixed int
}

// Run does it all.
func (h Hostile) Run(t *testing.T) {
	t.Run("bodies", h.bodies)
	t.Run("deep", h.deep)
	t.Run("oversize", h.oversize)
	t.Run("names", h.names)
	t.Run("ended tokens", h.endedTokens)
	t.Run("texts", h.texts)
	h.Server.MustFsck(t)
}

// framing is a body as it is on the wire: what announces it, and what comes of it before the client ends the connection.
type framing struct {
	name   string
	header string
	body   []byte
}

// framings are the ways in which a body is not what was announced.
func (target Target) framings() []framing {
	body := target.Request.Body
	length := func(n int) string { return fmt.Sprintf("Content-Length: %d\r\n", n) }
	const chunked = "Transfer-Encoding: chunked\r\n"
	chunk := func(n int) []byte { return append(fmt.Appendf(nil, "%x\r\n", n), body...) }
	all := []framing{
		{"a byte less than announced", length(len(body) + 1), body},
		{"half of it", length(len(body)), body[:len(body)/2]},
		{"nothing of it", length(len(body)), nil},
		{"a length of exabytes", "Content-Length: 4611686018427387904\r\n", body},
		{"a chunk that is cut", chunked, chunk(len(body) + 1)},
		{"chunks without an end", chunked, append(chunk(len(body)), "\r\n"...)},
		{"a chunk without a number", chunked, append([]byte("zz\r\n"), body...)},
		{"a chunk of more than 2^64", chunked, append([]byte("fffffffffffffffff\r\n"), body...)},
		{"two lengths", length(len(body)) + length(len(body)+1), body},
		{"a negative length", length(-1), body},
		{"a length with a sign", fmt.Sprintf("Content-Length: +%d\r\n", len(body)), body},
		{"a length in hexadecimal", fmt.Sprintf("Content-Length: 0x%x\r\n", len(body)), body},
	}
	if !target.AnyBytes {
		all = append(all, framing{"a length that is too short", length(len(body) / 2), body})
	}
	return all
}

func (h Hostile) bodies(t *testing.T) {
	h.each(t, func(t *testing.T, target Target) {
		if len(target.Request.Body) == 0 {
			return
		}
		for _, f := range target.framings() {
			before := h.Server.logSize()
			res := h.Server.wire(t, target.Request, f.header, f.body)
			h.refused(t, f.name, res, before)
		}
	})
}

// deep sends what nests a million levels, alone and within the route's own document.
func (h Hostile) deep(t *testing.T) {
	levels := int(Large(1_000_000))
	arrays, objects := strings.Repeat("[", levels), strings.Repeat(`{"a":`, levels)
	h.each(t, func(t *testing.T, target Target) {
		if len(target.Request.Body) == 0 || target.AnyBytes {
			return
		}
		closed := arrays + strings.Repeat("]", levels)
		bodies := map[string]string{"arrays": closed, "open arrays": arrays, "objects": objects + "1" + strings.Repeat("}", levels), "open objects": objects}
		if rest, ok := strings.CutPrefix(string(target.Request.Body), "{"); ok {
			bodies["within its document"] = `{"deep":` + closed + "," + rest
			bodies["a few within its document"] = `{"deep":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "," + rest
		}
		if strings.HasPrefix(string(target.Request.Body), "<") {
			bodies["elements"] = strings.Repeat("<a>", levels) + strings.Repeat("</a>", levels)
		}
		for name, body := range bodies {
			h.sendBody(t, name, target.Request, body)
		}
	})
}

// oversize sends more than any document may have, with its length and without.
func (h Hostile) oversize(t *testing.T) {
	pad := strings.Repeat("x", 9<<20)
	h.each(t, func(t *testing.T, target Target) {
		if len(target.Request.Body) == 0 || target.AnyBytes {
			return
		}
		body := pad
		if rest, ok := strings.CutPrefix(string(target.Request.Body), "{"); ok {
			body = `{"` + pad + `":1,` + rest
		}
		h.sendBody(t, "with a length", target.Request, body)
		before := h.Server.logSize()
		chunks := fmt.Appendf(nil, "%x\r\n%s\r\n0\r\n\r\n", len(body), body)
		h.refused(t, "in chunks", h.Server.wire(t, target.Request, "Transfer-Encoding: chunked\r\n", chunks), before)
	})
}

func (h Hostile) sendBody(t *testing.T, name string, q Request, body string) {
	t.Helper()
	before := h.Server.logSize()
	q.Body = []byte(body)
	h.refused(t, name, h.Server.Do(Admin, q), before)
}

// badNames are outside of every grammar, or have to be one segment's own affair.
var badNames = append([]string{
	"%0a", "%0d%0aX-Canary:%201", "%7f", "%1b%5b2J", "%c2%85", "%e2%80%ae", "%e2%80%8b", "e%cc%81", "%ef%ac%81", "%ff", "%ed%a0%80", "%20", "%20a", "a%20",
	"%zz", "%2", "%", "%2fa", "a%2f", "a%2f%2fb", "a%2f..%2fb", "%40", "%40%2f", "-", "_", "~", "$%7bjndi%7d", "%3Cscript%3E", "'%20or%20''='", "*", "%25",
	strings.Repeat("a", 600), strings.Repeat("a%2f", 300) + "a", strings.Repeat("%c3%a9", 200), "9223372036854775808", "-1", "0x1", "1e9",
}, climbs...)

// names puts what is no name into each segment of each path, for every method. Some are names in some protocol: what is made
// of them must hold to the rules of names.
func (h Hostile) names(t *testing.T) {
	outer := map[string]bool{} // methods and segments that were tried: what follows is the same for all routes
	tried := 0
	h.each(t, func(t *testing.T, target Target) {
		if target.Request.Method == http.MethodHead {
			return // as GET
		}
		path, query, _ := strings.Cut(strings.TrimPrefix(target.Request.Path, "/"), "?")
		segments := strings.Split(path, "/")
		for i := range segments {
			first := fmt.Sprint(target.Request.Method, i)
			if i < h.Fixed && outer[first] {
				continue
			}
			outer[first] = true
			before, refused := h.Server.logSize(), true
			for _, name := range badNames {
				if tried++; !Sampled(tried) {
					continue
				}
				changed := append([]string{}, segments...)
				changed[i] = name
				q := target.Request
				if q.Path = "/" + strings.Join(changed, "/"); query != "" {
					q.Path += "?" + query
				}
				res := h.Server.exactly(t, As(h.Server.admin), q)
				if res.Status >= http.StatusBadRequest {
					h.answered(t, q.Path, res)
				} else {
					refused = false
				}
				if res.Header.Get("X-Canary") != "" {
					t.Errorf("%s: the path made a header", q.Path)
				}
			}
			if now := h.Server.logSize(); refused && now != before {
				t.Errorf("segment %d: all was refused, and left %d entries in the log", i, now-before)
			}
		}
	})
	h.checkNames(t)
}

// checkNames holds every name in the log to the rules of names.
func (h Hostile) checkNames(t *testing.T) {
	t.Helper()
	for after := int64(-1); ; {
		events, next, err := h.Server.Ledger.Events(h.Server.Admin, ledger.EventQuery{After: after})
		h.Server.must(err)
		for _, e := range events {
			var d struct {
				Repository, Format, Package, Version, Tag string
				Files                                     []struct{ Path string }
			}
			h.Server.must(json.Unmarshal(e.Data, &d))
			check := func(s string, err error) {
				if s != "" && err != nil {
					t.Errorf("event %d: %v", e.Seq, err)
				}
			}
			if d.Package != "" {
				_, err := registry.NewName(d.Repository, d.Format, d.Package, "")
				check(d.Package, err)
			}
			check(d.Version, registry.CheckVersion(d.Version))
			check(d.Tag, registry.CheckTag(d.Tag))
			for _, f := range d.Files {
				check(f.Path, registry.CheckPath(f.Path))
			}
		}
		if len(events) == 0 {
			return
		}
		after = next
	}
}

// endedTokens: a token that was good until a moment ago is no credential on any route.
func (h Hostile) endedTokens(t *testing.T) {
	s := h.Server
	get := Request{Method: http.MethodGet, Path: "/readyz"}
	for _, target := range h.Targets {
		if target.Request.Method == http.MethodGet {
			get = target.Request
			break
		}
	}
	good := func(token issued) bool { return s.Do(token.secret, get).Status != http.StatusUnauthorized } // whatever remembers, remembers it now
	start, life := time.Now(), time.Second
	expiring := s.tokenOf(life)
	for !good(expiring) { // a busy machine took longer
		if time.Since(start) < life {
			t.Fatal("a good token is refused")
		}
		start, life = time.Now(), 2*life
		expiring = s.tokenOf(life)
	}
	revoked := s.tokenOf(time.Hour)
	if !good(revoked) {
		t.Fatal("a good token is refused")
	}
	s.must(s.Accounts.RevokeToken(s.Admin, revoked.id))
	time.Sleep(time.Until(expiring.made.Add(life + 50*time.Millisecond)))
	h.each(t, func(t *testing.T, target Target) {
		if anonymous := s.Do(Anonymous, target.Request); anonymous.Status != http.StatusUnauthorized {
			return // the route asks for no credentials, or takes its own
		}
		for name, as := range map[string]As{"expired": expiring.secret, "revoked": revoked.secret} {
			before := h.Server.logSize()
			res := s.Do(as, target.Request)
			if res.Status == http.StatusTooManyRequests && res.Header.Get("Retry-After") != "" {
				return // the route is a login, and takes no more wrong passwords
			}
			if res.Status != http.StatusUnauthorized || res.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s token: %v, want 401 with a challenge", name, res)
			}
			h.refused(t, name, res, before)
		}
	})
}

type issued struct {
	secret As
	id     int64
	made   time.Time
}

// tokenOf makes a token of admin that may do everything for some time.
func (s *Server) tokenOf(life time.Duration) issued {
	s.t.Helper()
	secret, token, err := s.Accounts.CreateToken(s.Admin, accounts.TokenRequest{Name: "hostile", ExpiresIn: life,
		Grants: []access.Grant{{Repository: "*", Actions: []access.Action{access.Admin}}}})
	s.must(err)
	return issued{As(secret), token.ID, time.Now()}
}

func (h Hostile) each(t *testing.T, fn func(t *testing.T, target Target)) {
	for _, target := range h.Targets {
		t.Run(target.Request.Method+" "+target.Route, func(t *testing.T) { fn(t, target) })
	}
}

// refused checks the answer to a hostile request, and that it left nothing.
func (h Hostile) refused(t *testing.T, what string, res Response, before int64) {
	t.Helper()
	h.answered(t, what, res)
	if now := h.Server.logSize(); now != before {
		t.Errorf("%s: refused with %v, and left %d entries in the log", what, res, now-before)
	}
}

// answered checks the answer to a hostile request. net/http itself answers what is no HTTP, in a form of its own, and a
// request whose path belongs to no protocol is answered with a problem.
func (h Hostile) answered(t *testing.T, what string, res Response) {
	t.Helper()
	what = what[:min(len(what), 200)]
	if res.Status < http.StatusBadRequest || res.Status >= http.StatusInternalServerError {
		t.Errorf("%s: %v, want an error that blames the client", what, res)
	}
	if ours := res.Header.Get("X-Request-Id") != ""; ours && len(res.Body) > 0 {
		if err := h.Refusal(res); err != nil && ProblemRefusal(res) != nil {
			t.Errorf("%s: %v: %v", what, res, err)
		}
	}
}

// wire sends a request whose body is framed by hand, as Admin, ends its half of the connection, and reads the answer.
func (s *Server) wire(t *testing.T, q Request, framing string, body []byte) Response {
	t.Helper()
	const tries = 10 // what the server did not read when it closes makes the answer be lost at times
	for n := 1; ; n++ {
		res, err := s.tryWire(q, framing, body)
		if err == nil || n == tries || !errors.Is(err, syscall.ECONNRESET) {
			s.must(err)
			return res
		}
	}
}

func (s *Server) tryWire(q Request, framing string, body []byte) (Response, error) {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.Addr)
	s.must(err)
	defer conn.Close()
	s.must(conn.SetDeadline(time.Now().Add(time.Minute)))
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nConnection: close\r\n", q.Method, q.Path, s.Addr, s.admin)
	for name, value := range q.Header {
		fmt.Fprintf(&head, "%s: %s\r\n", name, value)
	}
	// The server may answer and close before it has read everything.
	go func() {
		_, _ = io.Copy(conn, io.MultiReader(strings.NewReader(head.String()+framing+"\r\n"), bytes.NewReader(body)))
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: q.Method})
	if err != nil {
		return Response{}, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	return Response{Status: res.StatusCode, Header: res.Header, Body: answer}, err
}

// exactly sends a request with its path as it is written, which http.Client would refuse or clean.
func (s *Server) exactly(t *testing.T, as As, q Request) Response {
	t.Helper()
	req, err := http.NewRequest(q.Method, s.URL, bytes.NewReader(q.Body))
	s.must(err)
	req.URL = &url.URL{Scheme: "http", Host: s.Addr, Opaque: q.Path}
	if strings.HasPrefix(q.Path, "//") { // net/url takes it for a host
		req.URL = &url.URL{Scheme: "http", Host: s.Addr, Opaque: s.URL + q.Path}
	}
	for name, value := range q.Header {
		req.Header[name] = []string{value}
	}
	req.Header.Set("Authorization", "Bearer "+string(as))
	res, err := client.Do(req)
	s.must(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	s.must(err)
	return Response{Status: res.StatusCode, Header: res.Header, Body: body}
}

// logSize is the number of entries in the log.
func (s *Server) logSize() (size int64) {
	s.t.Helper()
	s.must(s.Metadata.View(context.Background(), func(tx metadata.Tx) (err error) {
		size, err = tx.Log().LogSize()
		return err
	}))
	return size
}
