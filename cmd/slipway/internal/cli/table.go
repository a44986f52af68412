package cli

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"

	"slipway/api"
	"slipway/cmd/slipway/internal/command"
)

// column is one column of a table: a title, and the function that gives an item's value.
type column[T any] struct {
	title string
	value func(item T) any
}

// wideMark begins the title of a column that lists only show with --wide.
const wideMark = "\x00"

// onlyWide is the title of a column that lists only show with --wide. The table of one item has it always.
func onlyWide(title string) string { return wideMark + title }

// of turns columns of a part of an item into columns of the item.
func of[T, Part any](columns []column[Part], part func(T) Part) []column[T] {
	out := make([]column[T], len(columns))
	for i, c := range columns {
		out[i] = column[T]{c.title, func(item T) any { return c.value(part(item)) }}
	}
	return out
}

// picture turns values into cells. The zero value shows them as they are.
type picture struct {
	command.Screen
	one bool // the table of one item: digests are whole, and times are exact
}

// cell is the text of a value as it is: a dash for nothing, the items of a list joined by commas.
func cell(v any) string { return picture{Screen: command.Screen{Wide: true}}.cell(v) }

func (p picture) cell(v any) string {
	switch v := v.(type) {
	case block:
		return v.text
	case moment:
		return p.moment(string(v))
	case state:
		return cell(string(v))
	case packageURL:
		return p.purl(string(v))
	case api.Digest:
		return p.digest(string(v))
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Invalid:
		return "-"
	case reflect.Pointer:
		if r.IsNil() {
			return "-"
		}
		return p.cell(r.Elem().Interface())
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
			parts[i] = p.cell(r.Index(i).Interface())
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
	return block{strings.Join(parts, "\n")}
}

// permissions shows permissions as main:read,publish.
func permissions(list []api.Permission) any {
	parts := make([]string, len(list))
	for i, p := range list {
		parts[i] = permissionText(p)
	}
	if len(parts) == 0 {
		return nil
	}
	return block{strings.Join(parts, " ")}
}

// gap is what stands between two columns.
const gap = "  "

// printList writes a table of items below each other, cut to the screen.
func printList[T any](w io.Writer, screen command.Screen, items []T, columns []column[T]) error {
	p := picture{Screen: screen}
	var shown []column[T]
	var titles []string
	for _, c := range columns {
		title, wide := strings.CutPrefix(c.title, wideMark)
		if wide && !screen.Wide {
			continue
		}
		shown, titles = append(shown, c), append(titles, title)
	}
	rows := make([][]string, len(items))
	colors := make([][]string, len(items))
	for i, item := range items {
		for _, c := range shown {
			v := c.value(item)
			rows[i] = append(rows[i], strings.ReplaceAll(p.cell(v), "\n", " "))
			colors[i] = append(colors[i], p.color(v))
		}
	}
	widths := fit(titles, rows, screen.Columns)
	var out strings.Builder
	writeRow(&out, titles, widths, p.bold(len(titles)))
	for i, row := range rows {
		writeRow(&out, row, widths, colors[i])
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// narrowest is how far a column may be cut.
const narrowest = 8

// fit returns the widths of columns whose sum is at most the limit, as far as columns can be cut: the widest first.
// 0 is no limit.
func fit(titles []string, rows [][]string, limit int) []int {
	widths := make([]int, len(titles))
	total := (len(titles) - 1) * len(gap)
	for i, title := range titles {
		widths[i] = utf8.RuneCountInString(title)
		for _, row := range rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
		total += widths[i]
	}
	for limit > 0 && total > limit {
		widest := 0
		for i := range widths {
			if widths[i] > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= narrowest {
			break
		}
		widths[widest]--
		total--
	}
	return widths
}

// writeRow writes a line of a table. Cells that are wider than their column end with an ellipsis.
func writeRow(out *strings.Builder, cells []string, widths []int, colors []string) {
	for i, text := range cells {
		if n := utf8.RuneCountInString(text); n > widths[i] {
			text = string([]rune(text)[:widths[i]-1]) + "…"
		}
		out.WriteString(colored(text, colors[i]))
		if i < len(cells)-1 {
			out.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text)) + gap)
		}
	}
	out.WriteByte('\n')
}

// printItem writes the columns of one item below each other.
func printItem[T any](w io.Writer, screen command.Screen, item T, columns []column[T]) error {
	p := picture{Screen: screen, one: true}
	width := 0
	for _, c := range columns {
		width = max(width, utf8.RuneCountInString(strings.TrimPrefix(c.title, wideMark)))
	}
	var out strings.Builder
	for _, c := range columns {
		title := strings.TrimPrefix(c.title, wideMark)
		v := c.value(item)
		space := strings.Repeat(" ", width-utf8.RuneCountInString(title)) + gap
		below := "\n" + strings.Repeat(" ", width) + gap
		out.WriteString(colored(title, p.bold(1)[0]) + space)
		out.WriteString(colored(strings.ReplaceAll(p.cell(v), "\n", below), p.color(v)) + "\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}
