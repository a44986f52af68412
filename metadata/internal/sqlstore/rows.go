package sqlstore

import (
	"strconv"
	"strings"
)

// rows is an INSERT of many rows at once, with a statement for each power of two.
type rows struct {
	columns int
	texts   [7]string
}

// newRows makes the statements from an INSERT up to its VALUES.
func newRows(head string, columns int) *rows {
	r := &rows{columns: columns}
	for power := range r.texts {
		var b strings.Builder
		b.WriteString(head + ` VALUES `)
		for i := range columns << power {
			switch {
			case i == 0:
				b.WriteString(`(`)
			case i%columns == 0:
				b.WriteString(`), (`)
			default:
				b.WriteString(`, `)
			}
			b.WriteString(`$` + strconv.Itoa(i+1))
		}
		r.texts[power] = b.String() + `)`
	}
	return r
}

// run inserts the rows whose columns are args, one after the other.
func (r *rows) run(args []any, exec func(text string, args []any) error) error {
	for len(args) > 0 {
		power := 0
		for power+1 < len(r.texts) && r.columns<<(power+1) <= len(args) {
			power++
		}
		n := r.columns << power
		if err := exec(r.texts[power], args[:n]); err != nil {
			return err
		}
		args = args[n:]
	}
	return nil
}
