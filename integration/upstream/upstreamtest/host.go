package upstreamtest

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// Host is one listener of a Server.
type Host struct {
	// Name is "origin", "cdn" or "plain", as in patterns.
	Name string
	// URL has no slash at its end; Addr is its host and port.
	URL, Addr string

	server *Server
	tls    *tls.Config
	listen string // address and port of the socket

	mu    sync.Mutex
	srv   *http.Server  // nil while it is down
	ended chan struct{} // closed when the socket is
}

func (u *Server) newHost(t testing.TB, name, host string, conf *tls.Config) *Host {
	t.Helper()
	h := &Host{Name: name, server: u, tls: conf, listen: "127.0.0.1:0"}
	if err := h.up(); err != nil {
		t.Fatal(err)
	}
	h.Addr = h.listen
	if host != "" {
		_, port, err := net.SplitHostPort(h.listen)
		if err != nil {
			t.Fatal(err)
		}
		h.Addr = net.JoinHostPort(host, port)
	}
	h.URL = "http://" + h.Addr
	if conf != nil {
		h.URL = "https://" + h.Addr
	}
	return h
}

// Listen is the address and port of the socket, whatever name the URL has.
func (h *Host) Listen() string { return h.listen }

// Down closes the listener and every connection: further ones are refused.
func (h *Host) Down() { h.close() }

// Up listens on the same port again.
func (h *Host) Up(t testing.TB) {
	t.Helper()
	var err error
	for range 100 { // another process may hold the port for a moment, as the near end of a connection of its own
		if err = h.up(); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal(err)
}

func (h *Host) up() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.srv != nil {
		return nil
	}
	l, err := net.Listen("tcp", h.listen)
	if err != nil {
		return err
	}
	h.listen = l.Addr().String()
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(h.tls != nil && h.server.http2)
	h.srv = &http.Server{
		Handler:   http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.server.serve(h, w, r) }),
		Protocols: &protocols, TLSConfig: h.tls.Clone(), ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute,
	}
	h.ended = make(chan struct{})
	go run(h.srv, l, h.ended)
	return nil
}

// run serves until the server is closed; that is all that its error says.
func run(srv *http.Server, l net.Listener, ended chan<- struct{}) {
	defer close(ended)
	if srv.TLSConfig == nil {
		_ = srv.Serve(l)
		return
	}
	_ = srv.ServeTLS(l, "", "")
}

func (h *Host) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.srv != nil {
		_ = h.srv.Close() // its error is that of a socket that nobody uses any more
		<-h.ended         // until then the kernel accepts connections
		h.srv = nil
	}
}
