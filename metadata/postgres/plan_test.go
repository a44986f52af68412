package postgres_test

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"slipway/metadata/postgres"
	"slipway/metadata/postgres/postgrestest"
)

// recorder collects the texts of all statements that stores prepare.
type recorder struct {
	mu    sync.Mutex
	texts map[string]bool
}

// recorded is a store that hands its statements over before it is closed for the first time.
type recorded struct {
	*postgres.Store
	t    *testing.T
	to   *recorder
	once sync.Once
}

func (r *recorded) Close() error {
	r.once.Do(func() {
		texts, err := r.Prepared(context.Background())
		if err != nil {
			r.t.Error(err)
		}
		r.to.mu.Lock()
		defer r.to.mu.Unlock()
		for _, text := range texts {
			r.to.texts[text] = true
		}
	})
	return r.Store.Close()
}

var (
	spaces = regexp.MustCompile(`\s+`)
	scans  = regexp.MustCompile(`Seq Scan on (\w+)`)
	verb   = regexp.MustCompile(`^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)\b`)
)

// big are tables that grow with what is published, and the rows that they are filled with.
var big = map[string]int{"package": 20_000, "version": 20_000, "tag": 20_000, "file": 20_000, "blob": 20_000, "fact": 20_000, "log_entry": 20_000,
	"reference": 20_000, "dependency": 3_000, "deployment": 3_000, "run": 3_000, "lease": 3_000, "cached_file": 3_000, "upstream_index": 3_000, "staged_file": 3_000,
	"delivery": 3_000, "batch": 20_000, "token": 3_000, "session": 3_000, "users": 3_000}

// hot are the look-ups of each request.
var hot = []string{
	"WHERE r.name = $1 AND r.deleted_at IS NULL AND p.format = $2 AND p.key = $3", "FROM version WHERE package_id = $1 AND name = $2", "AND p.key = $3) AND name = $4",
	"AND p.key = $3 AND t.name = $4)", "WHERE f.package_id = $1 AND f.path = $2 AND v.state <> 'deleted'", "WHERE f.version_id = $1 AND f.path = $2",
	"WHERE t.package_id = $1 AND t.name = $2 AND t.seq_to IS NULL", "FROM blob b WHERE b.digest = $1", "FROM log_entry WHERE seq > $1 ORDER BY seq LIMIT",
	"FROM batch WHERE gen > $1 ORDER BY", "FROM batch b WHERE b.gen >= ",
}

// whole are the statements that may read a big table whole: what an auditor looks for, in the tables by which a search finds where it may
// begin, and in versions from the newest; entries of a kind, in a part of the log that the caller bounds; and a slice of what no version has,
// whose rows are not those of this test.
var whole = []string{"FROM version v JOIN package p ON p.id = +v.package_id", "IN (SELECT n.id FROM package n", "IN (SELECT DISTINCT f.package_id FROM file f",
	"(type LIKE $", "json_array_elements", "FROM blob b WHERE b.id > $1 AND b.created_at < $2"}

// checkPlans lets the server plan every statement of the suite: the hot ones over empty tables that it has never looked at, for any
// arguments, so that a look-up by names stays one while a server is new, and all over full ones.
func (rec *recorder) checkPlans(t *testing.T) {
	admin := administrator(t, postgrestest.URL(t))
	do(t, admin, `SET plan_cache_mode = force_generic_plan`)
	texts := slices.DeleteFunc(slices.Sorted(maps.Keys(rec.texts)), verb.MatchString)
	if len(texts) < 100 {
		t.Fatalf("only %d statements", len(texts))
	}
	found := 0
	for i, text := range texts {
		do(t, admin, fmt.Sprintf(`PREPARE plan_%d AS %s`, i, text))
		if !slices.ContainsFunc(hot, func(part string) bool { return strings.Contains(text, part) }) {
			continue
		}
		found++
		if plan := explain(t, admin, i); strings.Contains(strings.ReplaceAll(plan, "Seq Scan on member", ""), "Seq Scan") { // members are few
			t.Errorf("over empty tables:\n%s\n%s", plan, text)
		}
	}
	if found < len(hot) {
		t.Errorf("the suite has only %d of the hot statements", found)
	}
	// A server takes the plan for any arguments only where it is no dearer than those for the ones that came.
	do(t, admin, `SET plan_cache_mode = force_custom_plan`)
	fill(t, admin)
	for i, text := range texts {
		plan, short := explain(t, admin, i), spaces.ReplaceAllString(text, " ")
		for _, m := range scans.FindAllStringSubmatch(plan, -1) {
			if big[m[1]] > 0 && !slices.ContainsFunc(whole, func(part string) bool { return strings.Contains(short, part) }) {
				t.Errorf("%s\n%s", plan, short)
			}
		}
	}
}

func do(t *testing.T, conn *pgx.Conn, text string) {
	t.Helper()
	if _, err := conn.Exec(context.Background(), text, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// samples are arguments by their type.
var samples = map[string]string{"bigint": "5", "integer": "5", "text": "'t5'", "bytea": "'\\x05'", "json": "'[5]'", "boolean": "true"}

// explain returns the plan of a prepared statement.
func explain(t *testing.T, conn *pgx.Conn, number int) string {
	t.Helper()
	name := fmt.Sprint("plan_", number)
	var types []string
	if err := conn.QueryRow(context.Background(), `SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = $1`, name).Scan(&types); err != nil {
		t.Fatal(err)
	}
	execute := `EXPLAIN EXECUTE ` + name
	var args []string
	for _, kind := range types {
		value, ok := samples[kind]
		if !ok {
			t.Fatalf("an argument of type %s", kind)
		}
		args = append(args, value)
	}
	if len(args) > 0 {
		execute += `(` + strings.Join(args, `, `) + `)`
	}
	rows, err := conn.Query(context.Background(), execute, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		t.Fatalf("%s: %v", execute, err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", execute, err)
	}
	return strings.Join(lines, "\n")
}

// fill gives each big table so many rows that reading it whole is dearer than an index, ten for each row that they belong to, and lets
// the server count.
func fill(t *testing.T, admin *pgx.Conn) {
	t.Helper()
	const columns = `SELECT string_agg(column_name, ', ' ORDER BY ordinal_position), string_agg(CASE
			WHEN is_nullable = 'YES' THEN 'NULL'
			WHEN data_type = 'text' THEN '''t'' || n'
			WHEN data_type = 'bytea' THEN 'decode(lpad(n::text, 64, ''0''), ''hex'')'
			WHEN column_name LIKE '%\_id' THEN 'n / 10 + 1'
			ELSE 'n' END, ', ' ORDER BY ordinal_position)
		FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1`
	do(t, admin, `SET session_replication_role = replica`) // no keys are looked up
	for table, n := range big {
		var names, values string
		if err := admin.QueryRow(context.Background(), columns, table).Scan(&names, &values); err != nil {
			t.Fatalf("%s: %v", table, err)
		}
		do(t, admin, fmt.Sprintf(`INSERT INTO %s (%s) SELECT %s FROM generate_series(1, %d) n`, table, names, values, n))
	}
	do(t, admin, `ANALYZE`)
}
