package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"slipway/internal/httpserver"
	"slipway/registry"
)

// maxBodyBytes bounds a request's body.
const maxBodyBytes = 256 << 10

// Decode reads the request's body, one JSON object, into v. Unknown fields are refused by name, so that a misspelt field is
// not ignored silently. Invalid, TooLarge, BadBody.
func Decode(r *http.Request, v any) error {
	var raw json.RawMessage
	if err := httpserver.DecodeJSON(r, maxBodyBytes, &raw); err != nil {
		return err
	}
	return DecodeObject(raw, v)
}

// withoutNulls refuses an object with a field that is null: Go takes it for absent, and a client that means "none" by it would
// be told that all went well while nothing changed.
func withoutNulls(raw json.RawMessage) error {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return nil // the decoder says what is wrong
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if string(fields[name]) == "null" {
			return Invalid("the field %q can't be null; leave it out, or give an empty value", name)
		}
	}
	return nil
}

// DecodeObject decodes one JSON object into v, with the rules of Decode for fields. A field with the struct tag empty:"refused" may be
// left out, but not be "": an id that a script takes from a variable must not count as none when the variable is not set. Invalid.
func DecodeObject(raw json.RawMessage, v any) error {
	if first := bytes.TrimLeft(raw, " \t\r\n"); len(first) == 0 || first[0] != '{' {
		return Invalid("a JSON object is needed")
	}
	if err := withoutNulls(raw); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		return refuseEmpty(raw, reflect.TypeOf(v))
	}
	var known *registry.Error
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &kind) && kind.Field != "":
		return Invalid("the field %q can't be a %s", kind.Field, kind.Value)
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return Invalid("unknown field %s", field)
	}
	return Invalid("the body can't be read: %s", strings.TrimPrefix(err.Error(), "json: "))
}

// refuseEmpty applies the struct tag empty of DecodeObject to the object that was decoded into a value of type t.
func refuseEmpty(raw json.RawMessage, t reflect.Type) error {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	var sent map[string]json.RawMessage
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Tag.Get("empty") != "refused" {
			continue
		}
		if sent == nil {
			if err := json.Unmarshal(raw, &sent); err != nil {
				return Invalid("the body can't be read: %s", err)
			}
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if string(sent[name]) == `""` {
			return Invalid("the field %q is empty: give it a value, or leave it out; is a variable of your script not set?", name)
		}
	}
	return nil
}
