package api

import (
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

func TestParseTile(t *testing.T) {
	for path, want := range map[string]tlog.Tile{
		"0/000":                {H: 8, L: 0, N: 0, W: 256},
		"1/x001/x234/067":      {H: 8, L: 1, N: 1234067, W: 256},
		"2/001.p/17":           {H: 8, L: 2, N: 1, W: 17},
		"entries/000":          {H: 8, L: -1, N: 0, W: 256},
		"entries/x001/002.p/9": {H: 8, L: -1, N: 1002, W: 9},
	} {
		if got, ok := parseTile(path); !ok || got != want {
			t.Errorf("%s: %+v, %v", path, got, ok)
		}
	}
}

// FuzzParseTile: what is accepted has exactly one spelling and stays within what a log can have.
func FuzzParseTile(f *testing.F) {
	for _, s := range []string{"0/000", "1/x001/x234/067", "2/001.p/17", "entries/000", "data/000", "0/0", "0/000.p/256", "+0/000", "0/x000/000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tile, ok := parseTile(s)
		if !ok {
			return
		}
		if tile.H != tileHeight || tile.L < -1 || tile.L > maxTileLevel || tile.N < 0 || tile.W < 1 || tile.W > 256 {
			t.Fatalf("%q: %+v", s, tile)
		}
		back := strings.TrimPrefix(tile.Path(), "tile/8/")
		if strings.Replace(back, "data/", "entries/", 1) != s {
			t.Fatalf("%q is another spelling of %q", s, back)
		}
	})
}
