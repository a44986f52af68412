package formatstest

import (
	"bytes"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/deploy"
	"slipway/registry/maintain"
	"slipway/registry/policy"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
	"slipway/registry/upstreams"
)

// remotePaths are the addresses of the repository "main" for servers that have it as a remote; formats whose files are not their versions' bytes.
var remotePaths = map[string]string{"npm": "/npm/main/", "pypi": "/pypi/main/simple/", "maven": "/maven/main/", "raw": "/raw/main/"}

// evicted: files of a remote go to half of their bytes while clients read them, and come again as they were, without a
// further log entry; what is deployed, tagged and pinned stays.
func (s Suite) evicted(t *testing.T) {
	format := s.New().Name()
	path, ok := remotePaths[format]
	if !ok {
		return
	}
	origin := s.serverWith(t, Options{AnonymousRead: true})
	versions := []string{"1.0.0", "2.0.0", "3.0.0", "4.0.0"}
	content := map[string][]byte{}
	for _, v := range versions {
		content[v] = s.publish(t, origin, "example", v, []byte("PK\x03\x04 content of "+v)) // Maven takes nothing else for a jar
	}
	clock := NewClock()
	srv := s.serverWith(t, Options{Core: []registrytest.Option{clock.Option()}})
	srv.Remote("mirror", format, origin.URL+path)
	get := func(version string) {
		if res := srv.Do(Admin, s.Download("mirror", "example", version)); res.Status != http.StatusOK || !bytes.Equal(res.Body, content[version]) {
			t.Errorf("%s: %v", version, res)
		}
	}
	for _, v := range versions {
		get(v)
	}
	list := func(state string) map[string]upstreams.CachedEntry {
		found, err := srv.Upstreams.Cached(srv.Admin, "mirror", upstreams.CachedQuery{State: state})
		srv.must(err)
		out := map[string]upstreams.CachedEntry{}
		for _, c := range found {
			out[c.Version.Name] = c
		}
		return out
	}
	at := list("")["1.0.0"]
	name := registry.Name{Repository: "mirror", Format: format, Package: at.Key, Display: at.Package}
	_, _, err := srv.Deploy.ReportDeployment(srv.Admin, deploy.Report{Environment: "prod", Service: "web", Repository: "mirror", Digest: digest.FromBytes(content["1.0.0"]), Status: deploy.DeploymentSucceeded})
	srv.must(err)
	_, err = srv.Publisher.SetTag(srv.Admin, name, "ours", publish.TagChange{Version: "2.0.0"})
	srv.must(err)
	_, err = srv.Policies.Add(srv.Admin, policy.Rule{Rule: metadata.Rule{Action: policy.Pin, Match: digest.FromBytes(content["3.0.0"]).String(), Reason: "we need it", Mode: policy.Enforce}, Repository: "mirror"})
	srv.must(err)
	size := srv.logSize()

	var clients sync.WaitGroup
	for range 50 {
		clients.Go(func() {
			for _, v := range versions {
				get(v)
			}
		})
	}
	half := at.Size * 2
	for range 5 {
		_, err := srv.Upstreams.Evict(srv.Admin, "mirror", upstreams.Eviction{Bytes: &half})
		srv.must(err)
	}
	clients.Wait()
	http.DefaultClient.CloseIdleConnections() // the server's end waits for connections that were never used

	done, err := srv.Upstreams.Evict(srv.Admin, "mirror", upstreams.Eviction{})
	srv.must(err)
	gone := list("evicted")
	if _, left := gone["4.0.0"]; !left || len(gone) != 1 || done.Files > 1 {
		t.Errorf("evicted: %v, %+v", gone, done)
	}
	report, err := srv.Maintain.Collect(srv.Admin, maintain.CollectOptions{Force: true})
	srv.must(err)
	if report.Bytes < int64(len(content["4.0.0"])) {
		t.Errorf("collected %+v", report)
	}
	clock.Later(time.Minute) // else the same bytes wait for the collector
	srv.MustFsck(t)
	events := srv.logSize()
	for _, v := range versions {
		get(v)
	}
	if srv.logSize() != events || events == size {
		t.Errorf("%d entries more by files that came again; %d by evictions", srv.logSize()-events, events-size)
	}
	if len(list("evicted")) != 0 {
		t.Errorf("still gone: %v", list("evicted"))
	}
	srv.MustFsck(t)
}
