package openapi

import (
	"fmt"
	"iter"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const schemaPath = "#/components/schemas/"

func refTo(name string) Object { return Object{"$ref": schemaPath + name} }

// schemas makes JSON Schemas of Go types. Every struct becomes a component under its name.
type schemas struct {
	fixed  map[reflect.Type]Object
	named  map[string]Named
	byName map[string]Object
	types  map[string]reflect.Type // the type that has the name
}

func newSchemas(fixed map[reflect.Type]Object, named map[string]Named) *schemas {
	return &schemas{fixed: fixed, named: named, byName: map[string]Object{}, types: map[string]reflect.Type{}}
}

// componentName is the component of a struct: its name, and TagList for List[Tag], whose first field is the list.
func componentName(t reflect.Type) string {
	name, _, generic := strings.Cut(t.Name(), "[")
	if generic {
		return componentName(t.Field(0).Type.Elem()) + name
	}
	return name
}

// of returns the schema of a type in answers: a reference for a struct.
func (s *schemas) of(t reflect.Type) Object {
	if fixed, ok := s.fixed[t]; ok {
		return maps.Clone(fixed)
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.String:
		return Object{"type": "string"}
	case reflect.Bool:
		return Object{"type": "boolean"}
	case reflect.Int, reflect.Int64, reflect.Int32:
		return Object{"type": "integer", "format": "int64"}
	case reflect.Float64:
		return Object{"type": "number", "format": "double"}
	case reflect.Slice:
		return Object{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		return Object{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.Struct:
		return s.answer(t)
	default:
		panic(fmt.Sprintf("no JSON schema for %v", t)) // a programming error, found by any test
	}
}

// answer makes the component of a struct in answers. Its fields without omitempty are required; of these, pointers may be
// null.
func (s *schemas) answer(t reflect.Type) Object {
	return s.component(t, func(properties Object) Object {
		required := []string{}
		for f := range jsonFields(t) {
			property := s.property(f)
			if f.field.Type.Kind() == reflect.Pointer && !f.omitted {
				property = nullable(property)
			}
			properties[f.name] = property
			if !f.omitted {
				required = append(required, f.name)
			}
		}
		return Object{"required": required}
	})
}

// request makes the component of a struct in requests: required are the properties that a request needs, and it may have no
// others than those of the struct.
func (s *schemas) request(t reflect.Type, required []string) Object {
	return s.component(t, func(properties Object) Object {
		for f := range jsonFields(t) {
			properties[f.name] = s.property(f)
		}
		return Object{"required": slices.Clone(required), "additionalProperties": false}
	})
}

// fields makes the component of an object that no struct describes. An answer has all of its fields, a request some of them.
func (s *schemas) fields(name string, n Named) Object {
	if _, ok := s.byName[name]; ok {
		return refTo(name)
	}
	properties, required := Object{}, []string{}
	for _, f := range n.Fields {
		property := s.of(f.Type)
		property["description"] = f.About
		if f.Title != "" {
			property["title"] = f.Title
		}
		if f.Enum != nil {
			property["enum"] = f.Enum
		}
		properties[f.Name] = property
		required = append(required, f.Name)
	}
	slices.Sort(required)
	out := Object{"type": "object", "properties": properties}
	if n.Request {
		out["additionalProperties"] = false
	} else {
		out["required"] = required
	}
	s.byName[name] = out
	return refTo(name)
}

// component returns a reference to the component of a struct, and makes a missing one: fill adds the properties and returns
// the rest of the schema.
func (s *schemas) component(t reflect.Type, fill func(properties Object) Object) Object {
	name := componentName(t)
	if had, ok := s.types[name]; ok {
		if had != t {
			panic(fmt.Sprintf("%v and %v are both called %s", had, t, name))
		}
		return refTo(name)
	}
	s.types[name] = t
	properties := Object{}
	out := fill(properties)
	out["type"], out["properties"] = "object", properties
	required := out["required"].([]string)
	slices.Sort(required)
	if len(required) == 0 {
		delete(out, "required")
	}
	s.byName[name] = out
	return refTo(name)
}

func nullable(property Object) Object {
	if kind, ok := property["type"]; ok {
		property["type"] = []any{kind, "null"}
		return property
	}
	about := property["description"]
	delete(property, "description")
	return Object{"anyOf": []any{property, Object{"type": "null"}}, "description": about}
}

// property is the schema of one field, with its tags applied.
func (s *schemas) property(f jsonField) Object {
	tag := f.field.Tag
	var out Object
	if name, ok := tag.Lookup("as"); ok {
		out = s.as(name, f.field.Type)
	} else {
		out = s.of(f.field.Type)
	}
	for _, key := range []string{"format", "pattern", "const"} {
		if v, ok := tag.Lookup(key); ok {
			out[key] = v
		}
	}
	for _, key := range []string{"enum", "examples"} {
		if v, ok := tag.Lookup(key); ok {
			out[key] = strings.Split(v, ",")
		}
	}
	if tag.Get("empty") == "refused" {
		out["minLength"] = 1
	}
	if v, ok := tag.Lookup("minimum"); ok {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			panic(fmt.Sprintf("%s: minimum: %v", f.name, err))
		}
		out["minimum"] = n
	}
	if v, ok := tag.Lookup("doc"); ok {
		out["description"] = quoted.ReplaceAllString(v, "$1`$2`")
	}
	return out
}

// quoted is 'x' in the text of a field; an apostrophe within or at the end of a word begins no quotation.
var quoted = regexp.MustCompile(`(^|[ (])'([^']+)'`)

// as is the schema under a name, of a field or, where it is a list of strings, of its items.
func (s *schemas) as(name string, t reflect.Type) Object {
	n, ok := s.named[name]
	if !ok {
		panic(fmt.Sprintf("there is no schema %q for a field", name))
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var out Object
	switch {
	case n.Of != nil:
		out = maps.Clone(n.Of)
	case n.Struct == nil:
		out = s.fields(name, n)
	case n.Request:
		out = s.request(n.Struct, nil)
	default:
		out = s.of(n.Struct)
	}
	if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String {
		return Object{"type": "array", "items": out}
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
