package policy

import (
	"fmt"
	"strings"
	"testing"

	"slipway/metadata"
	"slipway/registry"
)

// fakeLog is a log of arrivals.
type fakeLog struct {
	metadata.Log
	size int64
}

func (l fakeLog) Entries(q metadata.EntryQuery) (out []metadata.Entry, err error) {
	for seq := q.After + 1; seq < l.size && len(out) < q.Limit; seq++ {
		out = append(out, metadata.Entry{Seq: seq})
	}
	return out, nil
}

// TestReplay: pages of changes end within entries that have many, begin where the page before has ended, and look through a bounded part of the log.
func TestReplay(t *testing.T) {
	changes := func(e registry.Entry) (out []Simulated) {
		if e.Seq%3 == 0 && e.Seq < 10 {
			for i := range e.Seq + 1 {
				out = append(out, Simulated{Path: fmt.Sprintf("%d/%d", e.Seq, i)})
			}
		}
		return out
	}
	var want []string
	for seq := range int64(10) {
		for _, s := range changes(registry.Entry{Seq: seq}) {
			want = append(want, s.Path)
		}
	}
	for _, limit := range []int{1, 3, 4, 7, 100} {
		var got []string
		pages, at := 0, simulationPlace{seq: -1}
		for ; ; pages++ {
			list, next, err := replay(fakeLog{size: 250_000}, at, limit, changes)
			if err != nil || len(list) > limit {
				t.Fatal(len(list), err)
			}
			for _, s := range list {
				got = append(got, s.Path)
			}
			if next == "" {
				break
			}
			if at, err = simulationPlaceOf(next); err != nil {
				t.Fatal(err)
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") || pages < 2 {
			t.Errorf("by %d in %d pages: %q, want %q", limit, pages, got, want)
		}
	}
	for _, cursor := range []string{"x", "1", "1.x", "-2.0", "1.-1", "1.2.3"} {
		if _, err := simulationPlaceOf(cursor); registry.KindOf(err) != registry.Invalid {
			t.Errorf("%q: %v", cursor, err)
		}
	}
}
