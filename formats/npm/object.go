package npm

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
)

// member is one key of a JSON object with its value as it was written, without white space.
type member struct {
	key   string
	value json.RawMessage
}

// object is a JSON object that keeps unknown members and the order of members. encoding/json can't replace it: its structs
// drop members and match keys without regard to case, its maps lose the order.
type object []member

var errNotObject = errors.New("not a JSON object")

// fewMembers is up to how many members are searched one by one. For a hostile object of a million members that would take
// hours.
const fewMembers = 32

// parseObject reads an object as JavaScript does: of equal keys the last one counts. Values are parts of raw, which must
// not change any more.
func parseObject(raw []byte) (object, error) {
	s := syntax{text: raw}
	o := make(object, 0, 16)
	var at map[string]int // only beyond fewMembers
	var room []byte       // for values without their white space
	start := s.space(0)
	if s.at(start) != '{' {
		return nil, errNotObject
	}
	end := s.object(start, maxNesting, func(quoted, value []byte, spaced bool) {
		key, _ := unquoted(quoted) // it is a string
		if spaced {
			if room == nil {
				room = make([]byte, 0, len(raw))
			}
			n := len(room)
			room = appendCompact(room, value)
			value = room[n:len(room):len(room)]
		}
		if i := o.index(key, &at); i >= 0 {
			o[i].value = value
		} else {
			o = append(o, member{key, value})
		}
	})
	if end < 0 || s.space(end) != len(raw) {
		return nil, errNotObject
	}
	return o, nil
}

// index returns where a key stands, -1 if it is new. at is filled once it is needed; the caller appends a new key.
func (o object) index(key string, at *map[string]int) int {
	if len(o) < fewMembers {
		return slices.IndexFunc(o, func(m member) bool { return m.key == key })
	}
	if *at == nil {
		*at = make(map[string]int, 2*fewMembers)
		for i, m := range o {
			(*at)[m.key] = i
		}
	}
	if i, seen := (*at)[key]; seen {
		return i
	}
	(*at)[key] = len(o)
	return -1
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
	s, _ := unquoted(o.get(key))
	return s
}

// put sets a member, or drops it when the value is empty.
func (o *object) put(key string, v json.RawMessage) {
	if isEmpty(v) {
		o.drop(func(k string) bool { return k == key })
	} else {
		o.set(key, v)
	}
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
		dst = appendQuoted(dst, m.key)
		dst = append(dst, ':')
		dst = append(dst, m.value...)
	}
	return dst
}

// size is about what appendMembers writes, in bytes.
func (o object) size() int {
	n := 0
	for _, m := range o {
		n += len(m.key) + len(m.value) + len(`"":,`)
	}
	return n
}

// marshal encodes a value made by this package, without HTML escaping.
func marshal(v any) json.RawMessage {
	switch v := v.(type) {
	case string:
		return appendQuoted(nil, v)
	case bool:
		return strconv.AppendBool(nil, v)
	case int64:
		return strconv.AppendInt(nil, v, 10)
	}
	return encoded(v)
}

func encoded(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // strings, numbers, and maps and slices of them always encode
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}

// isEmpty reports whether a value is absent, null, "", {} or [].
func isEmpty(v json.RawMessage) bool {
	switch string(v) {
	case "", "null", `""`, "{}", "[]":
		return true
	}
	return false
}
