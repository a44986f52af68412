package formatstest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Request is a request of a client, without credentials. Path is encoded and may have a query.
type Request struct {
	Method string
	Path   string
	Header map[string]string
	Body   []byte
}

// With returns the request with one more header.
func (q Request) With(name, value string) Request {
	h := map[string]string{name: value}
	for k, v := range q.Header {
		if _, ok := h[k]; !ok {
			h[k] = v
		}
	}
	q.Header = h
	return q
}

// Response is an answer, read to its end.
type Response struct {
	Status int
	Reason string // phrase of the status line
	Header http.Header
	Body   []byte
}

func (r Response) String() string {
	body := r.Body
	if len(body) > 300 {
		body = body[:300]
	}
	return fmt.Sprintf("%d %q", r.Status, body)
}

// As says who asks. Anonymous asks without credentials.
type As string

// Callers. Admin may do everything.
const (
	Anonymous As = ""
	Admin     As = "admin"
)

// client follows no redirect and decodes nothing, so a test sees what is on the wire.
var client = &http.Client{
	Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Do sends a request as someone: Anonymous, Admin, or the secret of a token.
func (s *Server) Do(as As, q Request) Response {
	s.t.Helper()
	res, err := s.Try(as, q)
	s.must(err)
	return res
}

// Try is Do for requests that may break off.
func (s *Server) Try(as As, q Request) (Response, error) {
	req, err := http.NewRequest(q.Method, s.URL+q.Path, bytes.NewReader(q.Body))
	if err != nil {
		return Response{}, err
	}
	for name, value := range q.Header {
		if strings.EqualFold(name, "Host") {
			req.Host = value
			continue
		}
		req.Header[name] = []string{value} // as written: some tests need names that are not canonical
	}
	switch as {
	case Anonymous:
	case Admin:
		req.SetBasicAuth("anything", s.admin)
	default:
		req.Header.Set("Authorization", "Bearer "+string(as))
	}
	res, err := client.Do(req)
	if err != nil {
		return Response{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return Response{Status: res.StatusCode, Reason: strings.TrimSpace(strings.TrimPrefix(res.Status, strconv.Itoa(res.StatusCode))), Header: res.Header, Body: body}, err
}

// Expecting announces a request's body, a byte at least, and returns the status of the first answer: 100 when the server
// begins to read.
func (s *Server) Expecting(as As, q Request) int {
	s.t.Helper()
	conn, _ := s.announce(as, q, len(q.Body)+1)
	defer conn.Close()
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: q.Method})
	s.must(err)
	return res.StatusCode
}

// Slowly sends a request with a body as a slow client does: it calls meanwhile when the server has begun to read the body, and sends
// the body then. read is false where the server answers without reading.
func (s *Server) Slowly(as As, q Request, meanwhile func()) (res Response, read bool) {
	s.t.Helper()
	conn, in := s.announce(as, q, len(q.Body))
	defer conn.Close()
	answer, err := http.ReadResponse(in, &http.Request{Method: q.Method})
	s.must(err)
	if read = answer.StatusCode == http.StatusContinue; read {
		meanwhile()
		_, err = conn.Write(q.Body)
		s.must(err)
		answer, err = http.ReadResponse(in, &http.Request{Method: q.Method})
		s.must(err)
	}
	body, err := io.ReadAll(answer.Body)
	s.must(err)
	return Response{Status: answer.StatusCode, Header: answer.Header, Body: body}, read
}

// announce sends the head of a request with a body of some size, which waits for the server to ask for it.
func (s *Server) announce(as As, q Request, size int) (net.Conn, *bufio.Reader) {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.Addr)
	s.must(err)
	s.must(conn.SetDeadline(time.Now().Add(time.Minute)))
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\nExpect: 100-continue\r\nContent-Length: %d\r\n", q.Method, q.Path, s.Addr, size)
	for name, value := range q.Header {
		fmt.Fprintf(&head, "%s: %s\r\n", name, value)
	}
	if as != Anonymous {
		fmt.Fprintf(&head, "Authorization: Bearer %s\r\n", as)
	}
	_, err = io.WriteString(conn, head.String()+"\r\n")
	s.must(err)
	return conn, bufio.NewReader(conn)
}
