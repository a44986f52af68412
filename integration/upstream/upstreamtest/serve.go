package upstreamtest

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// answer is what the fixture says to a request, before the faults.
type answer struct {
	status   int // 0: 200, with conditions and ranges
	header   http.Header
	body     content
	modified time.Time
	etag     string
	document bool // made for the request; compressed for clients that accept it
}

// enter counts a request as under way; false: the server ends, and waits for those that are.
func (u *Server) enter() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	select {
	case <-u.closing:
		return false
	default:
		u.active.Add(1)
		return true
	}
}

// serve answers one request: it notes it, breaks what is to be broken, and sends the rest.
func (u *Server) serve(h *Host, w http.ResponseWriter, r *http.Request) {
	if !u.enter() {
		panic(http.ErrAbortHandler)
	}
	defer u.active.Done()
	req := u.log.begin(h, r)
	out := &writer{w: w, r: r, server: u, req: req, base: -1}
	defer out.end()
	p := u.plan(h, r)
	out.stream = p.stream
	out.stop = merge(r, u.closing)
	if p.hang {
		<-out.stop
		panic(http.ErrAbortHandler)
	}
	out.sleep(p.delay)
	if p.reset {
		reset(w)
	}
	u.send(out, r, p, u.answer(h, r, p))
}

// merge is closed when the client leaves or the server ends.
func merge(r *http.Request, closing <-chan struct{}) <-chan struct{} {
	stop := make(chan struct{})
	go func() {
		select {
		case <-r.Context().Done():
		case <-closing:
		}
		close(stop)
	}()
	return stop
}

// reset ends the connection with RST, or the stream of HTTP/2.
func reset(w http.ResponseWriter) {
	if hj, ok := w.(http.Hijacker); ok {
		if conn, _, err := hj.Hijack(); err == nil {
			if tcp, ok := conn.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0) // without it the end is a FIN, which is a fault too
			}
			_ = conn.Close()
		}
	}
	panic(http.ErrAbortHandler)
}

// answer is what the client would get, with the faults that replace it.
func (u *Server) answer(h *Host, r *http.Request, p *plan) *answer {
	if p.status != 0 {
		return text(p.status, "%d %s: a fault of this registry", p.status, http.StatusText(p.status))
	}
	if p.instead != nil {
		return p.instead(r)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if h == u.Origin {
		if a := u.refuse(r); a != nil {
			return a
		}
	}
	if a := u.route(h, r); a != nil {
		return a
	}
	return text(http.StatusNotFound, "404 there is no %s", r.URL.Path)
}

// route finds what the fixture has; nil for nothing. The caller holds mu.
func (u *Server) route(h *Host, r *http.Request) *answer {
	path := r.URL.Path
	var a *answer
	switch {
	case r.Method == http.MethodPost && !strings.HasPrefix(path, "/npm/-/"):
		return text(http.StatusMethodNotAllowed, "405 this registry only answers questions")
	case strings.HasPrefix(path, "/npm/"):
		a = u.npmDocument(r, strings.TrimPrefix(path, "/npm/"))
	case strings.HasPrefix(path, "/pypi/simple/"):
		a = u.simple(r, strings.TrimPrefix(path, "/pypi/simple/"))
	case strings.HasPrefix(path, "/maven/"):
		a = u.mavenDocument(strings.TrimPrefix(path, "/maven/"))
	case path == "/token":
		a = u.token(r)
	case strings.HasPrefix(path, "/v2/"):
		a = u.distribution(h, r, strings.TrimPrefix(path, "/v2/"))
	}
	if a != nil {
		return a
	}
	if f := u.files[path]; f != nil && (!f.cdn || h != u.Origin) {
		return f.answer()
	}
	return u.fromDir(path)
}

func (f *File) answer() *answer {
	header := f.header.Clone()
	header.Set("Content-Type", f.media)
	return &answer{header: header, body: f.content, modified: f.modified, etag: f.etag}
}

// fromDir serves a file of this machine. The caller holds mu.
func (u *Server) fromDir(path string) *answer {
	for prefix, dir := range u.dirs {
		rest, ok := strings.CutPrefix(path, prefix)
		if !ok || !filepath.IsLocal(rest) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, rest))
		if err != nil {
			continue
		}
		return &answer{header: http.Header{"Content-Type": {"application/octet-stream"}}, body: fixed(b), modified: Epoch}
	}
	return nil
}

// send sends an answer with the faults that change it.
func (u *Server) send(out *writer, r *http.Request, p *plan, a *answer) {
	for _, edit := range p.edits {
		b, err := io.ReadAll(open(a.body))
		if err != nil {
			panic(err)
		}
		a.body, a.etag = fixed(edit(b)), ""
	}
	if a.etag == "" && a.status == 0 && a.document {
		a.etag = `"` + sumsOf(a.body).SHA256()[:32] + `"`
	}
	if p.gzip || a.document && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		b, err := io.ReadAll(open(a.body))
		if err != nil {
			panic(err)
		}
		a.body = fixed(gzipped(b))
		a.header.Set("Content-Encoding", "gzip")
		a.etag = strings.Replace(a.etag, `"`, `W/"gz-`, 1)
	}
	if p.newETags {
		a.etag = fmt.Sprintf(`"etag-%d"`, etags.Add(1))
	}
	r = r.Clone(r.Context())
	u.ranges(r, p, a)
	out.edits, out.noRanges, out.shift, out.size = p.headers, p.noRanges, p.shiftRange, a.body.Size()
	header := out.Header()
	for name, values := range a.header {
		header[name] = values
	}
	if a.etag != "" {
		header.Set("Etag", a.etag)
	}
	if p.notModified && (r.Header.Get("If-None-Match") != "" || r.Header.Get("If-Modified-Since") != "") {
		header.Del("Content-Type")
		out.WriteHeader(http.StatusNotModified)
		return
	}
	if a.status != 0 {
		header.Del("Etag")
		out.WriteHeader(a.status)
		if r.Method != http.MethodHead {
			_, _ = io.Copy(out, open(a.body)) // a client that left: end notes it
		}
	} else {
		http.ServeContent(out, r, "", a.modified, open(a.body))
	}
	out.finish()
}

// ranges answers a Range as the faults say.
func (u *Server) ranges(r *http.Request, p *plan, a *answer) {
	if r.Header.Get("Range") == "" {
		return
	}
	if p.refuseRanges {
		size := a.body.Size()
		*a = *text(http.StatusRequestedRangeNotSatisfiable, "416 no ranges today")
		a.header.Set("Content-Range", fmt.Sprintf("bytes */%d", size))
	}
	if p.noRanges {
		r.Header.Del("Range")
	}
}
