package cli

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"text/tabwriter"

	"slipway/api"
	"slipway/cmd/slipway/internal/command"
)

// column is one column of a table: a title, and the function that gives an item's value.
type column[T any] struct {
	title string
	value func(item T) any
}

// of turns columns of a part of an item into columns of the item.
func of[T, Part any](columns []column[Part], part func(T) Part) []column[T] {
	out := make([]column[T], len(columns))
	for i, c := range columns {
		out[i] = column[T]{c.title, func(item T) any { return c.value(part(item)) }}
	}
	return out
}

// cell is the text of a value: a dash for nothing, the items of a list joined by commas.
func cell(v any) string {
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Invalid:
		return "-"
	case reflect.Pointer:
		if r.IsNil() {
			return "-"
		}
		return cell(r.Elem().Interface())
	case reflect.String:
		if r.Len() == 0 {
			return "-"
		}
		return command.Clean(r.String())
	case reflect.Slice:
		if r.Len() == 0 {
			return "-"
		}
		parts := make([]string, r.Len())
		for i := range parts {
			parts[i] = cell(r.Index(i).Interface())
		}
		return strings.Join(parts, ",")
	default:
		return command.Clean(fmt.Sprint(v))
	}
}

// block is text of several lines, which is shown as it is.
type block struct{ text string }

// lines puts each item of a list on a line of its own, below each other in the second column.
func lines[T any](list []T, text func(T) string) any {
	parts := make([]string, len(list))
	for i, item := range list {
		parts[i] = text(item)
	}
	if len(parts) == 0 {
		return nil
	}
	return block{strings.Join(parts, "\n\t")}
}

// permissions shows permissions as main:read,publish.
func permissions(list []api.Permission) any {
	parts := make([]string, len(list))
	for i, p := range list {
		parts[i] = cell(p.Repository) + ":" + cell(p.Actions)
	}
	return block{strings.Join(parts, " ")}
}

func (c column[T]) text(item T) string {
	v := c.value(item)
	if b, ok := v.(block); ok {
		return b.text
	}
	return cell(v)
}

// printList writes a table of items below each other.
func printList[T any](w io.Writer, items []T, columns []column[T]) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	titles := make([]string, len(columns))
	for i, c := range columns {
		titles[i] = c.title
	}
	if _, err := fmt.Fprintln(t, strings.Join(titles, "\t")); err != nil {
		return err
	}
	for _, item := range items {
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

// printItem writes the columns of one item below each other.
func printItem[T any](w io.Writer, item T, columns []column[T]) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, c := range columns {
		if _, err := fmt.Fprintf(t, "%s\t%s\n", c.title, c.text(item)); err != nil {
			return err
		}
	}
	return t.Flush()
}
