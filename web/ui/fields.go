package ui

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"slipway/registry"
	"slipway/web/internal/wire"
)

// Kinds of fields.
const (
	fieldText     = ""         // a text of one line
	fieldDuration = "duration" // a text such as 72h; empty: as the server does
	fieldNumber   = "number"   // a whole number; empty: 0
	fieldDecimal  = "decimal"
	fieldCheck    = "check"
	fieldChoice   = "choice"
	fieldList     = "list"  // texts, separated by white space or commas
	fieldBlock    = "block" // a text of several lines
	fieldSecret   = "secret"
	// fieldSecretBlock is a secret of several lines.
	fieldSecretBlock = "secret-block"
)

// fieldSpec describes a field of a form that sets a value of the API. The name is the path of the value in the API's JSON, with dots.
type fieldSpec struct {
	name, label, hint, kind string
	setting                 string   // its name for the command line and the API; "": it is not shown
	options                 []choice // of a choice; the first is the default, ""
}

// formField is such a field with what it holds.
type formField struct {
	Name, Label, Hint, Kind, Value, Setting string
	Options                                 []choice
}

// fieldset is a group of fields.
type fieldset struct {
	Title, About string
	Open         bool
	Fields       []formField
}

// valuesOf reads what fields hold out of an object of the API.
func valuesOf(specs []fieldSpec, object any) (map[string]string, error) {
	raw, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, s := range specs {
		if s.kind != fieldSecret && s.kind != fieldSecretBlock { // of these the API tells whether there is one
			out[s.name] = valueText(at(tree, s.name))
		}
	}
	return out, nil
}

// at is the value at a path with dots; nil: there is none.
func at(tree map[string]any, path string) any {
	first, rest, below := strings.Cut(path, ".")
	if !below {
		return tree[first]
	}
	next, _ := tree[first].(map[string]any)
	return at(next, rest)
}

// valueText is a value of JSON as a field holds it.
func valueText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		if v {
			return "true"
		}
	case float64:
		if v != 0 {
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
	case []any:
		lines := make([]string, len(v))
		for i, item := range v {
			lines[i] = fmt.Sprint(item)
		}
		return strings.Join(lines, "\n")
	}
	return ""
}

// fieldsOf makes the fields of a form.
func fieldsOf(specs []fieldSpec, values map[string]string) []formField {
	out := make([]formField, len(specs))
	for i, s := range specs {
		out[i] = formField{Name: s.name, Label: s.label, Hint: s.hint, Kind: s.kind, Value: values[s.name], Setting: s.setting}
		for _, o := range s.options {
			o.Chosen = o.Value == values[s.name]
			out[i].Options = append(out[i].Options, o)
		}
	}
	return out
}

// postedValues are what a form says of its fields.
func postedValues(specs []fieldSpec, form url.Values) map[string]string {
	out := map[string]string{}
	for _, s := range specs {
		out[s.name] = strings.TrimSpace(strings.ReplaceAll(form.Get(s.name), "\r\n", "\n"))
	}
	return out
}

// wasField is the field in which a form keeps what its fields held when it was made, so that it changes nothing but what its user changed.
const wasField = "was"

// wasOf is the value of that field.
func wasOf(values map[string]string) string {
	raw, err := json.Marshal(values)
	if err != nil {
		panic(err) // a map of texts
	}
	return string(raw)
}

// changedFields are the names of the fields that hold something else than when the form was made. Invalid.
func changedFields(specs []fieldSpec, posted map[string]string, form url.Values) (map[string]bool, error) {
	var was map[string]string
	if json.Unmarshal([]byte(form.Get(wasField)), &was) != nil {
		return nil, wire.Invalid("the form does not say what it showed: load the page again")
	}
	out := map[string]bool{}
	for _, s := range specs {
		before := was[s.name]
		if s.kind == fieldList {
			if slices.Equal(words(before), words(posted[s.name])) {
				continue
			}
		} else if before == posted[s.name] {
			continue
		}
		out[s.name] = true
	}
	return out, nil
}

// words are the items of a list's field.
func words(text string) []string {
	if list := listOf(text); list != nil {
		return *list
	}
	return []string{}
}

// jsonValue is what a field says, as the API takes it. Invalid.
func (s fieldSpec) jsonValue(text string) (any, error) {
	switch s.kind {
	case fieldCheck:
		return text == "true", nil
	case fieldList:
		return words(text), nil
	case fieldNumber:
		if text == "" {
			return 0, nil
		}
		n, err := strconv.ParseInt(strings.ReplaceAll(text, "\u202f", ""), 10, 64)
		if err != nil || n < 0 {
			return nil, wire.Invalid("%s: %q is no whole number", s.label, text)
		}
		return n, nil
	case fieldDecimal:
		if text == "" {
			return 0, nil
		}
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || n < 0 {
			return nil, wire.Invalid("%s: %q is no number", s.label, text)
		}
		return n, nil
	}
	return text, nil
}

// put sets the value at a path with dots.
func put(tree map[string]any, path string, value any) {
	first, rest, below := strings.Cut(path, ".")
	if !below {
		tree[first] = value
		return
	}
	next, ok := tree[first].(map[string]any)
	if !ok {
		next = map[string]any{}
		tree[first] = next
	}
	put(next, rest, value)
}

// formRefusal is refusal, also for what the pages themselves find wrong with a form.
func formRefusal(err error) (detail string, status int, ok bool) {
	if registry.KindOf(err) == registry.Invalid {
		return registry.AsError(err).Detail, http.StatusBadRequest, true
	}
	return refusal(err)
}

// fill makes a request of the API of a tree of values.
func fill(tree map[string]any, request any) error {
	raw, err := json.Marshal(tree)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, request)
}
