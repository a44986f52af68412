package all_test

import (
	"encoding/json"
	"testing"

	"slipway/formats/all"
	"slipway/registry"
)

// TestPartitionKey: events of a package have one key, however they spell it, and those of a service another.
func TestPartitionKey(t *testing.T) {
	core := &registry.Core{Rules: map[string]registry.Rules{"other": {}}}
	for _, f := range all.All() {
		core.Rules[f.Name()] = f.Rules()
	}
	for _, c := range []struct{ kind, data, want string }{
		{"artifact.published", `{"repository":"main","format":"npm","package":"@acme/web","version":"1.0.0"}`, "main/pkg:npm/%40acme/web"},
		{"package.changed", `{"repository":"main","format":"npm","package":"@acme/web"}`, "main/pkg:npm/%40acme/web"},
		{"tag.set", `{"repository":"py","format":"pypi","package":"Foo_Bar","tag":"x"}`, "py/pkg:pypi/foo-bar"},
		{"tag.set", `{"repository":"py","format":"pypi","package":"foo.bar"}`, "py/pkg:pypi/foo-bar"},
		{"artifact.published", `{"repository":"main","format":"maven","package":"com.acme:lib"}`, "main/pkg:maven/com.acme/lib"},
		{"artifact.published", `{"repository":"main","format":"oci","package":"team/app"}`, "main/pkg:oci/app"},
		{"artifact.published", `{"repository":"main","format":"raw","package":"tool"}`, "main/pkg:generic/tool"},
		{"artifact.published", `{"repository":"main","format":"other","package":"x"}`, "main/other:x"},
		{"deployment.started", `{"repository":"main","format":"npm","package":"web","environment":"production","service":"shop"}`, "service:production/shop"},
		{"repository.created", `{"repository":"main"}`, ""},
		{"user.created", `{"name":"jane"}`, ""},
		{"artifact.published", ``, ""},
	} {
		if got := core.Event(registry.Entry{Type: c.kind, Data: json.RawMessage(c.data)}).PartitionKey; got != c.want {
			t.Errorf("%s %s: %q, want %q", c.kind, c.data, got, c.want)
		}
	}
}
