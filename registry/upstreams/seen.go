package upstreams

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"time"
)

// When versions and files were first listed by a remote. Those of the first index of a package are baseline: they may be ten years old, so
// they have no such time. What is listed later has that of the index that listed it, and keeps it while version, path and sums stay.

// listedAs names what an index lists: a file of a version or, without a path, the version as a whole.
type listedAs struct{ version, path string }

// lost is what an index listed and a later one does not.
type lost struct {
	firstSeen time.Time
	sums      Sums
	at        time.Time
}

const (
	// lostFor is how long an index may lack a file, as one of several copies of a remote does, that is then no new one.
	lostFor = 30 * 24 * time.Hour
	maxLost = 10_000 // of one package
)

// removed reports whether a remote listed a file of a version, and lists it no more. Without a version, path names the file alone.
func (x *index) removed(version, path string) bool {
	if version != "" {
		_, file := x.lost[listedAs{version, path}]
		_, whole := x.lost[listedAs{version: version}]
		return file || whole
	}
	for key := range x.lost {
		if key.path == path && x.entry("", path) == nil {
			return true
		}
	}
	return false
}

// firstSeen returns when what an index lists was first listed; zero: by the first index of the package.
func (x *index) firstSeen(version, path string) time.Time {
	return x.seen[listedAs{version, path}]
}

// continues takes over from the index before what is known of the times of entries; nil: there is none.
func (x *index) continues(prev *index, now time.Time) {
	if prev == nil {
		return
	}
	x.seen, x.lost = map[listedAs]time.Time{}, map[listedAs]lost{}
	x.dates = prev.dates
	note := func(key listedAs, sums Sums, listed bool, before Sums) {
		at := now
		switch gone, ok := prev.lost[key]; {
		case listed && before.same(sums):
			at = prev.seen[key]
		case !listed && ok && now.Sub(gone.at) < lostFor && gone.sums.same(sums):
			at = gone.firstSeen
		}
		if !at.IsZero() {
			x.seen[key] = at
		}
	}
	for name := range x.versions {
		_, listed := prev.versions[name]
		note(listedAs{version: name}, Sums{}, listed, Sums{})
	}
	for _, e := range x.Entries {
		var before Sums
		was := prev.entry(e.Version, e.Path)
		if was != nil {
			before = was.Sums
		}
		note(listedAs{e.Version, e.Path}, e.Sums, was != nil, before)
	}
	x.losing(prev, now)
}

// losing keeps what the index before listed, or had lost not long ago, and this one does not.
func (x *index) losing(prev *index, now time.Time) {
	keep := func(key listedAs, l lost) {
		if !x.lists(key) && len(x.lost) < maxLost {
			x.lost[key] = l
		}
	}
	for name := range prev.versions {
		key := listedAs{version: name}
		keep(key, lost{prev.seen[key], Sums{}, now})
	}
	for _, e := range prev.Entries {
		key := listedAs{e.Version, e.Path}
		keep(key, lost{prev.seen[key], e.Sums, now})
	}
	for key, l := range prev.lost {
		keep(key, l)
	}
}

func (x *index) lists(key listedAs) bool {
	if key.path == "" {
		return x.versions[key.version] != nil
	}
	return x.entry(key.version, key.path) != nil
}

// same reports whether two announcements can be of the same bytes: no sum that both have differs, and what had sums shares one.
func (s Sums) same(later Sums) bool {
	if s.Strongest() == "none" {
		return true
	}
	shared := false
	for _, c := range s.pairs(later) {
		shared = shared || c[0] != nil && c[1] != nil
	}
	return shared && !s.conflicts(later)
}

// seenEntry is how a time of an entry is stored.
type seenEntry struct {
	Version   string `json:"v"`
	Path      string `json:"p,omitempty"`
	FirstSeen int64  `json:"t,omitempty"` // µs; 0: baseline
	Lost      int64  `json:"l,omitempty"` // µs; 0: it is listed
	Sums      *Sums  `json:"s,omitempty"` // of a lost one
	Published int64  `json:"d,omitempty"` // µs; of a version whose date was asked for, and which the entry says nothing else of
}

// encodeSeen is what the store keeps beside the document; empty: every entry is baseline.
func (x *index) encodeSeen() ([]byte, error) {
	list := make([]seenEntry, 0, len(x.seen)+len(x.lost)+len(x.dates))
	if cap(list) == 0 {
		return nil, nil
	}
	for key, at := range x.seen {
		list = append(list, seenEntry{Version: key.version, Path: key.path, FirstSeen: at.UnixMicro()})
	}
	for key, l := range x.lost {
		e := seenEntry{Version: key.version, Path: key.path, Lost: l.at.UnixMicro(), Sums: &l.sums}
		if !l.firstSeen.IsZero() {
			e.FirstSeen = l.firstSeen.UnixMicro()
		}
		list = append(list, e)
	}
	for version, at := range x.dates {
		list = append(list, seenEntry{Version: version, Published: at.UnixMicro()})
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if err := json.NewEncoder(z).Encode(list); err != nil {
		return nil, err
	}
	err := z.Close()
	return out.Bytes(), err
}

// decodeSeen undoes encodeSeen.
func (x *index) decodeSeen(stored []byte) error {
	if len(stored) == 0 {
		return nil
	}
	z, err := gzip.NewReader(bytes.NewReader(stored))
	if err != nil {
		return err
	}
	var list []seenEntry
	if err := json.NewDecoder(z).Decode(&list); err != nil {
		return err
	}
	x.seen, x.lost = map[listedAs]time.Time{}, map[listedAs]lost{}
	for _, e := range list {
		key, at := listedAs{e.Version, e.Path}, time.Time{}
		if e.FirstSeen != 0 {
			at = time.UnixMicro(e.FirstSeen).UTC()
		}
		switch {
		case e.Published != 0:
			if x.dates == nil {
				x.dates = map[string]time.Time{}
			}
			x.dates[e.Version] = time.UnixMicro(e.Published).UTC()
		case e.Lost == 0:
			x.seen[key] = at
		case e.Sums != nil:
			x.lost[key] = lost{at, *e.Sums, time.UnixMicro(e.Lost).UTC()}
		}
	}
	return nil
}
