package s3test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Fault is what a Proxy does to a request.
type Fault int

// The faults. A request that is not passed on has no effect; a request whose answer is lost has one.
const (
	Pass           Fault = iota
	InternalError        // not passed on; 500 in S3's form
	SlowDown             // not passed on; 503 in S3's form
	BadGateway           // not passed on; 502 as of a load balancer, without a form
	NotSent              // not passed on; the connection closes
	LostAnswer           // passed on; the connection closes without an answer
	HalfAnswer           // passed on; the connection closes in the middle of the answer's body
	OKError              // not passed on; 200 with an error in the body, as S3 answers long copies that fail
	WrongBody            // passed on with one byte of the body changed
	NotImplemented       // not passed on; 501 in S3's form
	NoSuchUpload         // not passed on; 404 in S3's form
	StaleList            // a list gets the answer of the time before; other requests pass
)

// Faults are the faults that can strike any request.
var Faults = []Fault{InternalError, SlowDown, BadGateway, NotSent, LostAnswer, HalfAnswer}

func (f Fault) String() string {
	return [...]string{"pass", "500", "503 SlowDown", "502", "not sent", "lost answer", "half answer", "200 with an error", "wrong body", "501", "no such upload", "stale list"}[f]
}

// Proxy stands between a store and the server. It counts requests and breaks those that Break chooses.
type Proxy struct {
	URL string

	server *httptest.Server
	target string
	client http.Transport

	mu    sync.Mutex
	fault func(n int, r *http.Request) Fault
	seen  []string
	lists map[string][]byte // answers by URL
}

// NewProxy starts a proxy in front of the server. It ends with the test.
func NewProxy(t testing.TB) *Proxy {
	t.Helper()
	p := &Proxy{target: Server(t), lists: map[string][]byte{}}
	p.client.MaxIdleConnsPerHost = 64
	p.client.DisableCompression = true
	addr, err := FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	p.URL = "http://" + addr
	p.Start(t)
	t.Cleanup(func() {
		p.Stop()
		p.client.CloseIdleConnections()
	})
	return p
}

// Stop takes the server away as a crash does: connections end, and new ones are refused.
func (p *Proxy) Stop() {
	p.server.CloseClientConnections()
	p.server.Close()
}

// Start brings the server back after Stop, at the same address, which may stay in use for a moment.
func (p *Proxy) Start(t testing.TB) {
	t.Helper()
	ln, err := net.Listen("tcp", strings.TrimPrefix(p.URL, "http://"))
	for end := time.Now().Add(30 * time.Second); err != nil; ln, err = net.Listen("tcp", strings.TrimPrefix(p.URL, "http://")) {
		if time.Now().After(end) {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.server = httptest.NewUnstartedServer(p)
	_ = p.server.Listener.Close() // the listener that httptest made, which no client uses
	p.server.Listener = ln
	p.server.Start()
}

// Break makes fault say what happens to the n-th request, from 1, since the last Reset; nil for no faults.
func (p *Proxy) Break(fault func(n int, r *http.Request) Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = fault
}

// Requests returns the requests since the last Reset, each as method, key and names of the parameters.
func (p *Proxy) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.seen...)
}

// Reset starts counting again from 1.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = nil
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault := p.count(r)
	switch fault {
	case InternalError:
		refuse(w, r, http.StatusInternalServerError, "InternalError")
		return
	case SlowDown:
		refuse(w, r, http.StatusServiceUnavailable, "SlowDown")
		return
	case NotImplemented:
		refuse(w, r, http.StatusNotImplemented, "NotImplemented")
		return
	case NoSuchUpload:
		refuse(w, r, http.StatusNotFound, "NoSuchUpload")
		return
	case OKError:
		refuse(w, r, http.StatusOK, "InternalError")
		return
	case BadGateway:
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html>")
		return
	case NotSent:
		panic(http.ErrAbortHandler)
	}
	res, err := p.pass(r, fault)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer res.Body.Close()
	if r.URL.Query().Has("list-type") && res.StatusCode == http.StatusOK {
		p.relist(r, res, fault == StaleList)
	}
	if fault == LostAnswer {
		_, _ = io.Copy(io.Discard, res.Body) // the server has done the work; its answer is dropped
		panic(http.ErrAbortHandler)
	}
	for name, values := range res.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(res.StatusCode)
	if fault == HalfAnswer {
		all, _ := io.ReadAll(res.Body) // as much as there is
		_, _ = w.Write(all[:len(all)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	if _, err := io.Copy(w, res.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
}

func (p *Proxy) count(r *http.Request) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	var params []string
	for _, name := range []string{"list-type", "uploads", "partNumber", "uploadId", "delete"} {
		if r.URL.Query().Has(name) {
			params = append(params, name)
		}
	}
	line := r.Method + " " + r.URL.Path
	if len(params) > 0 {
		line += "?" + strings.Join(params, "&")
	}
	if r.Header.Get("X-Amz-Copy-Source") != "" {
		line += " copy"
	}
	p.seen = append(p.seen, line)
	if p.fault == nil {
		return Pass
	}
	return p.fault(len(p.seen), r)
}

// pass sends r on. Its Host stays, as the signature covers it.
func (p *Proxy) pass(r *http.Request, fault Fault) (*http.Response, error) {
	body := r.Body
	if fault == WrongBody {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if len(data) > 0 {
			data[len(data)/2] ^= 1
		}
		body = io.NopCloser(bytes.NewReader(data))
	}
	out, err := http.NewRequestWithContext(r.Context(), r.Method, p.target+r.URL.RequestURI(), body)
	if err != nil {
		return nil, err
	}
	out.Host, out.Header, out.ContentLength = r.Host, r.Header, r.ContentLength
	if r.ContentLength == 0 {
		out.Body = http.NoBody
	}
	return p.client.RoundTrip(out)
}

// relist notes the answer to a list or, when stale, replaces it by the answer noted last.
func (p *Proxy) relist(r *http.Request, res *http.Response, stale bool) {
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close() // an error to a test's server does not matter
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if old, ok := p.lists[r.URL.String()]; ok && stale {
		body = old
	} else {
		p.lists[r.URL.String()] = body
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	res.ContentLength = int64(len(body))
	res.Header.Set("Content-Length", strconv.Itoa(len(body)))
}

// refuse answers without passing the request on. Like a server under load it does not wait for the body.
func refuse(w http.ResponseWriter, r *http.Request, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, r.Header.Get("Authorization"))
	}
}
