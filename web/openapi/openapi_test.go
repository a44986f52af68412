package openapi_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"slipway/web/openapi"
)

type state string

type list[T any] struct {
	Items []T `json:"items"`
}

type base struct {
	Name string `json:"name" doc:"The thing's name, such as 'a' or 'b c' ('x')."`
}

type thing struct {
	base
	State  state           `json:"state"`
	When   *string         `json:"when" format:"date-time" doc:"When; null: never."`
	Until  *string         `json:"until,omitempty" pattern:"^x$"`
	Other  *other          `json:"other" doc:"The other."`
	Count  int64           `json:"count" minimum:"1"`
	From   string          `json:"from,omitempty" enum:"now,cursor"`
	Types  []string        `json:"types" as:"type" doc:"Types."`
	Custom map[string]bool `json:"custom"`
	Raw    json.RawMessage `json:"raw,omitempty" as:"other"`
	Hidden string          `json:"-"`
}

type other struct {
	Share float64 `json:"share"`
}

type newThing struct {
	Name  *string         `json:"name"`
	Parts json.RawMessage `json:"parts" as:"part"`
}

type part struct {
	Size *int `json:"size"`
}

func described() openapi.Document {
	return openapi.Document{
		Servers: []string{"https://example.com"}, Security: openapi.Object{"basic": openapi.Object{"type": "http"}},
		Variables: map[string]openapi.Param{"path": {About: "A path."}},
		Problems: map[int]openapi.Problem{
			0: {Name: "Problem", Example: other{}}, 400: {Name: "Invalid", Example: other{}}, 401: {Name: "Unknown", Example: other{}},
			403: {Name: "Denied", Example: other{}}, 404: {Name: "Absent", Example: other{}}, 413: {Name: "TooLarge", Example: other{}},
		},
		Types: map[reflect.Type]openapi.Object{reflect.TypeFor[state](): {"type": "string", "enum": []string{"on", "off"}}},
		Named: map[string]openapi.Named{
			"type": {Of: openapi.Object{"type": "string", "examples": []string{"a.b"}}}, "other": {Struct: reflect.TypeFor[other]()},
			"part": {Struct: reflect.TypeFor[part](), Request: true},
		},
		Endpoints: []openapi.Endpoint{
			{Method: http.MethodGet, Path: "/things/{path:.+}", Operation: openapi.Operation{ID: "get", Summary: "Get", Public: true,
				Answers: []openapi.Answer{{Status: http.StatusOK, Content: openapi.JSON(list[thing]{})}}}},
			{Method: http.MethodPost, Path: "/things", Operation: openapi.Operation{ID: "make", Summary: "Make",
				Request: openapi.Takes[newThing](`{"name":"x"}`, "name"), Answers: []openapi.Answer{{Status: http.StatusNoContent}}}},
		},
	}
}

// at walks down a document as JSON.
func at(t *testing.T, document any, keys ...string) string {
	t.Helper()
	raw, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	raw, err = json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestSchemas(t *testing.T) {
	built := described().Build()
	for path, want := range map[string]string{
		"thinglist.properties.items": `{"items":{"$ref":"#/components/schemas/thing"},"type":"array"}`,
		"thing.required":             `["count","custom","name","other","state","types","when"]`,
		"thing.properties.name":      "{\"description\":\"The thing's name, such as `a` or `b c` (`x`).\",\"type\":\"string\"}",
		"thing.properties.state":     `{"enum":["on","off"],"type":"string"}`,
		"thing.properties.when":      `{"description":"When; null: never.","format":"date-time","type":["string","null"]}`,
		"thing.properties.until":     `{"pattern":"^x$","type":"string"}`,
		"thing.properties.other":     `{"anyOf":[{"$ref":"#/components/schemas/other"},{"type":"null"}],"description":"The other."}`,
		"thing.properties.count":     `{"format":"int64","minimum":1,"type":"integer"}`,
		"thing.properties.from":      `{"enum":["now","cursor"],"type":"string"}`,
		"thing.properties.types":     `{"description":"Types.","items":{"examples":["a.b"],"type":"string"},"type":"array"}`,
		"thing.properties.custom":    `{"additionalProperties":{"type":"boolean"},"type":"object"}`,
		"thing.properties.raw":       `{"$ref":"#/components/schemas/other"}`,
		"thing.properties.Hidden":    `null`,
		"other":                      `{"properties":{"share":{"format":"double","type":"number"}},"required":["share"],"type":"object"}`,
		"newThing":                   `{"additionalProperties":false,"properties":{"name":{"type":"string"},"parts":{"$ref":"#/components/schemas/part"}},"required":["name"],"type":"object"}`,
		"part":                       `{"additionalProperties":false,"properties":{"size":{"format":"int64","type":"integer"}},"type":"object"}`,
	} {
		if got := at(t, built, append([]string{"components", "schemas"}, strings.Split(path, ".")...)...); got != want {
			t.Errorf("%s is\n%s, want\n%s", path, got, want)
		}
	}
}

func TestOperations(t *testing.T) {
	built := described().Build()
	refs := func(names ...string) string {
		all := []string{}
		for i := 0; i < len(names); i += 2 {
			all = append(all, `"`+names[i]+`":{"$ref":"#/components/responses/`+names[i+1]+`"}`)
		}
		return strings.Join(all, ",")
	}
	for _, c := range []struct {
		want string
		keys []string
	}{
		{`[{"url":"https://example.com"}]`, []string{"servers"}},
		{`[{"basic":[]}]`, []string{"security"}},
		{`[{"description":"A path.","in":"path","name":"path","required":true,"schema":{"type":"string"}}]`, []string{"paths", "/things/{path}", "parameters"}},
		{`[]`, []string{"paths", "/things/{path}", "get", "security"}},
		{`{"200":{"content":{"application/json":{"example":{"items":null},"schema":{"$ref":"#/components/schemas/thinglist"}}},"description":""},` +
			refs("400", "Invalid", "404", "Absent", "default", "Problem") + `}`, []string{"paths", "/things/{path}", "get", "responses"}},
		{`{"204":{"description":""},` + refs("400", "Invalid", "401", "Unknown", "403", "Denied", "413", "TooLarge", "default", "Problem") + `}`,
			[]string{"paths", "/things", "post", "responses"}},
		{`{"content":{"application/json":{"example":{"name":"x"},"schema":{"$ref":"#/components/schemas/newThing"}}},"required":true}`,
			[]string{"paths", "/things", "post", "requestBody"}},
	} {
		if got := at(t, built, c.keys...); got != c.want {
			t.Errorf("%v is\n%s, want\n%s", c.keys, got, c.want)
		}
	}
}

// TestFaults: descriptions that contradict themselves make no document.
func TestFaults(t *testing.T) {
	for what, spoil := range map[string]func(d *openapi.Document){
		"two types of one name": func(d *openapi.Document) {
			type thing struct{}
			d.Endpoints[0].Answers[0].Content = append(d.Endpoints[0].Answers[0].Content, openapi.Content{Media: "x/y", Example: thing{}})
		},
		"a type that JSON has not": func(d *openapi.Document) { d.Endpoints[0].Answers[0].Content[0].Example = make(chan int) },
		"an unknown name":          func(d *openapi.Document) { delete(d.Named, "type") },
		"an unknown status":        func(d *openapi.Document) { d.Endpoints[0].Errors = []int{http.StatusTeapot} },
	} {
		d := described()
		spoil(&d)
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: a document was made", what)
				}
			}()
			d.Build()
		}()
	}
}
