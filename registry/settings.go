package registry

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Setting is a rule of a repository that its administrators can change. It belongs to the core, or to a format
// (Rules.Settings). The zero value of its type is its default.
type Setting struct {
	Name  string       // in the API and in stored rows, so it is never renamed; one of a format begins with the format's name
	Title string       // what people call it, a few words
	Doc   string       // what it means, for the API's document
	Type  reflect.Type // of its values, as encoding/json reads and writes them
	// Values are all values of a setting that is a choice between words, its default first; nil: it is none.
	Values []string
}

// SettingOf is a setting whose values are of the type T.
type SettingOf[T any] struct{ Setting }

// NewSetting makes a setting. A T that has more rules than its JSON type implements json.Unmarshaler, whose *Error is shown
// to the client.
func NewSetting[T any](name, title, doc string) SettingOf[T] {
	return SettingOf[T]{Setting{Name: name, Title: title, Doc: doc, Type: reflect.TypeFor[T]()}}
}

// Choice is a setting whose value is one of a few words.
type Choice struct{ SettingOf[string] }

// NewChoice makes a choice; the first of the values is its default.
func NewChoice(name, title, doc string, values ...string) Choice {
	c := Choice{NewSetting[string](name, title, doc)}
	c.Values = values
	return c
}

// In returns the word that holds in a repository.
func (c Choice) In(r Repository) string { return cmp.Or(c.SettingOf.In(r), c.Values[0]) }

// In returns the value that holds in a repository.
func (s SettingOf[T]) In(r Repository) (value T) {
	if raw, ok := storedSettings(r)[s.Name]; ok {
		if err := json.Unmarshal(raw, &value); err != nil {
			var none T
			return none // no version of this program wrote such a value
		}
	}
	return value
}

// AllowReuse lets a deleted coordinate be published again. The old version's facts stay with the old content, and only the log
// still has that content's files.
var AllowReuse = NewSetting[bool]("allow_reuse", "Deleted versions may be published again",
	"A deleted coordinate may be published again. What was known of it before then is in the log only.")

// StrictRecord keeps the end of a file from elsewhere back until the file is stored and in the log, however long that takes.
var StrictRecord = NewSetting[bool]("strict_record", "Files from elsewhere end only when they are stored",
	"The end of a file from a registry elsewhere waits until the file is stored and in the log, however long the store takes. Without it, clients wait 10 seconds at most.")

// StrictOrder lets the places of a repository answer in the order of its list of upstreams, whether they are here or elsewhere.
var StrictOrder = NewSetting[bool]("strict_order", "Upstreams answer in their order, also before what is here",
	"Upstreams answer in the order of their list. Without it, what is here comes before registries elsewhere.")

// Settings are the settings that every repository has: the core's, then those of the formats in the order of their names.
func (f Formats) Settings() []Setting {
	out := []Setting{AllowReuse.Setting, StrictOrder.Setting, StrictRecord.Setting, TagRules.Setting}
	for _, format := range slices.Sorted(maps.Keys(f)) {
		out = append(out, f[format].Settings...)
	}
	return out
}

// SettingsIn returns the value of every setting in a repository, by name.
func (f Formats) SettingsIn(r Repository) map[string]any {
	stored, out := storedSettings(r), map[string]any{}
	for _, setting := range f.Settings() {
		value := reflect.New(setting.Type)
		if raw, ok := stored[setting.Name]; !ok || json.Unmarshal(raw, value.Interface()) != nil {
			value.Elem().SetZero()
		}
		out[setting.Name] = value.Elem().Interface()
		if setting.Values != nil {
			out[setting.Name] = cmp.Or(value.Elem().String(), setting.Values[0])
		}
	}
	return out
}

// storedSettings are the settings of a row that are not at their defaults.
func storedSettings(r Repository) (stored map[string]json.RawMessage) {
	if len(r.Settings) > 0 {
		_ = json.Unmarshal(r.Settings, &stored) // a value that is no object means the defaults
	}
	return stored
}

// changeSettings sets the named settings. Settings of formats that this program does not have stay in the row. Invalid.
func (s *Core) changeSettings(r *Repository, changes map[string]any) error {
	known, before := s.Rules.Settings(), storedSettings(*r)
	after := maps.Clone(before)
	if after == nil {
		after = map[string]json.RawMessage{}
	}
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		i := slices.IndexFunc(known, func(k Setting) bool { return k.Name == name })
		if i < 0 {
			return Errorf(Invalid, AboutRequest, "unknown field %q", Clip(name))
		}
		value, err := known[i].parse(changes[name])
		if rules, ok := value.(TagRuleList); ok && err == nil {
			err = s.checkTagRules(rules)
		}
		switch {
		case err != nil:
			return err
		case value == nil:
		case reflect.ValueOf(value).IsZero():
			delete(after, name)
		default:
			if after[name], err = json.Marshal(value); err != nil {
				return err
			}
		}
	}
	if maps.EqualFunc(before, after, func(a, b json.RawMessage) bool { return bytes.Equal(a, b) }) {
		return nil
	}
	raw, err := json.Marshal(after)
	if err != nil {
		return err
	}
	r.Settings = raw
	return nil
}

// parse converts a value to the setting's type by way of JSON; nil for null, which changes nothing. Invalid.
func (s Setting) parse(v any) (any, error) {
	raw, err := json.Marshal(v)
	if err != nil || string(raw) == "null" {
		return nil, err
	}
	value := reflect.New(s.Type)
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err = d.Decode(value.Interface())
	var known *Error
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil && s.Values != nil:
		return s.choose(value.Elem().String())
	case err == nil:
		return value.Elem().Interface(), nil
	case errors.As(err, &known):
		return nil, known
	case errors.As(err, &kind):
		return nil, Errorf(Invalid, AboutRequest, "the field %q can't be a %s", s.Name, kind.Value)
	default:
		return nil, Errorf(Invalid, AboutRequest, "the field %q can't be read: %v", s.Name, err)
	}
}

// choose returns a word as it is stored: the default is "". Invalid.
func (s Setting) choose(word string) (any, error) {
	switch slices.Index(s.Values, word) {
	case -1:
		return nil, Errorf(Invalid, AboutRequest, "the field %q is %s, not %q", s.Name, strings.Join(s.Values, " or "), Clip(word))
	case 0:
		return "", nil
	default:
		return word, nil
	}
}

// checkSettings refuses two settings with the same name: a repository could not have both.
func (s *Core) checkSettings() error {
	seen := map[string]bool{}
	for _, setting := range s.Rules.Settings() {
		if seen[setting.Name] {
			return fmt.Errorf("two formats have a setting %q", setting.Name)
		}
		seen[setting.Name] = true
	}
	return nil
}
