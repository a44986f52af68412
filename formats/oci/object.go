package oci

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// object is a JSON object by its exact keys. Package json takes "Layers" for "layers", and the last of two equal keys; other
// readers do neither, and all readers must see the same manifest.
type object map[string]json.RawMessage

var (
	errNoObject  = errors.New("it is not one JSON object")
	errTwice     = errors.New("it has a key twice")
	errOtherCase = errors.New("it has a known key in another case")
)

// knownKeys are the keys that this package or a client reads in a manifest or a descriptor.
var knownKeys = map[string]bool{
	"schemaVersion": true, "mediaType": true, "artifactType": true, "config": true, "layers": true, "blobs": true, "manifests": true,
	"subject": true, "annotations": true, "fsLayers": true, "digest": true, "size": true, "urls": true, "platform": true, "data": true,
}

var foldedKeys = func() map[string]string {
	folded := map[string]string{}
	for k := range knownKeys {
		folded[strings.ToLower(k)] = k
	}
	return folded
}()

// parseObject reads exactly one object.
func parseObject(raw []byte) (object, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errNoObject
	}
	o := object{}
	for dec.More() {
		t, err := dec.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return nil, errNoObject
		}
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return nil, errNoObject
		}
		if _, twice := o[key]; twice {
			return nil, errTwice
		}
		if known, ok := foldedKeys[strings.ToLower(key)]; ok && known != key {
			return nil, errOtherCase
		}
		o[key] = value
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return nil, errNoObject
	}
	if _, err := dec.Token(); err != io.EOF { // More is false at a stray brace as well
		return nil, errNoObject
	}
	return o, nil
}

// has reports whether a key has a value other than null.
func (o object) has(key string) bool {
	v, ok := o[key]
	return ok && string(v) != "null"
}

// text returns a string; ok is false for a value of another kind.
func (o object) text(key string) (s string, ok bool) {
	if !o.has(key) {
		return "", true
	}
	return s, json.Unmarshal(o[key], &s) == nil
}

// list returns the objects of an array.
func (o object) list(key string) ([]object, error) {
	if !o.has(key) {
		return nil, nil
	}
	var raw []json.RawMessage
	if json.Unmarshal(o[key], &raw) != nil {
		return nil, errors.New(key + " is not a list")
	}
	out := make([]object, len(raw))
	for i, item := range raw {
		var err error
		if out[i], err = parseObject(item); err != nil {
			return nil, errors.New(key + " has an entry that can't be read: " + err.Error())
		}
	}
	return out, nil
}

// strings returns a map of strings; entries of other kinds are left out.
func (o object) strings(key string) map[string]string {
	var raw map[string]json.RawMessage
	if !o.has(key) || json.Unmarshal(o[key], &raw) != nil {
		return nil
	}
	out := make(map[string]string, len(raw))
	for k, v := range raw {
		var s string
		if json.Unmarshal(v, &s) == nil {
			out[k] = s
		}
	}
	return out
}
