package sqlstore

import (
	"fmt"
	"strings"

	"slipway/metadata"
)

// Looking is a Session that runs several queries in one round trip.
type Looking interface {
	Session
	// Look runs queries and hands the rows of the i-th to found(i). What rows hold is valid for as long as the caller keeps it.
	Look(queries []Lookup, found func(i int, r Kept)) error
}

// Lookup is a query.
type Lookup struct {
	Text string
	Args []any
}

// Kept are rows in memory, which Next goes through as often as Rewind is called.
type Kept interface {
	Rows
	Rewind()
}

// mostAhead bounds the names of one kind that are looked up for hints.
const mostAhead = 8

// ahead are the answers of queries that were asked before an update needs them, in one round trip.
type ahead struct {
	s       Looking
	hints   []metadata.Hint
	asking  *[]Lookup // not nil while look-ups are collected instead of run
	answers map[string]answer
}

type answer struct {
	text string
	rows Kept
}

// Expect names rows that the update is going to ask for.
func (t *Tx) Expect(s Looking, hints []metadata.Hint) { t.ahead = ahead{s: s, hints: hints} }

func lookupKey(text string, args []any) string { return fmt.Sprintf("%s\x00%#v", text, args) }

// lookAhead asks for what hints name in a package, once its row is known.
func (t *Tx) lookAhead(p metadata.Package) error {
	var list []Lookup
	for _, h := range t.ahead.hints {
		if h.Repository != p.Repository || h.Format != p.Format || h.Package != p.Key {
			continue
		}
		t.ahead.asking = &list
		for _, name := range append([]string{p.Latest}, h.Versions[:min(len(h.Versions), mostAhead)]...) {
			_, _ = t.Versions().Version(p.ID, name) // it is only noted
		}
		for _, name := range h.Tags[:min(len(h.Tags), mostAhead)] {
			_, _ = t.Tags().Tag(p.ID, name)
			_, _ = t.Tags().TagHistory(p.ID, name, metadata.Page{Limit: 1})
		}
		t.ahead.asking = nil
		break
	}
	t.ahead.hints = nil // once
	if len(list) == 0 {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ahead.answers = make(map[string]answer, len(list))
	if err := t.ahead.s.Look(list, func(i int, rows Kept) {
		t.ahead.answers[lookupKey(list[i].Text, list[i].Args)] = answer{list[i].Text, rows}
	}); err != nil {
		return t.fail(err)
	}
	return nil
}

// known returns the rows of a query that was asked ahead; nil: it was not, or a write has touched a table of it since.
func (t *Tx) known(text string, args []any) Kept {
	if len(t.ahead.answers) == 0 {
		return nil
	}
	return t.ahead.answers[lookupKey(text, args)].rows
}

// outdate drops the answers that a write to a table may change.
func (t *Tx) outdate(table string) {
	for key, a := range t.ahead.answers {
		if strings.Contains(a.text, table) {
			delete(t.ahead.answers, key)
		}
	}
}
