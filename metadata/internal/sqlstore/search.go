package sqlstore

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"slipway/metadata"
)

// Search implements metadata.Searches. It begins at few candidates where some can be told, else it walks through the versions, the newest
// first, and looks at each. The + in front of columns keep planners from other ways.
func (t searches) Search(s metadata.Search) ([]metadata.Hit, error) {
	if len(s.Repositories) == 0 {
		return nil, nil
	}
	begin := &candidates{versions: s.Versions}
	switch {
	case s.PackageID != 0:
		begin = nil // it walks through the index of the package's versions
	case s.Versions == nil:
		var err error
		if begin, err = t.candidates(s); err != nil {
			return nil, err
		}
	}
	if begin.none() {
		return nil, t.Failed()
	}
	q := &searchSQL{asOf: s.AsOf}
	q.text.WriteString(`SELECT ` + qualified(versionCore, "v") + `, r.name, p.format, p.name
		FROM version v JOIN package p ON p.id = +v.package_id JOIN repository r ON r.id = +p.repository_id
		WHERE r.deleted_at IS NULL`)
	q.alive(asks(s.Where, metadata.FieldState))
	if s.NoAttached {
		q.text.WriteString(` AND +v.announced <> 2`)
	}
	if s.BeforeSeq > 0 {
		q.text.WriteString(` AND v.seq < `)
		q.arg(s.BeforeSeq)
	}
	if s.PackageID != 0 {
		q.text.WriteString(` AND v.package_id = `)
		q.arg(s.PackageID)
	}
	if s.AfterName != "" {
		q.text.WriteString(` AND (v.sort_key, v.name) < (`)
		q.arg(filled(s.AfterSortKey))
		q.text.WriteString(`, `)
		q.arg(s.AfterName)
		q.text.WriteString(`)`)
	}
	sign := ``
	if begin != nil {
		sign = `+`
		q.among(t.d, begin)
	}
	q.text.WriteString(` AND `)
	if err := q.condition(s.Where); err != nil {
		return nil, err
	}
	q.text.WriteString(` AND +p.repository_id IN (` + t.d.among(s.Repositories, q.param) + `)`)
	if s.PackageID != 0 {
		q.text.WriteString(` ORDER BY v.sort_key DESC, v.name DESC` + most(q.param(limit(s.Limit))))
	} else {
		q.text.WriteString(` ORDER BY ` + sign + `v.seq DESC, v.id DESC LIMIT `)
		q.arg(limit(s.Limit))
	}
	return all(t.Tx, scanHit, q.text.String(), q.args...)
}

func scanHit(r row) (metadata.Hit, error) {
	var h metadata.Hit
	var err error
	h.Version, err = versionFrom(extended{r, []any{&h.Repository, &h.Format, &h.Package}}, false)
	return h, err
}

// extended scans more columns after those of a record.
type extended struct {
	row
	more []any
}

func (e extended) Scan(dest ...any) error { return e.row.Scan(append(dest, e.more...)...) }

// qualified puts a table's name before each column of a list.
func qualified(columns, table string) string {
	parts := strings.Split(columns, ",")
	for i, p := range parts {
		parts[i] = table + "." + strings.TrimSpace(p)
	}
	return strings.Join(parts, ", ")
}

// searchSQL builds a statement; every value is a bound parameter.
type searchSQL struct {
	text strings.Builder
	args []any
	asOf *int64
}

func (q *searchSQL) arg(v any) { q.text.WriteString(q.param(v)) }

// param binds a value and returns its placeholder.
func (q *searchSQL) param(v any) string {
	q.args = append(q.args, v)
	return last(q.args)
}

// alive leaves out versions that did not exist yet, and deleted versions unless they are asked for.
func (q *searchSQL) alive(deleted bool) {
	if q.asOf != nil {
		q.text.WriteString(` AND v.seq <= `)
		q.arg(*q.asOf)
		if !deleted {
			q.text.WriteString(` AND NOT EXISTS (SELECT 1 FROM absence a WHERE a.version_id = v.id AND a.seq_from <= `)
			q.arg(*q.asOf)
			q.text.WriteString(` AND a.seq_to > `)
			q.arg(*q.asOf)
			q.text.WriteString(`)`)
		}
	}
	if !deleted {
		q.text.WriteString(` AND `)
		q.state()
		q.text.WriteString(` <> 'deleted'`)
	}
}

// state is the state of a version; for a past moment, only whether the version was deleted is known.
func (q *searchSQL) state() {
	if q.asOf == nil {
		q.text.WriteString(`v.state`)
		return
	}
	q.text.WriteString(`CASE WHEN v.state = 'deleted' AND v.ended_seq > `)
	q.arg(*q.asOf)
	q.text.WriteString(` THEN 'published' ELSE v.state END`)
}

// asks reports whether a condition requires a value of a field; a negated test does not count.
func asks(c metadata.Condition, field string) bool {
	within := func(c metadata.Condition) bool { return asks(c, field) }
	return c.Is != nil && c.Is.Field == field || slices.ContainsFunc(c.All, within) || slices.ContainsFunc(c.Any, within)
}

func (q *searchSQL) condition(c metadata.Condition) error {
	switch {
	case c.Is != nil:
		return q.test(*c.Is)
	case c.Not != nil:
		q.text.WriteString(`NOT `)
		return q.condition(*c.Not)
	case len(c.Any) > 0:
		return q.join(c.Any, ` OR `)
	case len(c.All) > 0:
		return q.join(c.All, ` AND `)
	}
	q.text.WriteString(`1 = 1`)
	return nil
}

func (q *searchSQL) join(list []metadata.Condition, word string) error {
	q.text.WriteString(`(`)
	for i, c := range list {
		if i > 0 {
			q.text.WriteString(word)
		}
		if err := q.condition(c); err != nil {
			return err
		}
	}
	q.text.WriteString(`)`)
	return nil
}

// match compares a column with a pattern, or with a literal when the pattern has no *.
func (q *searchSQL) match(column string, t metadata.Test) {
	q.text.WriteString(column)
	q.compare(t)
}

// exact reports whether a test is for one value.
func exact(t metadata.Test) bool { return t.Literal || !strings.Contains(t.Value, "*") }

// compare writes the right-hand side of a match.
func (q *searchSQL) compare(t metadata.Test) {
	if exact(t) {
		q.text.WriteString(` = `)
		q.arg(t.Value)
		return
	}
	q.text.WriteString(` LIKE `)
	q.arg(like(t.Value))
	q.text.WriteString(` ESCAPE '!'`)
}

var searchColumns = map[string]string{
	metadata.FieldRepository: `r.name`, metadata.FieldFormat: `p.format`, metadata.FieldVersion: `v.name`,
	metadata.FieldPURL: `v.purl`, metadata.FieldPublisher: `v.published_by`,
}

func (q *searchSQL) test(t metadata.Test) error {
	if column, ok := searchColumns[t.Field]; ok {
		q.match(column, t)
		return nil
	}
	switch t.Field {
	case metadata.FieldPart:
		q.part()
	case metadata.FieldAttached:
		q.text.WriteString(`v.announced = 2`)
	case metadata.FieldState:
		q.state()
		q.compare(t)
	case metadata.FieldPackage:
		q.packageName(`p.`, t)
	case metadata.FieldTag:
		q.tag(t)
	case metadata.FieldDigest:
		return q.digest(t)
	case metadata.FieldPublished:
		return q.published(t)
	case metadata.FieldKnown:
		if !slices.Contains([]string{"<", "<=", ">", ">="}, t.Compare) {
			return noComparison(t)
		}
		q.text.WriteString(`EXISTS (SELECT 1 FROM fact x WHERE x.version_id = v.id AND x.key = `)
		q.arg(t.Key)
		q.text.WriteString(` AND x.at ` + t.Compare + ` `)
		q.arg(micros(t.Time))
		q.known(`v`)
		q.text.WriteString(`)`)
	case metadata.FieldFact:
		q.text.WriteString(`EXISTS (SELECT 1 FROM fact x WHERE x.version_id = v.id AND `)
		q.factValue(`x.value || ''`, t) // not by the index of values, where many versions may have one
		q.known(`v`)
		q.text.WriteString(`)`)
	case metadata.FieldHasFact:
		q.hasFact(t.Key)
	case metadata.FieldHasFile:
		q.hasFile(t)
	case metadata.FieldRuns:
		q.text.WriteString(`v.id IN (SELECT n.version_id FROM run n JOIN environment e ON e.id = n.environment_id WHERE `)
		q.match(`e.name`, t)
		q.during(`n`)
		q.text.WriteString(`)`)
	default:
		return fmt.Errorf("metadata: no search by %q", t.Field)
	}
	return nil
}

// hasFact asks for a fact of this key, or of one below it.
func (q *searchSQL) hasFact(key string) {
	q.text.WriteString(`EXISTS (SELECT 1 FROM fact x WHERE x.version_id = v.id AND (x.key = `)
	q.arg(key)
	q.text.WriteString(` OR x.key LIKE `)
	q.arg(like(key) + ".%")
	q.text.WriteString(` ESCAPE '!')`)
	q.known(`v`)
	q.text.WriteString(`)`)
}

// hasFile asks for a file by its path.
func (q *searchSQL) hasFile(t metadata.Test) {
	q.text.WriteString(`EXISTS (SELECT 1 FROM file x WHERE x.version_id = v.id AND `)
	q.match(`x.path`, t)
	if q.asOf != nil {
		q.text.WriteString(` AND x.seq <= `)
		q.arg(*q.asOf)
	}
	q.text.WriteString(`)`)
}

// during selects the intervals that hold, or held at the past moment.
func (q *searchSQL) during(table string) {
	if q.asOf == nil {
		q.text.WriteString(` AND ` + table + `.seq_to IS NULL`)
		return
	}
	q.text.WriteString(` AND ` + table + `.seq_from <= `)
	q.arg(*q.asOf)
	q.text.WriteString(` AND (` + table + `.seq_to IS NULL OR ` + table + `.seq_to > `)
	q.arg(*q.asOf)
	q.text.WriteString(`)`)
}

// known selects facts about a version's present content that were known at the moment asked for.
func (q *searchSQL) known(version string) {
	q.text.WriteString(` AND x.seq >= ` + version + `.seq`)
	if q.asOf != nil {
		q.text.WriteString(` AND x.seq <= `)
		q.arg(*q.asOf)
	}
}

// factValue selects the facts of a key whose value, a column, is the one that is looked for.
func (q *searchSQL) factValue(value string, t metadata.Test) {
	q.text.WriteString(`x.key = `)
	q.arg(t.Key)
	q.text.WriteString(` AND `)
	if !t.Prefix {
		q.match(value, t)
		return
	}
	q.text.WriteString(value + ` >= `)
	q.arg(t.Value)
	q.text.WriteString(` AND ` + value + ` < `)
	q.arg(t.Value + "\U0010ffff")
}

// packageName compares the shown name of a package and the one that it is found by; alias is that of the table.
func (q *searchSQL) packageName(alias string, t metadata.Test) {
	q.text.WriteString(`(`)
	q.match(alias+`name`, t)
	q.text.WriteString(` OR `)
	q.match(alias+`key`, t)
	q.text.WriteString(`)`)
}

// tag selects versions that have a tag, or had it at the past moment.
func (q *searchSQL) tag(t metadata.Test) {
	switch {
	case q.asOf == nil:
		q.text.WriteString(`EXISTS (SELECT 1 FROM tag g WHERE g.version_id = v.id AND `)
		q.match(`g.name`, t)
		q.during(`g`)
		q.text.WriteString(`)`)
	case exact(t): // the last move before that moment says it
		q.text.WriteString(`v.id = (SELECT CASE WHEN g.seq_to IS NULL OR g.seq_to > `)
		q.arg(*q.asOf)
		q.text.WriteString(` THEN g.version_id END FROM tag g WHERE g.package_id = v.package_id AND g.name = `)
		q.arg(t.Value)
		q.text.WriteString(` AND g.seq_from <= `)
		q.arg(*q.asOf)
		q.text.WriteString(` ORDER BY g.seq_from DESC, g.generation DESC LIMIT 1)`)
	default:
		q.text.WriteString(`v.id IN (SELECT g.version_id FROM tag g WHERE `)
		q.match(`g.name`, t)
		q.during(`g`)
		q.text.WriteString(`)`)
	}
}

func (q *searchSQL) digest(t metadata.Test) error {
	raw, err := hex.DecodeString(t.Value)
	if err != nil {
		return fmt.Errorf("metadata: digest %q: %w", t.Value, err)
	}
	q.text.WriteString(`(v.digest = `)
	q.arg(raw)
	q.text.WriteString(` OR EXISTS (SELECT 1 FROM file f JOIN blob b ON b.id = f.blob_id WHERE f.version_id = v.id AND b.digest = `)
	q.arg(raw)
	q.text.WriteString(`))`)
	return nil
}

func (q *searchSQL) published(t metadata.Test) error {
	switch t.Compare {
	case "<", "<=", ">", ">=":
		q.text.WriteString(`v.published_at ` + t.Compare + ` `)
		q.arg(micros(t.Time))
		return nil
	}
	return noComparison(t)
}

func noComparison(t metadata.Test) error {
	return fmt.Errorf("metadata: no comparison %q of times", t.Compare)
}
