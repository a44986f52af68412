package api

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"slipway/registry/access"
)

// schema is a JSON Schema, or any other object of the OpenAPI document.
type schema = map[string]any

const schemaPath = "#/components/schemas/"

func refTo(name string) schema { return schema{"$ref": schemaPath + name} }

// schemas makes JSON Schemas of the Go types that the API reads and writes, so that document and code can't differ. Every
// struct becomes a named component; what Go does not say of a property is in the table fields.
type schemas struct {
	byName map[string]schema
	types  map[string]reflect.Type // which type took the name
	used   map[string]bool         // keys of fields that described a property
}

func newSchemas() *schemas {
	return &schemas{byName: map[string]schema{}, types: map[string]reflect.Type{}, used: map[string]bool{}}
}

// componentNames are the components whose name is not that of their type.
var componentNames = map[string]string{
	"versionJSON": "VersionSummary", "detailJSON": "Version", "ReleaseInfo": "Release", "tagJSON": "Tag", "hitJSON": "Hit",
	"settingsJSON": "RepositorySettings", "publishedJSON": "PublishedVersion", "CollectReport": "CollectionReport",
	"staleProblem": "TagProblem", "requestJSON": "DeliveryRequest", "attemptJSON": "DeliveryAttempt",
}

// componentName is the component of a struct: repositoryJSON is Repository, list[repositoryJSON] is RepositoryList.
func componentName(t reflect.Type) string {
	name := t.Name()
	if strings.HasPrefix(name, "list[") {
		return componentName(t.Field(0).Type.Elem()) + "List"
	}
	if n, ok := componentNames[name]; ok {
		return n
	}
	return upperFirst(strings.TrimSuffix(name, "JSON"))
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// of returns the schema of a type: a reference where it is a struct.
func (s *schemas) of(t reflect.Type) schema {
	if fixed, ok := fixedSchemas[t]; ok {
		return maps.Clone(fixed)
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.String:
		return schema{"type": "string"}
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.Int, reflect.Int64, reflect.Int32:
		return schema{"type": "integer", "format": "int64"}
	case reflect.Float64:
		return schema{"type": "number", "format": "double"}
	case reflect.Slice:
		return schema{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		return schema{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.Struct:
		name := componentName(t)
		s.component(name, t, nil)
		return refTo(name)
	default:
		panic(fmt.Sprintf("no JSON schema for %v", t)) // a fault of ours, found by any test
	}
}

// fixedSchemas are types that write their own JSON, or have a closed set of values.
var fixedSchemas = map[reflect.Type]schema{
	reflect.TypeFor[time.Time]():       {"type": "string", "format": "date-time"},
	reflect.TypeFor[json.RawMessage](): {},
	reflect.TypeFor[access.Action]():   {"type": "string", "enum": access.Actions},
}

// component makes the component of a struct unless it is there. In an answer the fields without omitempty are required; a
// request says by itself which are, and may have no others than those of the struct.
func (s *schemas) component(name string, t reflect.Type, request *body) {
	if had, ok := s.types[name]; ok {
		if had != t {
			panic(fmt.Sprintf("%v and %v are both called %s", had, t, name))
		}
		return
	}
	s.types[name] = t
	properties, required := schema{}, []string{}
	for f := range jsonFields(t) {
		property := s.property(name, f)
		if f.field.Type.Kind() == reflect.Pointer && !f.omitted && request == nil {
			property = nullable(property)
		}
		properties[f.name] = property
		if !f.omitted && request == nil {
			required = append(required, f.name)
		}
	}
	out := schema{"type": "object", "properties": properties}
	if request != nil {
		required, out["additionalProperties"] = request.required, false
	}
	if len(required) > 0 {
		slices.Sort(required)
		out["required"] = required
	}
	s.byName[name] = out
}

func nullable(property schema) schema {
	if kind, ok := property["type"]; ok {
		property["type"] = []any{kind, "null"}
		return property
	}
	about := property["description"]
	delete(property, "description")
	return schema{"anyOf": []any{property, schema{"type": "null"}}, "description": about}
}

// property is the schema of one field with its entry of the table.
func (s *schemas) property(component string, f jsonField) schema {
	key := component + "." + f.name
	entry, ok := fields[key]
	if !ok {
		key = f.name
		entry = fields[key]
	}
	s.used[key] = true
	var out schema
	switch {
	case entry.ref != nil:
		out = s.of(entry.ref)
	case entry.part != nil:
		s.component(entry.part.name, entry.part.of, entry.part)
		out = refTo(entry.part.name)
	default:
		out = s.of(f.field.Type)
	}
	maps.Copy(out, entry.more)
	if entry.about != "" {
		out["description"] = entry.about
	}
	return out
}

// jsonField is a field as encoding/json sees it.
type jsonField struct {
	name    string
	omitted bool // when it is empty
	field   reflect.StructField
}

// jsonFields yields the fields of a struct with those of the structs that it embeds.
func jsonFields(t reflect.Type) iter.Seq[jsonField] {
	return func(yield func(jsonField) bool) {
		for _, f := range reflect.VisibleFields(t) {
			name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.Anonymous || !f.IsExported() || name == "-" || name == "" {
				continue
			}
			if !yield(jsonField{name, strings.Contains(options, "omitempty"), f}) {
				return
			}
		}
	}
}
