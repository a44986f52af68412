package archive

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// table makes a zip of empty entries whose names have about a length.
func table(t testing.TB, entries, length int) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := range entries {
		_, err := z.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("%06d%s", i, strings.Repeat("n", length-6))})
		must(t, err)
	}
	must(t, z.Close())
	return b.Bytes()
}

// TestTableMemory measures what tables of contents cost in memory, while Open reads them and afterwards: no more than what is asked for.
func TestTableMemory(t *testing.T) {
	for _, c := range []struct{ entries, length int }{{20_000, 6}, {2_000, 1000}} {
		file := table(t, c.entries, c.length)
		w, asked := bytesWindow(file), int64(0)
		w.Hold = func(n int64) error { asked += n; return nil }
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		z, err := Zip{MaxRatio: 50, MaxEntries: 200_000}.Open(w)
		runtime.ReadMemStats(&after)
		must(t, err)
		cost := int64(after.TotalAlloc - before.TotalAlloc) //nolint:gosec // small: all that was ever allocated, so the peak is below it
		t.Logf("%d entries of %d bytes: %d bytes for each, %d were asked for", c.entries, c.length, cost/int64(c.entries), asked/int64(c.entries))
		if asked < cost {
			t.Errorf("%d entries of %d bytes: %d bytes are allocated, and only %d were asked for", c.entries, c.length, cost, asked)
		}
		runtime.KeepAlive(z)
	}
}

// TestTableRefused: a table of contents for which there is no memory is not read.
func TestTableRefused(t *testing.T) {
	w, full := bytesWindow(table(t, 65_535, 6)), errors.New("full")
	w.Hold = func(int64) error { return full }
	if _, err := (Zip{MaxRatio: 50, MaxEntries: 200_000}).Open(w); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
	if len(w.blocks) > 2 {
		t.Errorf("%d blocks were read", len(w.blocks))
	}
}
