package api_test

import (
	"encoding/json"
	"slices"
	"testing"

	"slipway/registry"
)

// TestDocumentNamesEventTypes: the document has every event type where filters take types, and where events have one.
func TestDocumentNamesEventTypes(t *testing.T) {
	a := newAPI(t)
	d := a.document()
	var names, full []string
	for _, typ := range registry.EventTypes() {
		names, full = append(names, typ.String()), append(full, typ.CloudEvent())
	}
	examples := func(of any) (out []string) {
		raw, err := json.Marshal(of)
		if err != nil {
			t.Fatal(err)
		}
		var s struct{ Examples []string }
		if err := json.Unmarshal(raw, &s); err != nil {
			t.Fatal(err)
		}
		return s.Examples
	}
	parameters := d.at("paths", "/events", "get", "parameters").([]any)
	i := slices.IndexFunc(parameters, func(p any) bool { return p.(map[string]any)["name"] == "types" })
	if i < 0 || !slices.Equal(examples(parameters[i].(map[string]any)["schema"]), names) {
		t.Errorf("GET /events has the parameters %v", parameters)
	}
	schemas := func(keys ...string) any { return d.at(append([]string{"components", "schemas"}, keys...)...) }
	for _, name := range []string{"NewSubscription", "SubscriptionChange", "Subscription"} {
		if got := examples(schemas(name, "properties", "types", "items")); !slices.Equal(got, names) {
			t.Errorf("%s has the types %q", name, got)
		}
	}
	for _, name := range []string{"Event", "Delivery"} {
		if got := examples(schemas(name, "properties", "type")); !slices.Equal(got, full) {
			t.Errorf("%s has the types %q", name, got)
		}
	}
}
