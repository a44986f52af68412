package maintain

import (
	"testing"

	"slipway/registry"
)

// TestReplays: fsck says of every event type what its entries do to the state.
func TestReplays(t *testing.T) {
	for _, typ := range registry.EventTypes() {
		if replays[typ] == nil {
			t.Errorf("fsck does not say what %q does", typ)
		}
	}
	if len(replays) != len(registry.EventTypes()) {
		t.Errorf("fsck replays %d types of %d", len(replays), len(registry.EventTypes()))
	}
}
