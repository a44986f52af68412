package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// verify compares what readers see with what was acknowledged to the clients, and resolves unknown outcomes: of all
// versions, or only of those changed since the last look. Of the interrupted publishes that left nothing visible, half are
// dropped; the clients try the others again.
func (l *ledger) verify(everything bool) {
	var kept []*tracked
	for _, c := range l.callers {
		c.read = map[string]answer{}
	}
	for _, v := range l.versions {
		if v.settled && !everything || l.owner(v).verifyVersion(v) {
			kept = append(kept, v)
		} else {
			l.cut++
		}
	}
	l.versions = kept
	for _, tag := range l.tags {
		l.callers[0].verifyTag(tag)
	}
}

// mostAgain is how many versions are looked at again when not all are.
const mostAgain = 50

// again looks once more at what is known for certain: at all of it, or at the newest versions.
func (l *ledger) again(everything bool) {
	for _, c := range l.callers {
		c.read = map[string]answer{}
	}
	versions := l.versions
	if !everything {
		versions = versions[max(0, len(versions)-mostAgain):]
	}
	for _, v := range versions {
		if v.settled {
			l.owner(v).verifyVersion(v)
		}
	}
	for _, tag := range l.tags {
		l.callers[0].verifyTag(tag)
	}
}

// owner is the client whose version it is.
func (l *ledger) owner(v *tracked) *caller {
	return l.callers[slices.IndexFunc(l.callers, func(c *caller) bool { return c.owns(v) })]
}

// verifyVersion reports whether the version is there, was there, or is still to come.
func (c *caller) verifyVersion(v *tracked) bool {
	n := c.look(v)
	switch {
	case v.deleted && n > 0:
		c.t.Errorf("%s was deleted and is back", v.id())
	case v.deleting && n != 0 && n != v.acked:
		c.t.Errorf("%s is deleted in part: %d of %d files", v.id(), n, v.acked)
	case !v.deleting && n < v.acked:
		c.t.Errorf("%s: %d files were acknowledged, %d are there", v.id(), v.acked, n)
	case n > v.sent:
		c.t.Errorf("%s: %d files are there, %d were sent", v.id(), n, v.sent)
	}
	v.work.check(c, v, n)
	if v.deleting {
		v.deleted, v.deleting, v.settled = n == 0, n == 0, true
		return true
	}
	v.acked, v.sent = n, n
	v.settled = n == len(v.files)
	if v.settled || v.mustEnd || c.r.IntN(2) == 0 {
		return true // it is there, or will be tried again
	}
	v.files, v.settled = v.files[:n], true
	return n > 0
}

// look returns how many files of a version readers see, from the first on.
func (c *caller) look(v *tracked) int {
	n := 0
	for i, f := range v.files {
		a := c.seen(f.path)
		switch {
		case a.status == http.StatusOK && sha(a.body) != f.sum:
			c.t.Errorf("%s: %s has other bytes", v.id(), f.path)
		case a.status != http.StatusOK && a.status != http.StatusNotFound:
			c.t.Errorf("%s: %s: %d %.300s", v.id(), f.path, a.status, a.body)
		}
		there := a.status == http.StatusOK
		switch {
		case there && n == i:
			n++
		case there && !f.early:
			c.t.Errorf("%s: %s is there, and what was sent before it is not", v.id(), f.path)
		case !there && v.atomic && n > 0:
			c.t.Errorf("%s is there without %s", v.id(), f.path)
		}
	}
	return n
}

func (c *caller) verifyTag(tag *trackedTag) {
	a := c.seen(apiPackage(tag.format, tag.pkg) + "/tags/prod")
	var got struct {
		Version string `json:"version"`
	}
	if a.status == http.StatusOK {
		if err := json.Unmarshal(a.body, &got); err != nil {
			c.t.Error(err)
		}
	}
	switch {
	case got.Version == tag.known():
	case slices.Contains(tag.maybe, got.Version):
		tag.moves = append(tag.moves, got.Version)
	default:
		c.t.Errorf("%s %s: the tag names %q, was known at %q, perhaps %q", tag.format, tag.pkg, got.Version, tag.known(), tag.maybe)
	}
	tag.maybe = nil
}

// verifyEvents: the sequence has no gap; every version that is or was there has exactly one publish event, and every tag
// one event for each move, in the order of its history and of the client's record.
func (l *ledger) verifyEvents() {
	published, moves := l.events()
	for _, v := range l.versions {
		events := v.events
		if events == nil {
			events = [][3]string{{v.work.format(), apiName(v.work.format(), v.pkg), v.version}}
		}
		for _, e := range events {
			if published[e] != 1 {
				l.t.Errorf("%s has %d publish events of %v", v.id(), published[e], e)
			}
			delete(published, e)
		}
	}
	for e := range published {
		l.t.Errorf("%v has an event, but never was there", e)
	}
	for _, tag := range l.tags {
		key := [3]string{tag.format, apiName(tag.format, tag.pkg), "prod"}
		if !slices.Equal(tag.moves, moves[key]) {
			l.t.Errorf("%v was moved to %q, the events say %q", key, tag.moves, moves[key])
		}
	}
	for key, told := range moves {
		if got := l.callers[0].history(key); !slices.Equal(got, told) {
			l.t.Errorf("the history of %v is %q, the events say %q", key, got, told)
		}
	}
}

// events reads the log from its start: how often each version was published, and what each tag was set to.
func (l *ledger) events() (published map[[3]string]int, moves map[[3]string][]string) {
	c := l.callers[0]
	l.token = l.server.Token("*", "admin")
	published, moves = map[[3]string]int{}, map[[3]string][]string{}
	for next := int64(0); ; {
		a, ok := c.send(http.MethodGet, fmt.Sprintf("/api/v1/events?after=%d&limit=1000", next-1), nil, nil, http.StatusOK)
		if !ok {
			l.t.Fatal("the events can't be read")
		}
		var events []struct {
			Type     string `json:"type"`
			Sequence string `json:"sequence"`
			Data     struct{ Format, Package, Version, Tag string }
		}
		if err := json.Unmarshal(a.body, &events); err != nil {
			l.t.Fatal(err)
		}
		if len(events) == 0 {
			return published, moves
		}
		for _, e := range events {
			if seq, err := strconv.ParseInt(e.Sequence, 10, 64); err != nil || seq != next {
				l.t.Fatalf("event %s follows %d", e.Sequence, next-1)
			}
			next++
			d := e.Data
			switch e.Type {
			case "dev.slipway.artifact.published.v1":
				published[[3]string{d.Format, d.Package, d.Version}]++
			case "dev.slipway.tag.set.v1":
				key := [3]string{d.Format, d.Package, d.Tag}
				moves[key] = append(moves[key], d.Version)
			}
		}
	}
}

// history is what a tag has named, the oldest first.
func (c *caller) history(key [3]string) (out []string) {
	path := "/api/v1/repositories/main/packages/" + key[0] + "/" + key[1] + "/tags/" + key[2] + "/history?limit=1000"
	for after := ""; ; {
		a, ok := c.send(http.MethodGet, path+after, nil, nil, http.StatusOK)
		if !ok {
			return nil
		}
		var page struct {
			Items []struct{ Version string }
			Next  string
		}
		if err := json.Unmarshal(a.body, &page); err != nil {
			c.t.Error(err)
		}
		for _, item := range page.Items {
			out = append(out, item.Version)
		}
		if page.Next == "" {
			slices.Reverse(out)
			return out
		}
		after = "&after=" + page.Next
	}
}
