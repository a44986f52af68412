package sqlstore

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed migrations/*.sql
var embedded embed.FS

// Spelling is how a database writes what the steps of the schema leave open, as {{id}}, {{int}} and so on.
type Spelling struct {
	ID        string // {{id}}: the type of a row's number, and that it is the primary key
	Int       string // {{int}}: the type of whole numbers of 64 bits
	Text      string // {{text}}: the type of texts, which are compared byte by byte
	Bytes     string // {{bytes}}
	Empty     string // {{empty}}: no bytes
	Strict    string // {{strict}}, behind a table: its columns take values of their type only
	Rowless   string // {{rowless}}, behind a table: strict, and its rows are found by their key alone
	Ascending string // {{ascending}}, behind {{id}}: no number is given out twice
	Quote     string // {{quote}}, around a name that is a word of some database's language
	// Former says that there are databases of former releases. What {{sqlite}} and {{end}} enclose brings their rows up to date, and
	// is left out of the steps of a database that had none.
	Former bool
}

// Migrations are the steps of this binary's schema.
func (s Spelling) Migrations() ([]Migration, error) {
	dir, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return nil, err
	}
	list, err := Migrations(dir)
	if err != nil {
		return nil, err
	}
	marks := strings.NewReplacer("{{id}}", s.ID, "{{int}}", s.Int, "{{text}}", s.Text, "{{bytes}}", s.Bytes, "{{empty}}", s.Empty,
		"{{strict}}", s.Strict, "{{rowless}}", s.Rowless, "{{ascending}}", s.Ascending, "{{quote}}", s.Quote)
	for i := range list {
		text, err := s.parts(list[i].SQL)
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", list[i].Name, err)
		}
		if list[i].SQL = marks.Replace(text); strings.Contains(list[i].SQL, "{{") {
			return nil, fmt.Errorf("migration %s has an unknown mark", list[i].Name)
		}
	}
	return list, nil
}

// parts takes the marks {{sqlite}} and {{end}} out, with what is between them where that is to be left out.
func (s Spelling) parts(text string) (string, error) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{{sqlite}}")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		part, after, ended := strings.Cut(rest, "{{end}}")
		if !ended {
			return "", fmt.Errorf("{{sqlite}} without {{end}}")
		}
		if s.Former {
			out.WriteString(part)
		}
		text = after
	}
}
