package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"slipway/cmd/slipway/internal/command"
)

// column is one column of a table: a title and the way to its text.
type column struct {
	title string
	text  func(item map[string]any) string
}

// field shows one member of an item.
func field(title, key string) column {
	return column{title, func(item map[string]any) string { return cell(item[key]) }}
}

// cell is the text of a JSON value.
func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return "-"
	case string:
		if v == "" {
			return "-"
		}
		return command.Clean(v)
	case []any:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = cell(x)
		}
		if len(parts) == 0 {
			return "-"
		}
		return strings.Join(parts, ",")
	default:
		return command.Clean(fmt.Sprint(v))
	}
}

// permissions shows [{"repository","actions"}] as main:read,publish.
func permissions(title string) column {
	return column{title, func(item map[string]any) string {
		var parts []string
		list, _ := item["permissions"].([]any)
		for _, p := range list {
			if p, ok := p.(map[string]any); ok {
				parts = append(parts, cell(p["repository"])+":"+cell(p["actions"]))
			}
		}
		return strings.Join(parts, " ")
	}}
}

// printList writes a list: a table, or a JSON array.
func printList(w io.Writer, output string, items []json.RawMessage, columns []column) error {
	if output == command.JSON {
		return command.PrintJSON(w, items)
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	titles := make([]string, len(columns))
	for i, c := range columns {
		titles[i] = c.title
	}
	if _, err := fmt.Fprintln(t, strings.Join(titles, "\t")); err != nil {
		return err
	}
	for _, raw := range items {
		item, err := decodeItem(raw)
		if err != nil {
			return err
		}
		cells := make([]string, len(columns))
		for i, c := range columns {
			cells[i] = c.text(item)
		}
		if _, err := fmt.Fprintln(t, strings.Join(cells, "\t")); err != nil {
			return err
		}
	}
	return t.Flush()
}

// printItem writes one object: its columns below each other, or its JSON.
func printItem(w io.Writer, output string, raw json.RawMessage, columns []column) error {
	if output == command.JSON {
		return command.PrintJSON(w, raw)
	}
	item, err := decodeItem(raw)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, c := range columns {
		if _, err := fmt.Fprintf(t, "%s\t%s\n", c.title, c.text(item)); err != nil {
			return err
		}
	}
	return t.Flush()
}

// decodeItem keeps numbers as they are written: a size must not become 1e+10.
func decodeItem(raw json.RawMessage) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var item map[string]any
	err := d.Decode(&item)
	return item, err
}
