package upstreamtest

import (
	"crypto/tls"
	"crypto/x509"
	"maps"
	"net/http"
	"sync"
	"testing"
	"time"
)

// Epoch is when the first thing of a fixture was published.
var Epoch = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// Options of a Server. The zero value is HTTP/1.1 without TLS on 127.0.0.1.
type Options struct {
	// TLS has origin and CDN speak https, with a certificate of the private authority that CA returns.
	TLS bool
	// HTTP2 offers HTTP/2 as well as HTTP/1.1; it implies TLS.
	HTTP2 bool
	// ClientCertificate has the origin refuse clients without a certificate of the private authority; it implies TLS. The CDN asks for
	// one, and takes none.
	ClientCertificate bool
	// Host and CDNHost are the names in the URLs that documents hold, for tests whose client resolves them to 127.0.0.1.
	// "": 127.0.0.1. The certificate is good for both, for 127.0.0.1 and for localhost.
	Host, CDNHost string
}

// Server is a registry elsewhere. Its methods are safe for concurrent use, also while clients ask.
type Server struct {
	// URL is the origin's, without a slash at the end.
	URL string
	// Origin, CDN and Plain are the hosts; Plain is nil without TLS.
	Origin, CDN, Plain *Host

	log     *record
	tls     *tls.Config // nil: http
	http2   bool
	closing chan struct{} // closed at the end, so that hanging requests return
	active  sync.WaitGroup

	mu     sync.Mutex
	rules  []*Rule
	files  map[string]*File // by path
	dirs   map[string]string
	access access
	made   int // things published so far
	npm    map[string]*npmPackage
	pypi   pypiIndex
	maven  mavenTree
	oci    ociRegistry
}

// New starts a registry without content. It ends with the test.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	u := &Server{
		log: newRecord(), closing: make(chan struct{}), http2: o.HTTP2,
		files: map[string]*File{}, dirs: map[string]string{}, npm: map[string]*npmPackage{},
		pypi: pypiIndex{projects: map[string]*pypiProject{}}, maven: mavenTree{artifacts: map[string]*mavenArtifact{}, sidecars: true},
		oci: ociRegistry{repositories: map[string]*ociRepository{}, referrers: true, tokens: map[string]bool{}},
	}
	if o.TLS || o.HTTP2 || o.ClientCertificate {
		u.tls = serverTLS(t, o.Host, o.CDNHost)
	}
	t.Cleanup(u.close)
	origin := u.tls
	if o.ClientCertificate {
		u.tls.ClientAuth, u.tls.ClientCAs = tls.RequestClientCert, pool()
		origin = u.tls.Clone()
		origin.ClientAuth = tls.RequireAndVerifyClientCert
	}
	u.Origin = u.newHost(t, "origin", o.Host, origin)
	u.CDN = u.newHost(t, "cdn", o.CDNHost, u.tls)
	if u.tls != nil {
		u.Plain = u.newHost(t, "plain", o.Host, nil)
	}
	u.URL = u.Origin.URL
	return u
}

func (u *Server) close() {
	u.mu.Lock()
	close(u.closing)
	u.mu.Unlock()
	for _, h := range []*Host{u.Origin, u.CDN, u.Plain} {
		if h != nil {
			h.close()
		}
	}
	u.active.Wait()
}

// Client trusts the private authority, follows no redirect, and speaks HTTP/2 where the server does.
func (u *Server) Client() *http.Client {
	tr := &http.Transport{ForceAttemptHTTP2: u.http2}
	if u.tls != nil {
		tr.TLSClientConfig = &tls.Config{RootCAs: pool(), MinVersion: tls.VersionTLS12}
	}
	return &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// pool has the private authority.
func pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(authority().cert)
	return p
}

// now is the time of the next thing that is published. The caller holds mu.
func (u *Server) now() time.Time {
	u.made++
	return Epoch.Add(time.Duration(u.made-1) * time.Hour)
}

// Dir serves the files below a directory of this machine under a path such as "/maven/", where the fixture has nothing of its
// own. It lets a real build find its plugins.
func (u *Server) Dir(path, dir string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.dirs[path] = dir
}

// Replace has a file answer with other bytes. Documents go on announcing the old ones; publish the version again to change both.
func (u *Server) Replace(path string, b []byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	old := u.files[path]
	if old == nil {
		panic("upstreamtest: no file " + path)
	}
	f := u.newFile(path, old.media, fixed(b))
	f.URL, f.header, f.cdn, f.before = old.URL, old.header, old.cdn, old.announces()
	u.files[path] = f
}

// Remove has a file answer 404. Documents go on naming it.
func (u *Server) Remove(path string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.files, path)
}

// Paths are those of all files of the fixture.
func (u *Server) Paths() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return sorted(maps.Keys(u.files))
}
