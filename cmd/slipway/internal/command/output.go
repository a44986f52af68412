package command

import (
	"encoding/json"
	"io"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Values of --output.
const (
	Table = "table"
	JSON  = "json"
)

// OutputFlag adds --output, which is Table or JSON, to a command's flags.
func OutputFlag(cmd *cobra.Command, fs *pflag.FlagSet, output *string, usage string) {
	EnumFlag(cmd, fs, output, "output", "o", Table, usage, Table, JSON)
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
