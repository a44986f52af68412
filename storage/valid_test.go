package storage_test

import (
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
)

func TestHex(t *testing.T) {
	good := strings.Repeat("0a", 32)
	if name, ok := storage.Hex(digest.Digest("sha256:" + good)); !ok || name != good {
		t.Errorf("Hex of a good digest = %q, %v", name, ok)
	}
	for _, d := range []digest.Digest{
		"", "sha256", "sha256:", digest.Digest(good), digest.Digest("sha512:" + good), digest.Digest("SHA256:" + good),
		digest.Digest("sha256:" + strings.ToUpper(good)), digest.Digest("sha256:" + good[1:]),
		digest.Digest("sha256:" + good + "0"), digest.Digest("sha256:" + good[:62] + "/x"),
		digest.Digest("sha256:" + strings.Repeat("../", 21) + "x"), digest.Digest("sha256:" + good[:63] + "\x00"),
		digest.Digest("sha256:" + good + "\n"),
	} {
		if name, ok := storage.Hex(d); ok {
			t.Errorf("Hex(%q) = %q, want it refused", d, name)
		}
	}
}

func TestValidID(t *testing.T) {
	for id, want := range map[string]bool{
		"0123456789abcdef":             true,
		"----------------":             true,
		strings.Repeat("z", 64):        true,
		strings.Repeat("z", 65):        false,
		"0123456789abcde":              false,
		"":                             false,
		"../0123456789abcdef":          false,
		"0123456789abcdef/..":          false,
		"0123456789ABCDEF":             false,
		"0123456789abcdef\x00":         false,
		"0123456789abcde.":             false,
		"0123456789abcdeé":             false,
		"0123456789abcdef\n":           false,
		`..\..\..\..\..\etc\passwd`:    false,
		"/tmp/0123456789abcdef":        false,
		"%2e%2e%2f0123456789abcdef%2f": false,
	} {
		if got := storage.ValidID(id); got != want {
			t.Errorf("ValidID(%q) = %v, want %v", id, got, want)
		}
	}
}
