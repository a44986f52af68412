package npm

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
)

// member is one key of a JSON object with its value as it was written, without white space.
type member struct {
	key   string
	value json.RawMessage
}

// object is a JSON object that keeps unknown members and the order of all. encoding/json can't stand in for it: its
// structs drop members and match keys without regard to case, its maps lose the order.
type object []member

var errNotObject = errors.New("not a JSON object")

// parseObject reads an object as JavaScript does: of equal keys the last one counts.
func parseObject(raw []byte) (object, error) {
	if !json.Valid(raw) {
		return nil, errNotObject
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errNotObject
	}
	o := object{}
	at := map[string]int{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, ok := t.(string)
		if !ok {
			return nil, errNotObject
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return nil, err
		}
		if i, seen := at[key]; seen {
			o[i].value = compact(v)
			continue
		}
		at[key] = len(o)
		o = append(o, member{key, compact(v)})
	}
	return o, nil
}

// compact drops white space of a valid value.
func compact(v json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	_ = json.Compact(&b, v) // v has just been decoded, so it is valid
	return b.Bytes()
}

func (o object) get(key string) json.RawMessage {
	for _, m := range o {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

// text returns a string member; "" if it is absent or of another type.
func (o object) text(key string) string {
	var s string
	if json.Unmarshal(o.get(key), &s) != nil {
		return ""
	}
	return s
}

// set replaces a member where it stands or appends it.
func (o *object) set(key string, v any) {
	raw, ok := v.(json.RawMessage)
	if !ok {
		raw = marshal(v)
	}
	for i := range *o {
		if (*o)[i].key == key {
			(*o)[i].value = raw
			return
		}
	}
	*o = append(*o, member{key, raw})
}

func (o *object) drop(gone func(key string) bool) {
	*o = slices.DeleteFunc(*o, func(m member) bool { return gone(m.key) })
}

// appendMembers writes the members with commas between them, without the braces.
func (o object) appendMembers(dst []byte) []byte {
	for i, m := range o {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, marshal(m.key)...)
		dst = append(dst, ':')
		dst = append(dst, m.value...)
	}
	return dst
}

func (o object) MarshalJSON() ([]byte, error) {
	return append(o.appendMembers([]byte{'{'}), '}'), nil
}

// marshal writes a value of ours, without the escaping that is meant for HTML.
func marshal(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // strings, numbers, and maps and slices of them always encode
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}

// isEmpty reports whether a value says nothing: absent, null, "", {} or [].
func isEmpty(v json.RawMessage) bool {
	switch string(v) {
	case "", "null", `""`, "{}", "[]":
		return true
	}
	return false
}
