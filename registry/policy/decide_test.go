package policy

import (
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
)

var now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// formats are three: one whose versions have an order, one of images, one whose names have two parts.
var formats = map[string]registry.Rules{
	"npm": {PURLType: "npm", Normalize: func(n string) (string, error) { return n, nil }, Order: func(v string) []byte { return []byte(v) }},
	"oci": {PURLType: "oci", Images: true, Normalize: func(n string) (string, error) { return n, nil }},
	"maven": {PURLType: "maven", Normalize: func(n string) (string, error) { return n, nil },
		FromPURL: func(p registry.PURL) (string, error) { return p.Namespace + ":" + p.Name, nil }},
}

func made(t *testing.T, r metadata.Rule) *rule {
	t.Helper()
	if r.Mode == "" {
		r.Mode = Enforce
	}
	if r.Reason == "" {
		r.Reason = "because"
	}
	out, err := compile(r, formats)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestMatch: what a rule names.
func TestMatch(t *testing.T) {
	sum := digest.FromString("bytes")
	for _, c := range []struct {
		match, format, pkg string
		s                  Subject
		want               bool
	}{
		{"pkg:*", "npm", "a", Subject{}, true},
		{"pkg:npm/*", "npm", "@acme/a", Subject{Version: "1"}, true},
		{"pkg:npm/*", "oci", "a", Subject{Version: "1"}, false},
		{"pkg:npm/a", "npm", "a", Subject{Version: "1"}, true},
		{"pkg:npm/A", "npm", "a", Subject{Version: "1"}, true},
		{"pkg:npm/a", "npm", "ab", Subject{Version: "1"}, false},
		{"pkg:npm/@acme/*", "npm", "@acme/a", Subject{Version: "1"}, true},
		{"pkg:npm/%40acme/*@2", "npm", "@acme/a", Subject{Version: "2"}, true},
		{"pkg:npm/a@1.*", "npm", "a", Subject{Version: "1.5"}, true},
		{"pkg:npm/a@1.*", "npm", "a", Subject{Version: "2.5"}, false},
		{"pkg:npm/a@<2", "npm", "a", Subject{Version: "1", SortKey: []byte("1")}, true},
		{"pkg:npm/a@<2", "npm", "a", Subject{Version: "2", SortKey: []byte("2")}, false},
		{"pkg:npm/a@<=2", "npm", "a", Subject{Version: "2", SortKey: []byte("2")}, true},
		{"pkg:npm/a@>2", "npm", "a", Subject{Version: "2", SortKey: []byte("2")}, false},
		{"pkg:npm/a@>=2,<4", "npm", "a", Subject{Version: "2", SortKey: []byte("2")}, true},
		{"pkg:npm/a@>=2,<4", "npm", "a", Subject{Version: "4", SortKey: []byte("4")}, false},
		{"pkg:npm/a@<2", "npm", "a", Subject{Version: "1"}, false},
		{"pkg:maven/com.acme/*", "maven", "com.acme:lib", Subject{Version: "1"}, true},
		{"pkg:maven/com.acme/*", "maven", "com.acmetools:lib", Subject{Version: "1"}, false},
		{"pkg:oci/team/*", "oci", "team/app", Subject{}, true},
		{"pkg:oci/app@" + sum.String(), "oci", "app", Subject{Version: sum.String()}, true},
		{sum.String(), "npm", "a", Subject{Version: "1", Digest: sum}, true},
		{sum.String(), "npm", "a", Subject{Version: "1", Digest: digest.FromString("others")}, false},
	} {
		r := made(t, metadata.Rule{Action: Deny, Match: c.match})
		if got := (r.digest != "" || r.names(c.format, c.pkg)) && r.matches(c.s); got != c.want {
			t.Errorf("%s of %s %s %+v: %v", c.match, c.format, c.pkg, c.s, got)
		}
	}
}

// TestRefusedRules: a rule that would have no effect, or that its format can't enforce, is refused when it is made.
func TestRefusedRules(t *testing.T) {
	ok := metadata.Rule{Action: Deny, Match: "pkg:npm/a", Reason: "because", Mode: Enforce}
	for what, change := range map[string]func(*metadata.Rule){
		"no reason":                   func(r *metadata.Rule) { r.Reason = "" },
		"an unknown action":           func(r *metadata.Rule) { r.Action = "forbid" },
		"an unknown mode":             func(r *metadata.Rule) { r.Mode = "warn" },
		"an unknown type":             func(r *metadata.Rule) { r.Match = "pkg:cargo/a" },
		"no type":                     func(r *metadata.Rule) { r.Match = "lodash" },
		"hold without an age":         func(r *metadata.Rule) { r.Action = Hold },
		"deny with an age":            func(r *metadata.Rule) { r.MinAge = time.Hour },
		"an audit of what is allowed": func(r *metadata.Rule) { r.Action, r.Mode = Allow, Audit },
		"a range without an order":    func(r *metadata.Rule) { r.Match = "pkg:maven/a/b@<2" },
		"a range of images":           func(r *metadata.Rule) { r.Match = "pkg:oci/a@<2" },
		"a tag of an image":           func(r *metadata.Rule) { r.Match = "pkg:oci/a@latest" },
		"bytes that are held":         func(r *metadata.Rule) { r.Action, r.MinAge, r.Match = Hold, time.Hour, digest.FromString("x").String() },
		"bytes that are hidden":       func(r *metadata.Rule) { r.Action, r.Match = Hide, digest.FromString("x").String() },
		"half a digest":               func(r *metadata.Rule) { r.Match = "sha256:12" },
		"no version":                  func(r *metadata.Rule) { r.Match = "pkg:npm/a@" },
		"half a range":                func(r *metadata.Rule) { r.Match = "pkg:npm/a@<>2" },
	} {
		r := ok
		change(&r)
		if _, err := compile(r, formats); err == nil || registry.KindOf(err) != registry.Invalid {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := compile(ok, formats); err != nil {
		t.Error(err)
	}
}

// TestDecide: the first rule that matches and says anything decides; each repository on the way decides by itself, and the strictest counts.
func TestDecide(t *testing.T) {
	rules := func(list ...metadata.Rule) (out []*rule) {
		for _, r := range list {
			out = append(out, made(t, r))
		}
		return out
	}
	deny, hide := metadata.Rule{ID: 1, Action: Deny, Match: "pkg:npm/a"}, metadata.Rule{ID: 2, Action: Hide, Match: "pkg:npm/a"}
	allow, hold := metadata.Rule{ID: 3, Action: Allow, Match: "pkg:npm/a"}, metadata.Rule{ID: 4, Action: Hold, Match: "pkg:npm/a", MinAge: 72 * time.Hour}
	expiring, over := allow, deny
	expiring.ExpiresAt, over.ExpiresAt = now.Add(time.Hour), now
	audit, pin := deny, deny
	audit.Mode, pin.Action = Audit, Pin
	young, old := Age{PublishedAt: now.Add(-time.Hour)}, Age{PublishedAt: now.Add(-100 * time.Hour)}
	upstream := Age{PublishedAt: now.Add(-time.Hour), Minimum: 24 * time.Hour}
	late := Age{PublishedAt: now.Add(-1000 * time.Hour), FirstSeenAt: now.Add(-time.Hour), Minimum: 24 * time.Hour}
	var never time.Time
	for _, c := range []struct {
		what           string
		lists          [][]*rule
		age            Age
		want           Outcome
		ruleID         int64
		until, changes time.Time
	}{
		{"no rule", [][]*rule{nil}, young, Allowed, 0, never, never},
		{"deny", [][]*rule{rules(deny)}, young, Denied, 1, never, never},
		{"the first decides", [][]*rule{rules(allow, deny)}, young, Allowed, 3, never, never},
		{"hide", [][]*rule{rules(hide, deny)}, young, Hidden, 2, never, never},
		{"an expired rule", [][]*rule{rules(over)}, young, Allowed, 0, never, never},
		{"until an exemption ends", [][]*rule{rules(expiring, deny)}, young, Allowed, 3, never, now.Add(time.Hour)},
		{"pin says nothing", [][]*rule{rules(pin)}, young, Allowed, 0, never, never},
		{"hold, young", [][]*rule{rules(hold)}, young, Held, 4, now.Add(71 * time.Hour), now.Add(71 * time.Hour)},
		{"hold, old", [][]*rule{rules(hold)}, old, Allowed, 0, never, never},
		{"hold, old, and denied by the next", [][]*rule{rules(hold, deny)}, old, Denied, 1, never, never},
		{"hold without a known age", [][]*rule{rules(hold)}, Age{}, Allowed, 0, never, never},
		{"hold, and the age is not asked for", [][]*rule{rules(hold)}, Age{PublishedAt: now, None: true}, Allowed, 0, never, never},
		{"minimum age", [][]*rule{nil}, upstream, Held, 0, now.Add(23 * time.Hour), now.Add(23 * time.Hour)},
		{"allow exempts from it", [][]*rule{rules(allow)}, upstream, Allowed, 3, never, never},
		{"first seen late with an old date", [][]*rule{nil}, late, Held, 0, now.Add(23 * time.Hour), now.Add(23 * time.Hour)},
		{"a shorter hold in place of the minimum age", [][]*rule{rules(metadata.Rule{Action: Hold, Match: "pkg:npm/a", MinAge: time.Minute})}, upstream, Allowed, 0, never, never},
		{"an unknown age", [][]*rule{nil}, Age{Minimum: time.Hour}, Allowed, 0, never, never},
		{"an unknown age that is refused", [][]*rule{nil}, Age{Minimum: time.Hour, Unknown: true}, Held, 0, never, never},
		{"what the inner one refuses", [][]*rule{rules(allow), rules(deny)}, young, Denied, 1, never, never},
		{"what the outer one refuses", [][]*rule{rules(deny), rules(allow)}, young, Denied, 1, never, never},
		{"the minimum age is that of the inner one", [][]*rule{rules(allow), nil}, upstream, Held, 0, now.Add(23 * time.Hour), now.Add(23 * time.Hour)},
		{"an exemption outside, a change inside", [][]*rule{rules(expiring), rules(hold)}, young, Held, 4, now.Add(71 * time.Hour), now.Add(time.Hour)},
	} {
		d := scope{c.lists}.decide(Subject{Version: "1", Age: c.age}, now)
		if d.Outcome != c.want || d.RuleID != c.ruleID || !d.Until.Equal(c.until) || !d.Changes.Equal(c.changes) {
			t.Errorf("%s: %+v", c.what, d)
		}
	}
	d := scope{[][]*rule{rules(audit, hide)}}.decide(Subject{Version: "1", Age: young}, now)
	if d.Outcome != Hidden || d.Audit == nil || d.Audit.Outcome != Denied {
		t.Errorf("an audit ends the search: %+v", d)
	}
}
