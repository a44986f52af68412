package npm

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/catalog"
)

// finds expects the versions that a query finds, newest first.
func (m *faulty) finds(query string, asOf registry.AsOf, want ...string) {
	m.t.Helper()
	hits, err := m.History.Search(m.Admin, catalog.VersionSearch{Query: query, AsOf: asOf})
	must(m.t, err)
	var got []string
	for _, h := range hits {
		got = append(got, h.Version.Name)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		m.t.Errorf("%s finds %v, want %v", query, got, want)
	}
}

// TestRemoteFacts: a version that entered says where it came from, when it was published there, when it was first seen, when it entered and for
// whom, and can be found by that, also as of a moment.
func TestRemoteFacts(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	m.publish(pub{name: "ours", version: "9.0.0"})
	published := time.Date(2025, 3, 4, 5, 6, 7, 0, time.UTC)
	m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{Published: published})
	m.wants(http.StatusOK, tarballOf("left-pad", "1.0.0"))
	last := int64(-1)
	must(t, m.Metadata.View(t.Context(), func(tx metadata.Tx) error {
		size, err := tx.Log().LogSize()
		last = size - 1
		return err
	}))
	before := registry.AsOf{Seq: &last}
	m.later(3 * time.Hour)
	m.u.NPM("left-pad", "1.1.0", upstreamtest.NPMVersion{NoIntegrity: true, Published: published.Add(time.Hour)})
	m.wants(http.StatusOK, tarballOf("left-pad", "1.1.0"))

	at := sourceName("left-pad")
	at.Repository = "mirror"
	for version, want := range map[string]string{"1.0.0": "up sha512 2025-03-04T05:06:07 baseline", "1.1.0": "up sha1 2025-03-04T06:06:07 seen"} {
		d, err := m.Reader.VersionDetail(m.Admin, at.At(version))
		must(t, err)
		facts := map[string]string{}
		for _, f := range d.Facts {
			if facts[f.Key] = f.Value; f.Key == registry.FactUpstreamName && (f.Rank != registry.RankObserved || f.Source != "upstream:up") {
				t.Errorf("%+v", f)
			}
		}
		seen := "baseline"
		if facts[registry.FactUpstreamFirstSeenAt] != "" {
			seen = "seen"
		}
		got := fmt.Sprintf("%s %s %.19s %s", facts[registry.FactUpstreamName], facts[registry.FactUpstreamVerified], facts[registry.FactUpstreamPublishedAt], seen)
		if got != want || len(d.Cached) != 1 || d.Cached[0].EnteredBy == "" || d.Cached[0].FirstSeenAt.IsZero() != (seen == "baseline") ||
			d.Version.PublishedAt.Format("2006-01-02T15:04:05") != fmt.Sprintf("%.19s", facts[registry.FactUpstreamPublishedAt]) || len(d.Files) != 1 || d.Files[0].Blob.ID == 0 {
			t.Errorf("%s: %s, want %s; %+v", version, got, want, d)
		}
	}
	now := registry.AsOf{}
	m.finds("origin:cached", now, "1.1.0", "1.0.0")
	m.finds("origin:published", now, "9.0.0")
	m.finds("origin:promoted", now)
	m.finds("upstream:up verified:sha1", now, "1.1.0")
	m.finds("upstream:other", now)
	day := m.Core.Now().Add(48 * time.Hour).Format(time.DateOnly)
	m.finds("entered:<"+day, now, "1.1.0", "1.0.0")
	m.finds("entered:>"+day, now)
	m.finds("origin:cached", before, "1.0.0")
	m.finds("entered:>2000-01-01", before, "1.0.0")
	if _, err := catalog.ParseQuery("origin:elsewhere"); err == nil {
		t.Error("an origin that there is not was taken")
	}
	m.MustFsck(t)
}
