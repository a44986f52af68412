package ui

import (
	"testing"

	"slipway/api"
)

// TestFactChanges: of facts of one weight the newest counts in a comparison, as it does on the page of the version.
func TestFactChanges(t *testing.T) {
	commit := func(value string, seq int64) api.Fact {
		return api.Fact{Key: "source.commit", Value: value, Rank: 3, Seq: seq}
	}
	twice := api.Version{Facts: []api.Fact{commit("old", 1), commit("new", 2)}}
	if changes := factChanges(twice, api.Version{Facts: []api.Fact{commit("new", 9)}}); len(changes) != 0 {
		t.Errorf("%+v", changes)
	}
	if changes := factChanges(twice, api.Version{Facts: []api.Fact{commit("old", 9)}}); len(changes) != 1 || changes[0].From != "new" || changes[0].To != "old" {
		t.Errorf("%+v", changes)
	}
}
