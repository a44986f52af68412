package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"slipway/api"
	"slipway/formats"
	"slipway/formats/all"
	"slipway/integration"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/instance"
	"slipway/web/openapi"
)

// described is an API over the formats of the program, without a server.
func described() *handlers {
	return &handlers{API: New(Options{}), svc: &instance.Instance{Core: &registry.Core{Rules: formats.Rules(all.All())}}}
}

// TestOperations: every operation, every variable of a path and every property is described.
func TestOperations(t *testing.T) {
	h := described()
	ids, variables := map[string]string{}, map[string]bool{}
	for _, e := range h.endpoints() {
		path, names := openapi.Template(e.path)
		for _, name := range names {
			variables[name] = true
			if pathVariables[name].About == "" {
				t.Errorf("%s: the variable %q of the path is not described", path, name)
			}
		}
		if e.ID == "" || e.Summary == "" || ids[e.ID] != "" {
			t.Errorf("%s: id %q, summary %q, used by %q", e.name, e.ID, e.Summary, ids[e.ID])
		}
		ids[e.ID] = e.name
		if (e.Rights == nil) != e.Public {
			t.Errorf("%s: public %t, and needs the rights %v", e.name, e.Public, e.Rights)
		}
		if len(e.Answers) == 0 {
			t.Errorf("%s: no answer is described", e.name)
		}
		if changes := e.method != http.MethodGet && e.method != http.MethodDelete; e.Request != nil && !changes {
			t.Errorf("%s %s takes no body", e.method, path)
		}
		if !slices.ContainsFunc(groups, func(g openapi.Object) bool { return g["name"] == e.Group }) {
			t.Errorf("%s: there is no group %q", e.name, e.Group)
		}
	}
	for name := range pathVariables {
		if !variables[name] {
			t.Errorf("the description of the variable %s describes nothing", name)
		}
	}
	components := h.document("").Build()["components"].(openapi.Object)["schemas"].(map[string]openapi.Object)
	for component, of := range components {
		for name, property := range of["properties"].(openapi.Object) {
			if about := property.(openapi.Object)["description"]; about == nil || about == "" {
				t.Errorf("%s.%s is not described: give the field a doc tag", component, name)
			}
		}
	}
}

// TestRequestExamples: every example of a body is one that its handler takes.
func TestRequestExamples(t *testing.T) {
	h := described()
	for _, e := range h.endpoints() {
		if e.Request == nil || e.Request.Struct == nil {
			continue
		}
		d := json.NewDecoder(strings.NewReader(e.Request.Example))
		d.DisallowUnknownFields()
		if err := d.Decode(reflect.New(e.Request.Struct).Interface()); err != nil {
			t.Errorf("%s: %s: %v", e.name, e.Request.Example, err)
		}
	}
}

// TestDocumentIsStable: an entity tag is worth something only if the same document is always the same bytes.
func TestDocumentIsStable(t *testing.T) {
	h := described()
	render := func() []byte {
		b, err := json.Marshal(h.document("https://slipway.example.com").Build())
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for first, n := render(), 0; n < 5; n++ {
		if !bytes.Equal(first, render()) {
			t.Fatal("the document differs from one rendering to the next")
		}
	}
}

// TestTypesOfTheCore: what the core writes as JSON by itself, and names by constants, is what the types of package api say.
func TestTypesOfTheCore(t *testing.T) {
	for _, c := range []struct{ ours, cores reflect.Type }{
		{reflect.TypeFor[api.Event](), reflect.TypeFor[registry.Event]()},
		{reflect.TypeFor[api.EventData](), reflect.TypeFor[registry.EventData]()},
		{reflect.TypeFor[api.EventFile](), reflect.TypeFor[registry.EventFile]()},
		{reflect.TypeFor[api.EventVersion](), reflect.TypeFor[registry.EventVersion]()},
		{reflect.TypeFor[api.FactInput](), reflect.TypeFor[registry.FactInput]()},
		{reflect.TypeFor[api.Source](), reflect.TypeFor[registry.Source]()},
		{reflect.TypeFor[api.Build](), reflect.TypeFor[registry.Build]()},
	} {
		if ours, cores := jsonOf(c.ours), jsonOf(c.cores); ours != cores {
			t.Errorf("%v is\n%s\n%v is\n%s", c.ours, ours, c.cores, cores)
		}
	}
	if got := actionsOf[access.Action]([]api.Action{api.ActionRead, api.ActionPublish, api.ActionTag, api.ActionDelete, api.ActionDeploy,
		api.ActionAudit, api.ActionAdmin}); !slices.Equal(got, access.Actions) {
		t.Errorf("the actions are %q, those of the core %q", got, access.Actions)
	}
	if got := actionsOf[registry.DeliveryState](deliveryStates); !slices.Equal(got, []registry.DeliveryState{
		integration.DeliveryPending, integration.DeliveryDelivered, integration.DeliveryDead}) {
		t.Errorf("the states of deliveries are %q", got)
	}
}

// jsonOf is what a struct looks like as JSON: the tags of its fields, in their order, with the kinds of their types.
func jsonOf(t reflect.Type) string {
	var b strings.Builder
	for _, f := range reflect.VisibleFields(t) {
		if tag := f.Tag.Get("json"); tag != "" && tag != "-" {
			fmt.Fprintf(&b, "%s %v\n", tag, f.Type.Kind())
		}
	}
	return b.String()
}
