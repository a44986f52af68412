package sqlite

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// TestReleasedMigrations: the steps of the schema are those that released binaries ran, byte by byte. A new step gets a line in
// testdata/migrations.sha256, in the form of sha256sum, and none is ever changed.
func TestReleasedMigrations(t *testing.T) {
	f, err := os.Open("testdata/migrations.sha256")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pinned := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		sum, name, _ := strings.Cut(lines.Text(), "  ")
		pinned[name] = sum
	}
	list, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		sum := sha256.Sum256([]byte(m.SQL))
		if got := hex.EncodeToString(sum[:]); got != pinned[m.Name] {
			t.Errorf("%s has the sum %s, pinned is %q", m.Name, got, pinned[m.Name])
		}
		delete(pinned, m.Name)
	}
	for name := range pinned {
		t.Errorf("%s is gone", name)
	}
}
