package mirror

import (
	"encoding/json"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// TestEntry: a log entry counts if the tree of the checkpoint has it, and if it is about the version that names it.
func TestEntry(t *testing.T) {
	leaf := `{"seq":0,"subject":"pkg:npm/web@1"}`
	for _, c := range []struct {
		leaf, purl string
		ok         bool
	}{
		{leaf, "pkg:npm/web@1", true}, {leaf, "pkg:npm/web@2", false}, {`{"seq":0,"subject":"pkg:npm/web@2"}`, "pkg:npm/web@2", false}, {`{"seq":1,"subject":"pkg:npm/web@1"}`, "pkg:npm/web@1", false},
	} {
		i := &importing{tree: tlog.Tree{N: 1, Hash: tlog.RecordHash([]byte(leaf))}, claimed: map[int64]string{0: c.purl}}
		raw, err := json.Marshal(bundledEntry{Leaf: c.leaf})
		if err != nil {
			t.Fatal(err)
		}
		if err := i.entry(raw); (err == nil) != c.ok || (len(i.claimed) == 0) != c.ok {
			t.Errorf("%s for %s: %v, %v", c.leaf, c.purl, err, i.claimed)
		}
	}
}
