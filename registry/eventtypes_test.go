package registry_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"slipway/registry"
)

// TestEventTypeTable: every type has a name of its own, says what it is about, and is found by its name.
func TestEventTypeTable(t *testing.T) {
	form := regexp.MustCompile(`^[a-z]+\.[a-z_]+$`)
	types := registry.EventTypes()
	for i, typ := range types {
		if !form.MatchString(typ.String()) || typ.About() == "" || !strings.HasSuffix(typ.Text(), ".") {
			t.Errorf("type %d: %q about %q: %q", typ, typ, typ.About(), typ.Text())
		}
		if slices.IndexFunc(types, func(o registry.EventType) bool { return o.String() == typ.String() }) != i {
			t.Errorf("%q is there twice", typ)
		}
		if found, ok := registry.EventTypeNamed(typ.String()); !ok || found != typ {
			t.Errorf("%q is found as %q", typ, found)
		}
		if want := registry.EventTypePrefix + typ.String() + registry.EventTypeSuffix; typ.CloudEvent() != want {
			t.Errorf("%q in a CloudEvent is %q, want %q", typ, typ.CloudEvent(), want)
		}
	}
	if _, ok := registry.EventTypeNamed(""); ok {
		t.Error("the zero value has a name")
	}
}

// TestEventTypeNames: a name that was once written stays.
func TestEventTypeNames(t *testing.T) {
	const names = `artifact.published artifact.stored artifact.files_added artifact.files_replaced artifact.files_removed
		artifact.metadata_changed artifact.deprecated artifact.yanked artifact.restored artifact.deleted staging.abandoned package.changed tag.set tag.removed
		attachment.stored attachment.tagged attachment.untagged attachment.deleted attachment.restored repository.restored
		deployment.queued deployment.started deployment.succeeded deployment.failed deployment.rolled_back deployment.cancelled deployment.stopped
		environment.created environment.changed environment.deleted repository.created repository.changed repository.deleted
		token.created token.revoked user.created user.changed user.login_failed
		subscription.created subscription.changed subscription.disabled subscription.deleted instance.created instance.restored clock.jumped`
	for _, name := range strings.Fields(names) {
		if _, ok := registry.EventTypeNamed(name); !ok {
			t.Errorf("there is no type %q any more", name)
		}
	}
}
