package command

import (
	"encoding/json"
	"io"
	"strings"
	"unicode"
)

// Values of --output.
const (
	Table = "table"
	JSON  = "json"
)

// CheckOutput refuses a value of --output that is neither Table nor JSON.
func CheckOutput(s string) error {
	if s != Table && s != JSON {
		return Usagef("--output: %q is neither table nor json", s)
	}
	return nil
}

// Clean makes foreign text safe for a terminal: control and format characters could change what the user sees.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsGraphic(r) {
			return '·'
		}
		return r
	}, s)
}

// PrintJSON writes a value as indented JSON.
func PrintJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
