package formatstest

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/deploy"
	"slipway/registry/maintain"
)

// deployed is incident D-3: a version that runs somewhere stays, whatever the protocol's own routes delete and the collector
// takes, and the refusal says where it runs. After another deployment it can go.
func (s Suite) deployed(t *testing.T) {
	srv := s.server(t)
	first := s.publish(t, srv, "example", "1.0.0", []byte("first"))
	second := s.publish(t, srv, "example", "2.0.0", []byte("second"))
	report := func(content []byte) registry.Deployment {
		t.Helper()
		d, _, err := srv.Deploy.ReportDeployment(srv.Admin, deploy.Report{Environment: "prod", Service: "web", Repository: "main",
			Digest: digest.FromBytes(content), Status: deploy.DeploymentSucceeded})
		srv.must(err)
		return d
	}
	old := report(first)
	collect := func() {
		t.Helper()
		_, err := srv.Maintain.Collect(srv.Admin, maintain.CollectOptions{Force: true})
		srv.must(err)
	}
	intact := func(t *testing.T, after string) {
		t.Helper()
		if res := srv.Do(Admin, s.Download("main", "example", "1.0.0")); res.Status != http.StatusOK || !bytes.Equal(res.Body, first) {
			t.Errorf("after %s: %v", after, res)
		}
	}
	s.walk(t, srv, "main", func(t *testing.T, route httpserver.Route, q Request) {
		if q.Method != http.MethodDelete {
			return
		}
		res := srv.Do(Admin, q)
		if strings.Contains(route.Name, "delete") || strings.Contains(route.Name, "unpublish") {
			if text := string(res.Body); res.Status < 400 || res.Status >= 500 || !strings.Contains(text, "runs it in environment") || !strings.Contains(text, "prod") {
				t.Errorf("%v, want a refusal that says where the version runs", res)
			}
		}
		collect()
		intact(t, route.Name)
	})
	name := registry.Name{Repository: "main", Format: old.Format, Package: old.Package, Display: old.Package}
	if err := srv.Publisher.Delete(srv.Admin, name.At(old.Version), ""); registry.KindOf(err) != registry.Conflict || err == nil {
		t.Errorf("deletion through the common API: %v", err)
	}
	report(second)
	srv.must(srv.Publisher.Delete(srv.Admin, name.At(old.Version), ""))
	collect()
	srv.MustFsck(t)
}
