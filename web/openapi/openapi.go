// Package openapi writes OpenAPI 3.1 documents: it makes the document from descriptions of endpoints and Go types. It does not
// depend on the API that it describes.
//
// A schema is made of the Go type that the server encodes or decodes, so that document and code can't differ. A field's tags
// add what its Go type lacks: doc is its text, in which 'x' stands for `x`, which a tag can't hold; format, pattern, const,
// enum, examples and minimum are keywords of JSON Schema (enum and examples separate their values by commas); as names an
// entry of Document.Named.
package openapi

import (
	"net/http"
	"reflect"
)

// Version is the version of OpenAPI that documents are written in.
const Version = "3.1.0"

// Object is a JSON object of the document, such as a schema.
type Object = map[string]any

// Document describes an API. Zero fields are left out or empty.
type Document struct {
	Info     Object
	Servers  []string // addresses
	Tags     []Object // the groups of the operations, in reading order
	Security Object   // the schemes; each alone is enough for an operation that is not public

	Endpoints []Endpoint
	// Variables describes the variables of all paths, by name.
	Variables map[string]Param
	// Problems are the answers of failures, by status; 0 is any other status. The document has each once.
	Problems map[int]Problem

	// Types are schemas of Go types with a format or a closed set of values, which their kind does not tell.
	Types map[reflect.Type]Object
	// Named has the schemas that the tag "as" of a field names.
	Named map[string]Named
}

// Named is a schema that a field names by the tag "as": of a string, of the items of a list, or of raw JSON.
type Named struct {
	Of      Object       // the schema itself; nil:
	Struct  reflect.Type // a struct, which becomes a component; nil:
	Fields  []Field      // the fields of an object that no struct describes; it becomes a component under the name
	Request bool         // the component is a part of requests
}

// Field is a property of an object that no struct describes.
type Field struct {
	Name, Title, About string // Title: what people call it; "": as its name
	Type               reflect.Type
	Enum               []string // all values of a string; nil: any
}

// Endpoint is an operation at its method and path. The path is a template of the router: a variable may have a pattern, as in
// {path:.+}.
type Endpoint struct {
	Method string
	Path   string
	Operation
}

// Operation is the description of an endpoint beside its method and path.
type Operation struct {
	Public  bool   // answers without credentials
	ID      string // operationId
	Group   string // the name of one of Document.Tags
	Summary string
	About   string // a longer description, in Markdown
	Query   []Param
	Header  []Param
	Request *Body
	Answers []Answer // of success
	Errors  []int    // beside the errors of every operation of its kind
	Rights  Rights   // nil: the document doesn't say
}

// RightsExtension is the property of an operation that has its rights.
const RightsExtension = "x-slipway-rights"

// Rights are what the caller of an operation needs: one of these alternatives, and of it every right. An alternative has rights by
// their scope, as the entries of "security" have scopes by their scheme; an empty one asks for credentials alone.
type Rights []map[string][]string

// Param is a parameter, or a header of an answer.
type Param struct {
	Name     string
	About    string
	Of       Object // nil: a string
	Example  any
	Required bool // for a query parameter: it can't be left out
}

// Body is a request's body: one JSON object that fits a struct.
type Body struct {
	Media    string       // where it is not application/json: a type whose lines are such objects
	Of       Object       // of a body that is no JSON, instead of Struct: its schema
	Struct   reflect.Type // the component has its name
	Required []string     // the properties that can't be left out
	Example  string       // JSON
	Optional bool         // the request may have no body
}

// Takes is a body that fits a T and needs some properties.
func Takes[T any](example string, required ...string) *Body {
	return &Body{Struct: reflect.TypeFor[T](), Required: required, Example: example}
}

// Answer is a success. Each content is of another media type; without content the answer has no body.
type Answer struct {
	Status  int
	About   string
	Header  []Param
	Content []Content
}

// Content is a body of an answer.
type Content struct {
	Media   string
	Of      Object // nil: the schema of the example's type
	Example any
}

// JSON is content with the schema of the example's type.
func JSON(example any) []Content {
	return []Content{{Media: "application/json", Example: example}}
}

// Problem is a component of the document's responses: an answer of the type application/problem+json.
type Problem struct {
	Name, About string
	Example     any
	Or          any // a value of another type that the answer may have
}

// failures are the statuses that a client of an endpoint should handle; all others fall under the default. named: its path has
// variables.
func (e Endpoint) failures(named bool) []int {
	out := append([]int{}, e.Errors...)
	if named || len(e.Query)+len(e.Header) > 0 || e.Request != nil {
		out = append(out, http.StatusBadRequest)
	}
	if named {
		out = append(out, http.StatusNotFound)
	}
	if e.Request != nil {
		out = append(out, http.StatusRequestEntityTooLarge)
	}
	if !e.Public {
		out = append(out, http.StatusUnauthorized, http.StatusForbidden)
	}
	return out
}
