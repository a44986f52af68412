package formatstest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"slipway/registry"
	"slipway/registry/catalog"
	"slipway/registry/ledger"
)

// enteredBytes bounds the payload of the entry of a file that came from a remote, without what the file says of itself (U-11).
const enteredBytes = 600

// entered: a file that comes from a remote has a small entry in the log, which says once what is known of where it came from, and from which
// fsck makes the facts that queries find.
func (s Suite) entered(t *testing.T) {
	format := s.New().Name()
	path, ok := remotePaths[format]
	if !ok {
		return
	}
	origin := s.serverWith(t, Options{AnonymousRead: true})
	srv := s.serverWith(t, Options{})
	srv.Remote("mirror", format, origin.URL+path)
	for _, v := range []string{"1.0.0", "2.0.0"} {
		s.publish(t, origin, "example", v, []byte("PK\x03\x04 content of "+v))
		_, err := srv.Upstreams.Refresh(srv.Admin, registry.Name{Repository: "mirror"})
		srv.must(err)
		if res := srv.Do(Admin, s.Download("mirror", "example", v)); res.Status != http.StatusOK {
			t.Fatal(res)
		}
	}
	list, _, err := srv.Ledger.Events(srv.Admin, ledger.EventQuery{Types: []string{"cache.entered"}})
	srv.must(err)
	if len(list) != 2 {
		t.Fatalf("%d entries, want 2", len(list))
	}
	for i, e := range list {
		var d registry.EventData
		srv.must(json.Unmarshal(e.Data, &d))
		SmallEntry(t, e)
		s.found(t, srv, d, i)
	}
	srv.MustFsck(t)
}

// SmallEntry expects the entry of a file that came from a remote to be small, and to say once where it came from.
func SmallEntry(t *testing.T, e registry.Event) {
	t.Helper()
	var d registry.EventData
	if err := json.Unmarshal(e.Data, &d); err != nil {
		t.Fatal(err)
	}
	own := 0
	for _, f := range d.Facts {
		if strings.HasPrefix(f.Key, "upstream.") {
			t.Errorf("%s repeats %v of %v", d.PURL, f, *d.Upstream)
		}
		text, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		own += len(text) + 1
	}
	if n := len(e.Data) - own; n > enteredBytes {
		t.Errorf("the entry of %s has %d bytes beside facts of its own, want at most %d: %s", d.PURL, n, enteredBytes, e.Data)
	} else {
		t.Logf("%s: %d bytes, and %d of facts of its own", d.PURL, n, own)
	}
}

// found expects the version of an entry, one of two, by what the entry says of its remote.
func (s Suite) found(t *testing.T, srv *Server, d registry.EventData, i int) {
	t.Helper()
	at := registry.Name{Repository: "mirror", Format: d.Format, Package: d.Package}.At(d.Version)
	if at.Package == "" {
		at.Package = "example"
	}
	v, err := srv.Reader.VersionDetail(srv.Admin, at)
	srv.must(err)
	for _, want := range d.Upstream.Seen() {
		if !slices.ContainsFunc(v.Facts, func(f registry.Fact) bool {
			return f.Key == want.Key && f.Value == want.Value && f.Source == want.Source && f.Rank == want.Rank
		}) {
			t.Errorf("%s lacks the fact %v: %v", d.PURL, want, v.Facts)
		}
	}
	hits, err := srv.History.Search(srv.Admin, catalog.VersionSearch{Query: fmt.Sprintf("upstream:%s verified:%s origin:cached", d.Upstream.Name, d.Upstream.Verified)})
	srv.must(err)
	if len(hits) != 2 {
		t.Errorf("%d versions are found by their remote, want 2", len(hits))
	}
}
