package upstreams_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/content"
	"slipway/registry/registrytest"
	"slipway/registry/upstreams"
)

func stageFile(path string) content.StageFile { return content.StageFile{Path: path} }

// TestRefusals: lists that make no sense are refused with what is wrong.
func TestRefusals(t *testing.T) {
	s := newScene(t, true, false)
	admins := func(names ...string) (out []access.Grant) {
		for _, n := range names {
			out = append(out, access.Grant{Repository: n, Actions: []access.Action{access.Read, access.Admin}})
		}
		return out
	}
	for name, c := range map[string]struct {
		err  error
		kind registry.Kind
		text string
	}{
		"a circle":         {s.tryLink(s.Admin, "a", "all", upstreams.Settings{}), registry.Invalid, "a → all → a"},
		"itself":           {s.tryLink(s.Admin, "a", "a", upstreams.Settings{}), registry.Invalid, "a → a"},
		"twice":            {s.tryLink(s.Admin, "all", "a", upstreams.Settings{}), registry.AlreadyExists, `"a" already`},
		"absent":           {s.tryLink(s.Admin, "all", "nowhere", upstreams.Settings{}), registry.NotFound, `no repository "nowhere"`},
		"hidden":           {s.tryLink(s.token(admins("all")...), "all", "main", upstreams.Settings{}), registry.NotFound, `no repository "main"`},
		"no administrator": {s.tryLink(s.token(reads("*")...), "all", "main", upstreams.Settings{}), registry.Denied, "may not admin"},
		"through without its administrator": {s.tryLink(s.token(append(admins("all"), reads("main")...)...), "all", "main", upstreams.Settings{Through: true}),
			registry.Denied, `an administrator of "main" must set it`},
		"an order that lacks one":      {s.Upstreams.Order(s.Admin, "all", []string{"a"}), registry.Invalid, "has 2 upstreams; the order names 1"},
		"an order with another":        {s.Upstreams.Order(s.Admin, "all", []string{"a", "c"}), registry.NotFound, `no upstream "c"`},
		"an order that repeats":        {s.Upstreams.Order(s.Admin, "all", []string{"a", "a"}), registry.Invalid, "twice"},
		"the removal of an absent one": {s.Upstreams.Remove(s.Admin, "all", "c"), registry.NotFound, `no upstream "c"`},
	} {
		if registry.KindOf(c.err) != c.kind || c.err == nil || !strings.Contains(c.err.Error(), c.text) {
			t.Errorf("%s: %v", name, c.err)
		}
	}
	for raw, text := range map[string]string{
		`{"mode":"second"}`:     `not "second"`,
		`{"formats":["cargo"]}`: `no format "cargo"`,
		`{"deny":[""]}`:         "no pattern",
		`{"deny":["a\nb"]}`:     "no pattern",
		`{"other":1}`:           "other",
		`{"through":"yes"}`:     `"through" of an upstream can't be a string`,
		`{"allow":["` + strings.Repeat("a", 300) + `"]}`: "no pattern",
	} {
		if _, err := s.Upstreams.ParseSettings(upstreams.Settings{}, json.RawMessage(raw)); registry.KindOf(err) != registry.Invalid || !strings.Contains(err.Error(), text) {
			t.Errorf("%.60s: %v", raw, err)
		}
	}
}

// TestRemoteSettings: a repository has none of the settings of remotes.
func TestRemoteSettings(t *testing.T) {
	s := newScene(t, true, false)
	for _, raw := range []string{`{"ttl":"1m"}`, `{"auth":{"type":"bearer","secret":"x"}}`, `{"tls":{"ca":"x"}}`, `{"rate":1}`, `{"proxy":"direct"}`, `{"timeouts":{"idle":"1s"}}`, `{"offline":true}`} {
		_, err := s.Upstreams.Change(s.Admin, "all", "a", func(now upstreams.Settings) (upstreams.Settings, error) {
			return s.Upstreams.ParseSettings(now, json.RawMessage(raw))
		})
		if registry.KindOf(err) != registry.Invalid || !strings.Contains(err.Error(), "are of remotes") {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// TestReach: what a repository reaches is bounded in number and in depth, also by links that are made further down.
func TestReach(t *testing.T) {
	s := newScene(t, true, false)
	s.create("chain0")
	var err error
	for i := 1; i <= 9 && err == nil; i++ {
		s.create(fmt.Sprintf("chain%d", i))
		err = s.tryLink(s.Admin, fmt.Sprintf("chain%d", i-1), fmt.Sprintf("chain%d", i), upstreams.Settings{})
	}
	if registry.KindOf(err) != registry.Invalid || !strings.Contains(err.Error(), `"chain0" would reach 10 places, 9 links deep`) {
		t.Errorf("deep: %v", err)
	}
	err = nil
	for i := 0; i < 30 && err == nil; i++ {
		s.create(fmt.Sprintf("wide%d", i))
		err = s.tryLink(s.Admin, "a", fmt.Sprintf("wide%d", i), upstreams.Settings{})
	}
	if registry.KindOf(err) != registry.Invalid || !strings.Contains(err.Error(), `"all" would reach 26 places`) {
		t.Errorf("wide: %v", err)
	}
}

// TestEdit: changes last, are noted in the log, and end with the other repository.
func TestEdit(t *testing.T) {
	s := newScene(t, true, false)
	want := upstreams.Settings{Formats: []string{registrytest.Format}, Deny: []string{"secret*"}, Mode: upstreams.First}
	s.change("all", "a", want)
	u, err := s.Upstreams.Get(s.Admin, "all", "a")
	if s.must(err); fmt.Sprint(u.Settings) != fmt.Sprint(want) || u.Member != "a" || u.Type != metadata.UpstreamRepository {
		t.Errorf("%+v", u)
	}
	partly, err := s.Upstreams.ParseSettings(want, json.RawMessage(`{"mode":"merge"}`))
	if s.must(err); partly.Mode != upstreams.Merge || len(partly.Deny) != 1 {
		t.Errorf("a change of one setting: %+v", partly)
	}
	s.must(s.Upstreams.Remove(s.Admin, "all", "a"))
	list, err := s.Upstreams.List(s.Admin, "all")
	if s.must(err); len(list) != 1 || list[0].Name != "b" {
		t.Errorf("%+v", list)
	}
	s.link("all", "a", upstreams.Settings{})
	s.must(s.Maintain.DeleteRepository(s.Admin, "a"))
	if list, err = s.Upstreams.List(s.Admin, "all"); err != nil || len(list) != 1 {
		t.Errorf("with a deleted repository: %+v, %v", list, err)
	}
	s.MustFsck(t)
}

// TestClaims: claims are kept in the format's spelling, by those who administer the place, and shown to those who may read it.
func TestClaims(t *testing.T) {
	s := newScene(t, true, false)
	add := func(repository, pattern string) upstreams.Claim {
		t.Helper()
		c, err := s.Upstreams.AddClaim(s.Admin, upstreams.Claim{Claim: metadata.Claim{Format: registrytest.Format, Pattern: pattern}, Repository: repository})
		s.must(err)
		return c
	}
	everywhere, here := add("", "Acme-*"), add("a", "tools.**")
	if everywhere.Pattern != "acme-*" {
		t.Errorf("stored as %q", everywhere.Pattern)
	}
	if _, err := s.Upstreams.AddClaim(s.Admin, upstreams.Claim{Claim: metadata.Claim{Format: registrytest.Format, Pattern: "ACME-*"}}); registry.KindOf(err) != registry.AlreadyExists {
		t.Errorf("twice: %v", err)
	}
	for _, bad := range []string{"", "*", "**"} {
		if _, err := s.Upstreams.AddClaim(s.Admin, upstreams.Claim{Claim: metadata.Claim{Format: registrytest.Format, Pattern: bad}}); registry.KindOf(err) != registry.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := s.Upstreams.AddClaim(s.token(reads("*")...), upstreams.Claim{Claim: metadata.Claim{Format: registrytest.Format, Pattern: "y"}}); registry.KindOf(err) != registry.Denied {
		t.Errorf("by a reader: %v", err)
	}
	list, err := s.Upstreams.Claims(s.token(reads("b")...), "")
	if s.must(err); len(list) != 1 || list[0].ID != everywhere.ID {
		t.Errorf("a reader of b sees %+v", list)
	}
	if list, err = s.Upstreams.Claims(s.Admin, "a"); err != nil || len(list) != 2 {
		t.Errorf("in a: %+v, %v", list, err)
	}
	if err := s.Upstreams.RemoveClaim(s.token(reads("a")...), here.ID); registry.KindOf(err) != registry.Denied {
		t.Errorf("removed by a reader: %v", err)
	}
	s.must(s.Upstreams.RemoveClaim(s.Admin, here.ID))
	if err := s.Upstreams.RemoveClaim(s.Admin, here.ID); registry.KindOf(err) != registry.NotFound {
		t.Errorf("removed twice: %v", err)
	}
}

// TestOrigins: an origin needs a reason, and ends when it is cleared.
func TestOrigins(t *testing.T) {
	s := newScene(t, true, false)
	for _, bad := range []metadata.Origin{{Origin: "else", Reason: "r"}, {Origin: upstreams.OriginBoth},
		{Origin: upstreams.OriginBoth, Reason: "r", ExpiresAt: time.Unix(1, 0)}} {
		if err := s.Upstreams.SetOrigin(s.Admin, named("a"), bad); registry.KindOf(err) != registry.Invalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	s.must(s.Upstreams.SetOrigin(s.Admin, named("a"), metadata.Origin{Origin: upstreams.OriginBoth, Reason: "we patch it"}))
	s.must(s.Upstreams.ClearOrigin(s.Admin, named("a")))
	if err := s.Upstreams.ClearOrigin(s.Admin, named("a")); registry.KindOf(err) != registry.NotFound {
		t.Errorf("cleared twice: %v", err)
	}
}

// TestMatchName: patterns over names.
func TestMatchName(t *testing.T) {
	for pattern, names := range map[string]string{
		"@acme/*":       "@acme/web @ACME/x !@acmetools/x !acme",
		"com.acme.**":   "com.acme:lib com.acme.web:app Com.Acme:lib !com.acmetools:lib !com:acme",
		"com.acme:*":    "com.acme:lib !com.acme.web:app",
		"team/**":       "team team/app team/a/b !teams/app",
		"acme-*":        "acme-x !acme",
		"lodash":        "lodash LODASH !lodash.merge",
		"*.internal.**": "com.internal:x org.internal.web:y !com.internals:x",
		"library/*":     "library/alpine !alpine",
	} {
		for name := range strings.FieldsSeq(names) {
			name, not := strings.CutPrefix(name, "!")
			if upstreams.MatchName(pattern, name) == not {
				t.Errorf("%s matches %s: %v", pattern, name, !not)
			}
		}
	}
}
