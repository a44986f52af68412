package formatstest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/ledger"
	"slipway/registry/maintain"
	"slipway/registry/registrytest"
	"slipway/registry/upstreams"
)

// mutated: a remote that has other bytes of a file which entered changes nothing here while the file is here, is refused once it is evicted, and
// the command that the refusal names lets the others in. The log has both digests, and each step once.
func (s Suite) mutated(t *testing.T) {
	format := s.New().Name()
	path, ok := remotePaths[format]
	if !ok || format == "raw" { // the file of its suite may change: raw_test.TestMutatedAfterEviction
		return
	}
	var former, now []byte
	var at atomic.Pointer[url.URL]
	address := func(content string, to *[]byte) *url.URL {
		origin := s.serverWith(t, Options{AnonymousRead: true})
		*to = s.publish(t, origin, "example", "1.0.0", []byte("PK\x03\x04 "+content))
		u, err := url.Parse(origin.URL)
		origin.must(err)
		return u
	}
	first, second := address("first", &former), address("the second one", &now)
	at.Store(first)
	elsewhere := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(at.Load())
		r.Out.Host = r.In.Host // documents lead back here
	}})
	defer elsewhere.Close()

	clock := NewClock()
	srv := s.serverWith(t, Options{Core: []registrytest.Option{clock.Option()}})
	srv.Remote("mirror", format, elsewhere.URL+path)
	as := Admin
	later := func(d time.Duration) {
		clock.Later(d)
		as = As(srv.Token("*", access.Read)) // the others have ended
	}
	get := func(status int, content []byte) Response {
		t.Helper()
		res := srv.Do(as, s.Download("mirror", "example", "1.0.0"))
		if res.Status != status || content != nil && string(res.Body) != string(content) {
			t.Errorf("%v, want %d %q", res, status, content)
		}
		return res
	}
	evict := func() {
		t.Helper()
		done, err := srv.Upstreams.Evict(srv.Admin, "mirror", upstreams.Eviction{})
		srv.must(err)
		if done.Files != 1 {
			t.Errorf("evicted %+v", done)
		}
		_, err = srv.Maintain.Collect(srv.Admin, maintain.CollectOptions{Force: true})
		srv.must(err)
		later(time.Minute) // else the same bytes wait for the collector
	}
	told := func(want ...string) (last registry.EventData) {
		t.Helper()
		list, _, err := srv.Ledger.Events(srv.Admin, ledger.EventQuery{After: -1, Types: []string{"upstream.*", "cache.*"}})
		srv.must(err)
		var got []string
		for _, e := range list {
			last = registry.EventData{}
			srv.must(json.Unmarshal(e.Data, &last))
			got = append(got, strings.TrimSuffix(strings.TrimPrefix(e.Type, "dev.slipway."), ".v1"))
		}
		if !slices.Equal(got, want) {
			t.Errorf("the log has %q, want %q", got, want)
		}
		return last
	}
	sum := func(b []byte) string { return digest.FromBytes(b).Encoded() }

	get(http.StatusOK, former)
	listing, announced := map[string]string{"npm": "/npm/mirror/example", "pypi": "/pypi/mirror/simple/example/"}[format]
	at.Store(second)
	later(3 * time.Hour)
	for range 2 {
		get(http.StatusOK, former)
		if announced {
			srv.Do(as, Request{Method: http.MethodGet, Path: listing})
		}
		later(3 * time.Hour)
	}
	log := []string{"cache.entered"}
	if announced { // the registry's document tells
		log = append(log, "upstream.mutated")
	}
	told(log...)
	evict()
	if log = append(log, "cache.evicted"); !announced { // its bytes do
		log = append(log, "upstream.mutated")
	}
	var refusal Response
	for range 2 {
		refusal = get(http.StatusBadGateway, nil)
	}
	told(log...)
	srv.MustFsck(t)
	_, command, found := strings.Cut(string(refusal.Body), "slipway cache accept ")
	words := strings.Fields(command)
	if !found || len(words) < 6 || words[0] != "mirror" || words[1] != format || words[3] != "1.0.0" || words[5] != "lets" {
		t.Fatalf("the refusal does not say what to do: %v", refusal)
	}
	name, err := srv.Core.Rules.NameOf(words[0], words[1], words[2])
	srv.must(err)
	accept := func() error { return srv.Upstreams.Accept(srv.Admin, name.At(words[3]), words[4]) }
	srv.must(accept())
	log = append(log, "cache.replaced")
	if e := told(log...); len(e.Former) != 1 || e.Former[0].SHA256 != sum(former) || len(e.Files) != 1 || e.Files[0].SHA256 != sum(now) {
		t.Errorf("the log says of the bytes that took their place: %+v", e)
	}
	get(http.StatusOK, now)
	srv.MustFsck(t)
	if err := accept(); registry.KindOf(err) != registry.NotFound || err == nil {
		t.Errorf("nothing waits: %v", err)
	}
	_, err = srv.Upstreams.Evict(srv.Admin, "mirror", upstreams.Eviction{})
	srv.must(err)
	log = append(log, "cache.evicted")
	get(http.StatusOK, now) // the refusal is not remembered
	later(3 * time.Hour)
	evict()
	get(http.StatusOK, now)
	told(append(log, "cache.evicted")...)
	at.Store(first) // which is another one now
	later(3 * time.Hour)
	get(http.StatusOK, now)
	srv.MustFsck(t)
}
