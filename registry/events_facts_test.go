package registry_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"slipway/registry"
)

// TestEntryFacts: the facts that a version gets with an entry are all in the entry, once, and entries of before, which repeat them, are read
// as they were.
func TestEntryFacts(t *testing.T) {
	u := &registry.EventUpstream{Name: "up", PublishedAt: "2026-11-30T23:32:35.643000Z", Verified: "sha512", FirstSeenAt: "2026-12-01T00:00:00.000000Z"}
	own := registry.FactInput{Key: registry.FactSourceCommit, Value: "abc", Source: "npm:gitHead", Rank: registry.RankDeclared}
	other := registry.FactInput{Key: registry.FactUpstreamName, Value: "elsewhere", Source: "upstream:elsewhere", Rank: registry.RankObserved}
	seen := u.Seen()
	for _, c := range []struct {
		name   string
		from   *registry.EventUpstream
		facts  []registry.FactInput
		listed int // in the entry's facts
	}{
		{"of a first file", u, append(seen[:4:4], own), 1},
		{"of a bundle, that say it twice", u, slices.Concat(seen, seen, []registry.FactInput{own, other}), 6},
		{"of a further file, of which one is new", u, seen[2:3], 1},
		{"of a further file, of which none is new", u, nil, 0},
		{"of another remote", u, []registry.FactInput{other}, 1},
		{"of a remote that says little", &registry.EventUpstream{Name: "up"}, seen[:1], 0},
		{"of what is published here", nil, []registry.FactInput{own}, 1},
	} {
		d := registry.EventData{Upstream: c.from}
		d.State(c.facts)
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var read registry.EventData
		if err := json.Unmarshal(text, &read); err != nil {
			t.Fatal(err)
		}
		if len(read.Facts) != c.listed || sorted(read.Stated()) != sorted(c.facts) {
			t.Errorf("%s: %s says %v, want %v", c.name, text, read.Stated(), c.facts)
		}
	}
	if u.Facts {
		t.Error("what was given is changed")
	}
	var old registry.EventData // as it was written until the end of 2026
	if err := json.Unmarshal([]byte(`{"facts":[{"key":"upstream.name","value":"up","source":"upstream:up","rank":4},{"key":"upstream.verified","value":"sha256",`+
		`"source":"upstream:up","rank":4}],"upstream":{"name":"up","verified":"sha256"}}`), &old); err != nil || len(old.Stated()) != 2 {
		t.Errorf("%v, %v", old.Stated(), err)
	}
}

// sorted renders facts in one order.
func sorted(facts []registry.FactInput) string {
	var out []string
	for _, f := range facts {
		out = append(out, fmt.Sprint(f))
	}
	slices.Sort(out)
	return fmt.Sprint(out)
}
