package upstreams

import (
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/registry"
)

// TestSameSums: an announcement goes on only while a sum proves it.
func TestSameSums(t *testing.T) {
	sha256 := func(text string) Sums { return Sums{SHA256: digest.FromString(text)} }
	both := func(s, m string) Sums { return Sums{SHA256: digest.FromString(s), MD5: []byte(m)} }
	for _, c := range []struct {
		name          string
		before, after Sums
		same          bool
	}{
		{"none", Sums{}, Sums{}, true},
		{"added to none", Sums{}, sha256("a"), true},
		{"equal", sha256("a"), sha256("a"), true},
		{"one more", sha256("a"), both("a", "m"), true},
		{"one fewer", both("a", "m"), Sums{MD5: []byte("m")}, true},
		{"another", sha256("a"), sha256("b"), false},
		{"one of two differs", both("a", "m"), both("a", "n"), false},
		{"left out", sha256("a"), Sums{}, false},
		{"none in common", sha256("a"), Sums{MD5: []byte("m")}, false},
	} {
		if got := c.before.same(c.after); got != c.same {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestSeenAcrossIndexes: times go from index to index, also by way of the store.
func TestSeenAcrossIndexes(t *testing.T) {
	r := &remote{Upstream: &Upstream{}, repository: registry.Repository{}}
	at := func(day int) time.Time { return time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC) }
	day := 0
	var x *index
	next := func(versions ...string) {
		t.Helper()
		var in Index
		for _, v := range versions {
			in.Versions = append(in.Versions, registry.Version{Name: v[:1]})
			in.Entries = append(in.Entries, Entry{Version: v[:1], Path: "f", Sums: Sums{MD5: []byte(v)}})
		}
		prev := x
		day++
		x = newIndex(r, registry.Name{}, in, 0)
		x.continues(prev, at(day))
		x.dates = map[string]time.Time{"1": at(day)}
		stored, err := x.encodeSeen()
		if err != nil {
			t.Fatal(err)
		}
		again := newIndex(r, registry.Name{}, in, 0)
		if err := again.decodeSeen(stored); err != nil {
			t.Fatal(err)
		}
		if len(again.dates) != 1 || !again.dates["1"].Equal(at(day)) {
			t.Errorf("dates: %v", again.dates)
		}
		x = again
	}
	seen := func(version string, file, whole int) {
		t.Helper()
		for path, want := range map[string]int{"f": file, "": whole} {
			got := x.firstSeen(version, path)
			if want == 0 != got.IsZero() || want != 0 && !got.Equal(at(want)) {
				t.Errorf("day %d: %s %q was first seen at %s, want day %d", day, version, path, got, want)
			}
		}
	}
	next("a", "b")
	seen("a", 0, 0)
	next("a", "b", "c")
	seen("a", 0, 0)
	seen("c", 2, 2)
	next("a", "b2", "c")
	seen("b", 3, 0) // other bytes under the name are a new file
	seen("c", 2, 2)
	next("a")
	next("a", "b2", "c3")
	seen("b", 3, 0)
	seen("c", 5, 2)
	day += 31
	next("a")
	day += 31
	next("a", "b2")
	next("a", "b2")
	seen("a", 0, 0)
	seen("b", 69, 69) // after a month without it is a new one
}
