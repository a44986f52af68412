package formats

import (
	"math"
	"testing"

	"slipway/internal/httpserver"
	"slipway/registry"
)

// TestKeyOf: a key tells packages, revisions and views apart, views of a package stay when it changes, and of two revisions the
// newer has the greater stamp.
func TestKeyOf(t *testing.T) {
	packages := []registry.Package{{ID: 1, Revision: 1}, {ID: 1, Revision: 2}, {ID: 1, Revision: 256}, {ID: 1, Revision: math.MaxInt64}, {ID: 2, Revision: 1}, {ID: 256, Revision: 1}, {}}
	seen := map[httpserver.DocumentKey]bool{}
	for _, view := range []string{"", "npm full", "npm full https://registry.example.com"} {
		for i, pkg := range packages {
			key := KeyOf(pkg, view)
			if seen[key] {
				t.Errorf("%q of %+v has the key of another document", view, pkg)
			}
			seen[key] = true
			for _, other := range packages[:i] {
				was := KeyOf(other, view)
				if same := other.ID == pkg.ID; (was.View == key.View) != same || was.Stamp == key.Stamp {
					t.Errorf("%+v is %q, %+v is %q", other, was, pkg, key)
				} else if same && was.Stamp > key.Stamp {
					t.Errorf("the older of %+v and %+v has the greater stamp", other, pkg)
				}
			}
		}
	}
	if whole, parts := KeyOf(packages[1], "npm full x"), KeyOf(packages[1], "npm ", "full", " ", "x"); whole != parts {
		t.Errorf("%q, of the parts %q", whole, parts)
	}
	base := "https://registry.example.com/somewhere"
	if n := testing.AllocsPerRun(100, func() { _ = KeyOf(packages[2], "npm full ", base) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}
