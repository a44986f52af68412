package formatstest

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"testing"

	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/ledger"
	"slipway/registry/upstreams"
)

// groupWrites: what is sent to a repository whose upstream takes its writes is answered, done and told in the log as if it were sent to
// that upstream, is read through the repository at once, and needs the right in both.
func (s Suite) groupWrites(t *testing.T) {
	direct, through := s.emptyGroup(t, upstreams.Settings{Writes: true}), s.emptyGroup(t, upstreams.Settings{Writes: true})
	want, got := s.written(t, direct, registry.DefaultRepository), s.written(t, through, allRepository)
	if !slices.Equal(got, want) {
		t.Errorf("through the repository:\n%q\nto its upstream:\n%q", got, want)
	}
	content := s.Content("example", "7.0.0", []byte("mine"))
	publish := s.Publish(allRepository, "example", "7.0.0", content)
	both := grants([]access.Action{access.Read, access.Publish}, allRepository, registry.DefaultRepository)
	for name, g := range map[string][]access.Grant{
		"in the upstream alone":   grants([]access.Action{access.Read, access.Publish}, registry.DefaultRepository),
		"in the repository alone": grants([]access.Action{access.Read, access.Publish}, allRepository),
		"to read the upstream": append(grants([]access.Action{access.Read, access.Publish}, allRepository),
			grants([]access.Action{access.Read}, registry.DefaultRepository)...),
	} {
		if res := through.Do(through.UserToken("x"+fmt.Sprint(len(name)), 0, g...), publish); res.Status != http.StatusForbidden && res.Status != http.StatusNotFound {
			t.Errorf("with the right %s: %v", name, res)
		}
	}
	as := through.UserToken("wanda", 0, both...)
	if res := through.Do(as, publish); res.Status != s.Created {
		t.Fatalf("publish: %v", res)
	}
	if res := through.Do(as, s.Download(allRepository, "example", "7.0.0")); res.Status != http.StatusOK || !bytes.Equal(res.Body, content) {
		t.Errorf("what was published is read: %v", res)
	}
	through.MustFsck(t)
}

// address is that of a server of a test.
var address = regexp.MustCompile(`127\.0\.0\.1:\d+`)

func grants(actions []access.Action, repositories ...string) (out []access.Grant) {
	for _, r := range repositories {
		out = append(out, access.Grant{Repository: r, Actions: actions})
	}
	return out
}

// written publishes a version into a repository, sends it every example that changes something, and returns the answers, and the log but
// for times and ids.
func (s Suite) written(t *testing.T, srv *Server, repository string) (out []string) {
	t.Helper()
	if res := srv.Do(Admin, s.Publish(repository, "example", "1.0.0", s.Content("example", "1.0.0", []byte("first")))); res.Status != s.Created {
		t.Fatalf("publish into %s: %v", repository, res)
	}
	s.examples(t, srv, repository, func(route httpserver.Route, q Request) {
		if q.Method != http.MethodGet && q.Method != http.MethodHead && !slices.Contains(s.Public, route.Name) {
			out = append(out, fmt.Sprint(q.Method, " ", route.Name, " ", srv.Do(Admin, q).Status))
		}
	})
	events, _, err := srv.Ledger.Events(srv.Admin, ledger.EventQuery{Limit: registry.MaxPage})
	srv.must(err)
	for _, e := range events {
		if bytes.Contains(e.Data, []byte(`"package":`)) {
			out = append(out, address.ReplaceAllString(e.Type+" "+e.Subject+" "+string(e.Data), "HOST"))
		}
	}
	return out
}
