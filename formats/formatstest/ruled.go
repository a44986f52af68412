package formatstest

import (
	"bytes"
	"cmp"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/internal/httpserver"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/catalog"
	"slipway/registry/policy"
	"slipway/registry/registrytest"
	"slipway/storage"
	"slipway/storage/mem"
)

// Cell is what a rule about a version means for a route that reads.
type Cell string

// Cells.
const (
	// Exact: the route names a version, or bytes of one. It is 403 where the version is denied or held, and as ever where it is hidden.
	Exact Cell = "exact"
	// Document: the route shows the versions of one package, and is 403 where all are denied, held or hidden.
	Document Cell = "document"
	// Page is a Document that says so in a page without versions.
	Page Cell = "page"
	// Names: the route lists packages, and leaves out those of which every version is denied.
	Names Cell = "names"
	// Apart: the route shows nothing of versions.
	Apart Cell = "apart"
)

// AddRule makes a rule of the whole server.
func (s *Server) AddRule(r metadata.Rule) policy.Rule {
	s.t.Helper()
	if r.Reason == "" {
		r.Reason = "the reason of the rule"
	}
	out, err := s.Policies.Add(s.Admin, policy.Rule{Rule: r})
	s.must(err)
	return out
}

// DropRules removes every rule.
func (s *Server) DropRules() {
	s.t.Helper()
	all, err := s.Policies.Rules(s.Admin, "")
	s.must(err)
	for _, r := range all {
		s.must(s.Policies.Remove(s.Admin, r.ID))
	}
}

// ruled asks every route that reads under each action of a rule, about the version that the examples are about: what the table says for its
// cell is what it answers. A route that the table lacks fails the test.
func (s Suite) ruled(t *testing.T) {
	srv := s.server(t)
	s.publish(t, srv, "example", "1.0.0", []byte("content"))
	kind := s.New().Rules().PURLType
	type asked struct {
		cell   Cell
		q      Request
		before Response
	}
	all := map[string]asked{}
	if s.Listing != nil {
		q := s.Listing(registry.DefaultRepository, "example")
		all["listing"] = asked{cmp.Or(s.Cells["listing"], Document), q, srv.Do(Admin, q)}
	}
	s.examples(t, srv, registry.DefaultRepository, func(route httpserver.Route, q Request) {
		if q.Method != http.MethodGet && q.Method != http.MethodHead {
			return
		}
		name := q.Method + " " + route.Name
		cell, ok := s.Cells[route.Name]
		if !ok {
			t.Errorf("%s: the suite doesn't say what rules mean for it", route.Name)
			return
		}
		all[name] = asked{cell, q, srv.Do(Admin, q)}
	})
	download := s.Download(registry.DefaultRepository, "example", "1.0.0")
	all["download"] = asked{cmp.Or(s.Cells["download"], Exact), download, srv.Do(Admin, download)}
	for _, c := range []struct {
		name           string
		rule           metadata.Rule
		served, listed bool // what it is about
	}{
		{"deny", metadata.Rule{Action: policy.Deny}, false, false},
		{"hold", metadata.Rule{Action: policy.Hold, MinAge: time.Hour}, false, false},
		{"hide", metadata.Rule{Action: policy.Hide}, true, false},
		{"allow", metadata.Rule{Action: policy.Allow}, true, true},
		{"pin", metadata.Rule{Action: policy.Pin}, true, true},
		{"audit", metadata.Rule{Action: policy.Deny, Mode: policy.Audit}, true, true},
	} {
		c.rule.Match = "pkg:" + kind + "/*"
		srv.AddRule(c.rule)
		for name, a := range all {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				res := srv.Do(Admin, a.q)
				want := a.before.Status
				found := want < http.StatusBadRequest
				switch {
				case a.cell == Exact && found && !c.served, a.cell == Document && found && !c.listed:
					want = http.StatusForbidden
				case a.cell == Page && !c.listed && a.q.Method == http.MethodGet && !bytes.Contains(res.Body, []byte("quarantined")):
					t.Errorf("%v: the page doesn't say that it is quarantined", res)
				case a.cell == Names && c.name == "deny" && bytes.Contains(res.Body, []byte("example")):
					t.Errorf("%v names what is denied", res)
				}
				if res.Status != want {
					t.Fatalf("%v, want %d", res, want)
				}
				if want == http.StatusForbidden && a.q.Method == http.MethodGet {
					s.explained(t, srv, res)
				}
			})
		}
		srv.DropRules()
	}
	for name, a := range all {
		if res := srv.Do(Admin, a.q); res.Status != a.before.Status {
			t.Errorf("%s after all rules are gone: %v, want %d", name, res, a.before.Status)
		}
	}
	srv.MustFsck(t)
}

// explained checks that a refusal has the reason of its rule, in the protocol's own form, and that it is kept under the id that it names.
func (s Suite) explained(t *testing.T, srv *Server, res Response) {
	t.Helper()
	if !bytes.Contains(res.Body, []byte("the reason of the rule")) || s.Refusal != nil && s.Refusal(res) != nil {
		t.Errorf("%v: not an error with the reason", res)
	}
	if !strings.Contains(res.Reason, "the reason of the rule") || !strings.Contains(res.Reason, "/why/") {
		t.Errorf("the reason phrase is %q", res.Reason)
	}
	_, id, _ := strings.Cut(res.Reason, "/why/")
	why, err := srv.Policies.Why(srv.Admin, id)
	if err != nil || why.Reason != "the reason of the rule" || why.Rule == nil {
		t.Errorf("why %q: %+v, %v", id, why, err)
	}
}

// linking is a store in memory that hands clients links to its bytes.
type linking struct{ storage.Store }

// Linking are the options of a server that answers every download with a link, where it may.
func Linking() Options {
	return Options{Core: []registrytest.Option{registrytest.WithBlobs(linking{mem.New()})}, Site: httpserver.Options{RedirectBytes: 1}}
}

// PresignGet implements storage.Presigner.
func (linking) PresignGet(_ context.Context, d digest.Digest, _ storage.PresignOptions, _ time.Duration) (string, error) {
	return "https://bucket.example.com/" + d.Encoded(), nil
}

// deniedBytes is upstreams.md acceptance 45: a rule about bytes refuses them at once on every route, in every repository, also where another
// version has them, and no link to them is handed out.
func (s Suite) deniedBytes(t *testing.T) {
	for name, o := range map[string]Options{"served": {}, "linked": Linking()} {
		t.Run(name, func(t *testing.T) {
			srv := s.serverWith(t, o)
			_, err := srv.Core.UpdateRepository(srv.Admin, OtherRepository, registry.RepositoryChange{Settings: s.Settings})
			srv.must(err)
			content := s.publish(t, srv, "example", "1.0.0", []byte("content"))
			if res := srv.Do(Admin, s.Publish(OtherRepository, "example", "1.0.0", content)); res.Status != s.Created {
				t.Fatal(res)
			}
			srv.Group(allRepository, OtherRepository, "main")
			ask := func(want int, what string) {
				t.Helper()
				for _, repository := range []string{"main", OtherRepository, allRepository} {
					q := s.Download(repository, "example", "1.0.0")
					for _, method := range []string{http.MethodGet, http.MethodHead} {
						q.Method = method
						for _, r := range []Request{q, q.With("Range", "bytes=0-1"), q.With("If-None-Match", `"x"`)} {
							res := srv.Do(Admin, r)
							if res.Status != want && (want != http.StatusOK || res.Status >= http.StatusBadRequest) || want == http.StatusForbidden && res.Header.Get("Location") != "" {
								t.Errorf("%s, %s %s %v: %v", what, repository, method, r.Header, res)
							}
						}
					}
				}
			}
			ask(http.StatusOK, "before")
			srv.AddRule(metadata.Rule{Action: policy.Deny, Match: digest.FromBytes(content).String()})
			ask(http.StatusForbidden, "denied")
			hits, err := srv.History.Search(srv.Admin, catalog.VersionSearch{Query: "digest:" + digest.FromBytes(content).String()})
			if err != nil || len(hits) < 2 {
				t.Errorf("a query finds %+v, %v", hits, err)
			}
			srv.DropRules()
			ask(http.StatusOK, "without the rule")
		})
	}
}
