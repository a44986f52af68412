package ui

import (
	"errors"
	"fmt"
	"html/template"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// when shows a moment of the API, which is RFC 3339 text or nil, in UTC; the page's script adds how long ago it was.
func when(moment any) (template.HTML, error) {
	var text string
	switch m := moment.(type) {
	case string:
		text = m
	case *string:
		if m != nil {
			text = *m
		}
	default:
		return "", fmt.Errorf("%T is no moment", moment)
	}
	if text == "" {
		return "", nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil { // it is what somebody declared
		return template.HTML(template.HTMLEscapeString(text)), nil //nolint:gosec // escaped
	}
	t = t.UTC()
	return template.HTML(`<time datetime="` + t.Format(time.RFC3339) + `">` + t.Format("2006-01-02 15:04") + ` UTC</time>`), nil //nolint:gosec // made of numbers
}

// size is a number of bytes for people.
func size(n int64) string {
	const unit = 1000
	if n < unit {
		return strconv.FormatInt(n, 10) + " B"
	}
	v, i := float64(n)/unit, 0
	for ; v >= unit && i < len("kMGTP")-1; i++ {
		v /= unit
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + " " + "kMGTP"[i:i+1] + "B"
}

// number groups the digits of a number.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}

// plural is a number with the word for what it counts.
func plural(n int64, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + more
}

// count is how many items a list has, as the other functions take numbers.
func count(list any) int64 { return int64(reflect.ValueOf(list).Len()) }

// short is the beginning of a digest or of a commit, as people compare it.
func short(s any) string {
	text := fmt.Sprint(s)
	text = strings.TrimPrefix(text, "sha256:")
	if len(text) > shortDigits {
		return text[:shortDigits]
	}
	return text
}

const shortDigits = 12

// versionName is a version as headings show it: of a digest the beginning.
func versionName(version string) string {
	if algorithm, hex, ok := strings.Cut(version, ":"); ok && len(hex) >= 64 && strings.HasPrefix(algorithm, "sha") {
		return algorithm + ":" + short(hex) + "…"
	}
	return clip(maxVersionName, version)
}

const maxVersionName = 60

// callerOf tells the user and the token of a caller, as the API names it; "": there is no token.
func callerOf(caller string) (user, token string) {
	if rest, ok := strings.CutPrefix(caller, "token "); ok {
		if i := strings.LastIndex(rest, " of user "); i >= 0 {
			return rest[i+len(" of user "):], rest[:i]
		}
	}
	return caller, ""
}

// userOf is the user of a caller.
func userOf(caller string) string {
	user, _ := callerOf(caller)
	return clip(maxWho, user)
}

// who shows a caller: the user, and in a lower voice the token that spoke for it.
func who(caller string) template.HTML {
	user, token := callerOf(caller)
	out := template.HTMLEscapeString(clip(maxWho, user))
	if token != "" {
		out += ` <span class="muted">(token ` + template.HTMLEscapeString(clip(maxWho, token)) + `)</span>`
	}
	return template.HTML(out) //nolint:gosec // escaped
}

const maxWho = 60

// clip cuts a text that is longer than n bytes, and shows that it did.
func clip(n int, s string) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// args makes a map of name, value, name, value…, for a component that takes several values.
func args(pairs ...any) (map[string]any, error) {
	out := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, errors.New("args takes names and values in turn")
		}
		out[name] = pairs[i+1]
	}
	return out, nil
}
