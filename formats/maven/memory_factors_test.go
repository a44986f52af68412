package maven

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
)

// TestMemoryFactors measures what a byte of a document costs while it is read, by documents that are made to cost much: no more than
// what is asked for.
func TestMemoryFactors(t *testing.T) {
	const size = 256 << 10
	measure := func(name string, factor int64, body []byte, read func(raw []byte) any) {
		t.Helper()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		kept := read(body)
		runtime.GC()
		runtime.ReadMemStats(&after)
		live := (float64(after.HeapAlloc) - float64(before.HeapAlloc)) / float64(len(body))
		t.Logf("%s: %.1f bytes are kept for each, of %.1f allocated", name, live, float64(after.TotalAlloc-before.TotalAlloc)/float64(len(body)))
		if live > float64(factor) {
			t.Errorf("%s: a byte costs %.1f bytes, not %d", name, live, factor)
		}
		runtime.KeepAlive(kept)
	}
	files := `{"variants":[{"files":[` + strings.Repeat("{},", size/3) + `{}]}]}`
	measure(".module of empty files", moduleFactor, []byte(files), func(raw []byte) any {
		list, err := readModule(bytes.NewReader(raw))
		must(t, err)
		return list
	})
	pom := `<project><modelVersion>4.0.0</modelVersion><groupId>g</groupId><artifactId>a</artifactId><version>1</version><licenses>` +
		strings.Repeat("<license><name>n</name></license>", size/32) + `</licenses></project>`
	measure("POM of licenses", pomFactor, []byte(pom), func(raw []byte) any {
		p, err := parsePOM(raw)
		if err != nil {
			t.Log(err)
		}
		return p
	})
}
