package load

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Bounds of a request.
const (
	requestTimeout = 5 * time.Minute
	bufferBytes    = 64 << 10
	maxErrorBytes  = 512
	maxChunkBytes  = 1 << 40
)

// Target is where requests go.
type Target struct {
	tls     bool
	address string
	prefix  string // of every path
	host    string
	auth    string // header line; "" for none
}

// NewTarget parses a base URL. token is sent with every request unless it is "".
func NewTarget(base, token string) (*Target, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	t := &Target{tls: u.Scheme == "https", address: u.Host, prefix: strings.TrimRight(u.EscapedPath(), "/"), host: u.Host}
	if u.Port() == "" {
		port := "80"
		if t.tls {
			port = "443"
		}
		t.address = net.JoinHostPort(u.Hostname(), port)
	}
	if token != "" {
		t.auth = "Authorization: Bearer " + token + "\r\n"
	}
	return t, nil
}

// path turns a Location into a request's path: without the server and the prefix of every path.
func (t *Target) path(location string) string {
	if !strings.HasPrefix(location, "/") {
		_, rest, _ := strings.Cut(location, "://")
		_, rest, _ = strings.Cut(rest, "/")
		location = "/" + rest
	}
	if rest, ok := strings.CutPrefix(location, t.prefix); ok && strings.HasPrefix(rest, "/") {
		return rest
	}
	return location
}

// Request is one request. Header holds whole lines, each with its line break.
type Request struct {
	Method string
	Path   string // escaped, with the query
	Header string
	Body   []byte
	// Fill, with Size, makes the body while it is sent, for bodies that should not be in memory.
	Fill func(p []byte, offset int64)
	Size int64
	Keep bool // return the answer's body
}

// Answer is the answer to a Request. Body is there when Keep asked for it; after a status of 400 and above, its first bytes
// are.
type Answer struct {
	Status   int
	Location string // as a Request's Path
	Bytes    int64  // of the body
	Body     []byte
}

// StatusError is an answer with a status of 400 and above.
type StatusError struct {
	Request string // method and path
	Status  int
	Body    string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s: %d %s", e.Request, e.Status, strings.TrimSpace(e.Body))
}

// Conn is a connection that is opened when it is needed, and again after it broke. It is not safe for concurrent use.
type Conn struct {
	target *Target
	conn   net.Conn
	r      *bufio.Reader
	head   []byte
	buf    []byte
}

// NewConn makes a connection to t. The caller closes.
func NewConn(t *Target) *Conn { return &Conn{target: t, buf: make([]byte, bufferBytes)} }

// Close implements io.Closer.
func (c *Conn) Close() error {
	if c.conn == nil {
		return nil
	}
	err := c.conn.Close()
	c.conn = nil
	return err
}

// Do sends a request and reads its answer to the end. A status of 400 and above is a *StatusError beside the answer. When
// ctx ends the connection is closed.
func (c *Conn) Do(ctx context.Context, rq Request) (a Answer, err error) {
	if err := c.open(ctx); err != nil {
		return a, err
	}
	conn := c.conn // c has none any more once it is closed
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() || err != nil && !isStatus(err) {
			_ = c.Close() // unread bytes belong to this request
		}
		if ctx.Err() != nil {
			err = ctx.Err()
		}
	}()
	if err := c.conn.SetDeadline(time.Now().Add(requestTimeout)); err != nil {
		return a, err
	}
	sent := c.send(rq)
	a, again, err := c.receive(rq)
	if err != nil {
		return a, errors.Join(sent, err)
	}
	if sent != nil || !again {
		_ = c.Close() // a server may answer before it has read the body
	}
	if a.Status >= 400 {
		return a, &StatusError{Request: rq.Method + " " + rq.Path, Status: a.Status, Body: string(a.Body)}
	}
	return a, nil
}

func isStatus(err error) bool {
	var s *StatusError
	return errors.As(err, &s)
}

func (c *Conn) open(ctx context.Context) error {
	if c.conn != nil {
		return nil
	}
	conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", c.target.address)
	if err != nil {
		return err
	}
	if c.target.tls {
		name, _, _ := net.SplitHostPort(c.target.address)
		secure := tls.Client(conn, &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12})
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return err
		}
		conn = secure
	}
	c.conn = conn
	if c.r == nil {
		c.r = bufio.NewReaderSize(conn, bufferBytes)
	}
	c.r.Reset(conn)
	return nil
}

func (c *Conn) send(rq Request) error {
	size := int64(len(rq.Body))
	if rq.Fill != nil {
		size = rq.Size
	}
	h := append(c.head[:0], rq.Method...)
	h = append(h, ' ')
	h = append(h, c.target.prefix...)
	h = append(h, rq.Path...)
	h = append(h, " HTTP/1.1\r\nHost: "...)
	h = append(h, c.target.host...)
	h = append(h, "\r\n"...)
	h = append(h, c.target.auth...)
	h = append(h, rq.Header...)
	if size > 0 || rq.Method == "PUT" || rq.Method == "POST" || rq.Method == "PATCH" {
		h = append(h, "Content-Length: "...)
		h = strconv.AppendInt(h, size, 10)
		h = append(h, "\r\n"...)
	}
	h = append(h, "\r\n"...)
	c.head = h
	if rq.Fill == nil {
		bufs := net.Buffers{h, rq.Body}
		_, err := bufs.WriteTo(c.conn)
		return err
	}
	if _, err := c.conn.Write(h); err != nil {
		return err
	}
	for at := int64(0); at < size; {
		piece := c.buf[:min(int64(len(c.buf)), size-at)]
		rq.Fill(piece, at)
		n, err := c.conn.Write(piece)
		at += int64(n)
		if err != nil {
			return err
		}
	}
	return nil
}

// receive reads an answer. again: the connection can be used for the next request.
func (c *Conn) receive(rq Request) (a Answer, again bool, err error) {
	var length int64
	chunked := false
	for {
		a, length, chunked, again, err = c.header()
		if err != nil || a.Status >= 200 {
			break
		}
	}
	if err != nil {
		return a, false, err
	}
	if rq.Method == "HEAD" || a.Status == 204 || a.Status == 304 {
		return a, again, nil
	}
	keep := 0
	switch {
	case rq.Keep:
		keep = -1
	case a.Status >= 400:
		keep = maxErrorBytes
	}
	switch {
	case chunked:
		err = c.chunks(&a, keep)
	case length >= 0:
		err = c.body(&a, length, keep)
	default:
		return a, false, errors.New("the answer has neither a length nor chunks")
	}
	return a, again, err
}

// header reads the status line and the header.
func (c *Conn) header() (a Answer, length int64, chunked, again bool, err error) {
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return a, 0, false, false, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return a, 0, false, false, fmt.Errorf("no HTTP answer: %.40q", line)
	}
	again = line[7] == '1'
	if a.Status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return a, 0, false, false, fmt.Errorf("no HTTP answer: %.40q", line)
	}
	length = -1
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return a, 0, false, false, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return a, length, chunked, again, nil
		}
		key, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case is(key, "Content-Length"):
			if length, err = strconv.ParseInt(string(value), 10, 63); err != nil {
				return a, 0, false, false, err
			}
		case is(key, "Transfer-Encoding"):
			chunked = true
		case is(key, "Location"):
			a.Location = c.target.path(string(value))
		case is(key, "Connection"):
			again = again && !is(value, "close")
		}
	}
}

func is(b []byte, s string) bool { return len(b) == len(s) && strings.EqualFold(string(b), s) }

// body reads n bytes and keeps the first of them; -1 is all. Bytes that are not kept bypass the buffered reader.
func (c *Conn) body(a *Answer, n int64, keep int) error {
	if keep < 0 || int64(keep) > n {
		keep = int(n)
	}
	if keep > 0 {
		at := len(a.Body)
		a.Body = append(a.Body, make([]byte, keep)...)
		if _, err := io.ReadFull(c.r, a.Body[at:]); err != nil {
			return err
		}
	}
	a.Bytes += n
	left := n - int64(keep)
	have := min(left, int64(c.r.Buffered()))
	if _, err := c.r.Discard(int(have)); err != nil {
		return err
	}
	for left -= have; left > 0; {
		got, err := c.conn.Read(c.buf[:min(int64(len(c.buf)), left)])
		left -= int64(got)
		if err != nil && left > 0 {
			return err
		}
	}
	return nil
}

// chunks reads a chunked body (RFC 9112 section 7.1).
func (c *Conn) chunks(a *Answer, keep int) error {
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		text, _, _ := strings.Cut(strings.TrimSpace(string(line)), ";")
		n, err := strconv.ParseInt(text, 16, 63)
		if err != nil || n > maxChunkBytes {
			return fmt.Errorf("the size of a chunk is %.20q", text)
		}
		left := keep
		if keep > 0 {
			left = max(0, keep-len(a.Body))
		}
		if err := c.body(a, n, left); err != nil {
			return err
		}
		if n == 0 {
			return c.trailer()
		}
		if _, err := c.r.ReadSlice('\n'); err != nil { // behind the chunk
			return err
		}
	}
}

func (c *Conn) trailer() error {
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil || len(bytes.TrimRight(line, "\r\n")) == 0 {
			return err
		}
	}
}
