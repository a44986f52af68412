package sqlite

import (
	"context"
	"database/sql"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/metadata/metadatatest"
)

// recorder collects the texts of all statements that stores prepare.
type recorder struct {
	mu    sync.Mutex
	texts map[string]bool
}

// recorded is a store that hands its statements over when it is closed.
type recorded struct {
	*Store
	to   *recorder
	once sync.Once
}

func (r *recorded) Close() error {
	r.once.Do(func() {
		// No transaction runs any more, so no statement is prepared.
		<-r.gate.Drain()
		r.to.mu.Lock()
		defer r.to.mu.Unlock()
		for _, s := range append(slices.Clone(r.readers.free), r.writer.session) {
			for _, text := range s.Prepared() {
				r.to.texts[text] = true
			}
		}
	})
	return r.Store.Close()
}

// statements runs the suite and returns every statement that it used, in all its shapes.
func statements(t *testing.T) []string {
	t.Helper()
	rec := &recorder{texts: make(map[string]bool)}
	t.Run("suite", func(t *testing.T) {
		metadatatest.Run(t, func(t *testing.T, now func() time.Time) metadata.Store {
			s, err := Open(context.Background(), filepath.Join(t.TempDir(), "slipway.db"), WithClock(now), untidied)
			if err != nil {
				t.Fatal(err)
			}
			return &recorded{Store: s, to: rec}
		})
	})
	return slices.Sorted(maps.Keys(rec.texts))
}

var (
	placeholder = regexp.MustCompile(`\$(\d+)`)
	spaces      = regexp.MustCompile(`\s+`)
	bareLimit   = regexp.MustCompile(`LIMIT \$`)
)

// TestStatements looks at every statement of the suite. Placeholders ascend, since SQLite numbers them by appearance. Every
// table is reached by an index, so no cost grows with the size of a table; a subquery that is bounded may be scanned.
func TestStatements(t *testing.T) {
	texts := statements(t)
	if len(texts) < 100 {
		t.Fatalf("only %d statements", len(texts))
	}
	db := openPool(migrated(t), writing)
	defer db.Close()
	plans := make(map[string][]string)
	for _, text := range texts {
		short := spaces.ReplaceAllString(text, " ")
		n := 0
		for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
			i, _ := strconv.Atoi(m[1]) // digits
			if i > n+1 {
				t.Errorf("$%d appears before $%d in %s", i, n+1, short)
			}
			n = max(n, i)
		}
		if bareLimit.MatchString(short) && !strings.Contains(short, "v.seq DESC") { // searches are prepared once each
			t.Errorf("a bound LIMIT without a cast compiles the statement anew each time: %s", short)
		}
		plans[short] = explain(t, db, text, n)
		t.Log(short + "\n\t" + strings.Join(plans[short], "\n\t"))
		if !strings.Contains(text, "schema_migration") { // once, at the start
			checkPlan(t, short, plans[short])
		}
	}
	checkHotPlans(t, plans)
}

// sorts are the statements that may sort their rows: the rows of one package, of one record, or a page.
var sorts = []string{
	"FROM version v JOIN file f",                         // the files of a package, by version
	"JOIN cached_file c ON c.version_id = v.id",          // the same of what came from elsewhere
	"LEFT JOIN permission p",                             // grants of a page of records
	"FROM group_member m JOIN users u",                   // the members of a group
	"ORDER BY key, rank DESC",                            // the facts of a version
	"FROM collected WHERE done_at",                       // removals under way
	"WHERE updated_at < $1",                              // stale uploads of the same microsecond
	"FROM staging WHERE repository_id = $1 AND scope = ", // the stagings of a coordinate
	"FROM entry CROSS JOIN file f",                       // a page of a folder
	"FROM upstream u JOIN repository r",                  // all of them: see whole
	"SELECT n.version_id, e.name, n.service FROM run n",  // where the versions of a page run
}

// whole are the tables that are read whole: once after each change of an administrator, those of a few hundred rows; and the few duties.
// Where a search may begin is looked for in indexes, or in a pass through all names, in an index too.
var whole = map[string]string{"SELECT g.version_id FROM tag g WHERE g.name LIKE": "g", "IN (SELECT n.id FROM package n": "n", "IN (SELECT DISTINCT f.package_id FROM file f": "f",
	"IN (SELECT r.id FROM repository r WHERE r.deleted_at IS NULL AND r.name LIKE": "r", "FROM upstream u JOIN repository r": "u", "FROM claim ORDER": "claim", "FROM package_origin ORDER": "package_origin",
	"FROM rule ORDER": "rule", "FROM duty ORDER": "duty"}

func checkPlan(t *testing.T, text string, plan []string) {
	t.Helper()
	if strings.Contains(text, "ORDER BY v.seq DESC") || strings.Contains(text, "ORDER BY +v.seq DESC") {
		checkSearch(t, text, plan)
		return
	}
	subqueries := []string{"CONSTANT", "json_each"} // a list given by the caller
	for from, table := range whole {
		if strings.Contains(text, from) {
			subqueries = append(subqueries, table)
		}
	}
	for _, line := range plan {
		f := append(strings.Fields(line), "", "")
		switch f[0] {
		case "CO-ROUTINE", "MATERIALIZE":
			subqueries = append(subqueries, f[1])
		case "SCAN":
			// A table that an INSERT does not name refers to the written table: it is read only while a violated key waits for
			// its parent (OP_FkIfZero), which immediate keys never do.
			foreign := strings.HasPrefix(text, "INSERT") && !strings.Contains(text, f[1])
			if !foreign && !strings.HasSuffix(line, "VALUES CLAUSE") && !slices.Contains(subqueries, f[1]) {
				t.Errorf("%s: %s", line, text)
			}
			if slices.Contains([]string{"n", "f"}, f[1]) && !strings.Contains(line, "COVERING INDEX") {
				t.Errorf("%s: %s", line, text)
			}
		case "SEARCH":
			// The least and greatest of a column comes from its index, which the plan does not name.
			if !strings.Contains(line, "USING") && !strings.Contains(text, "MAX(seq)") && !strings.Contains(text, "MAX(id)") {
				t.Errorf("%s: %s", line, text)
			}
			if strings.Contains(line, "AUTOMATIC") {
				t.Errorf("%s: %s", line, text)
			}
		case "USE":
			if !slices.ContainsFunc(sorts, func(s string) bool { return strings.Contains(text, s) }) {
				t.Errorf("%s: %s", line, text)
			}
		}
	}
}

// checkSearch allows what an auditor's query may cost: a walk through the versions, newest first, or a sort of rows found
// by an index. Never a walk without an index.
func checkSearch(t *testing.T, text string, plan []string) {
	t.Helper()
	for _, line := range plan {
		if strings.Contains(line, "ORDER BY") && !strings.Contains(text, " AND (v.id IN (") && !strings.Contains(text, " AND (v.package_id IN (") {
			t.Errorf("%s: %s", line, text)
		}
		if strings.HasPrefix(line, "SCAN") && !strings.Contains(line, "USING") && line != "SCAN r" && !strings.HasPrefix(line, "SCAN json_each") {
			t.Errorf("%s: %s", line, text)
		}
	}
}

func explain(t *testing.T, db *sql.DB, text string, params int) []string {
	t.Helper()
	rows, err := db.Query("EXPLAIN QUERY PLAN "+text, make([]any, params)...)
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var id, parent, unused int
		var line string
		if err := rows.Scan(&id, &parent, &unused, &line); err != nil {
			t.Fatal(err)
		}
		out = append(out, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// migrated is the path of an empty database.
func migrated(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "slipway.db")
	s, err := Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// checkHotPlans compares the plans of the hot look-ups with the ones they must have.
func checkHotPlans(t *testing.T, plans map[string][]string) {
	t.Helper()
	for _, c := range []struct {
		what, part string
		want       []string
	}{
		{"package look-up", "WHERE r.name = $1 AND r.deleted_at IS NULL AND p.format = $2 AND p.key = $3", []string{
			"SEARCH r USING INDEX repository_name (name=?)",
			"SEARCH p USING INDEX sqlite_autoindex_package_1 (repository_id=? AND format=? AND key=?)"}},
		{"packages until one, by a part", "p.key > $3 AND p.key <= $4 AND instr(lower(p.key), $5) > 0", []string{
			"SEARCH r USING INTEGER PRIMARY KEY (rowid=?)",
			"SEARCH p USING INDEX sqlite_autoindex_package_1 (repository_id=? AND format=? AND key>? AND key<?)"}},
		{"n-th package", "(p.format, p.key) > ($2, $3) ORDER BY p.format, p.key LIMIT 1 OFFSET $4", []string{
			"SEARCH p USING COVERING INDEX sqlite_autoindex_package_1 (repository_id=? AND (format,key)>(?,?))"}},
		{"version", "FROM version WHERE package_id = $1 AND name = $2", []string{
			"SEARCH version USING INDEX sqlite_autoindex_version_1 (package_id=? AND name=?)"}},
		{"version by digest", "AND digest = $2 AND state <> 'deleted'", []string{
			"SEARCH version USING INDEX version_digest (digest=? AND package_id=?)"}},
		{"version by names", "AND p.key = $3) AND name = $4", []string{
			"SEARCH version USING INDEX sqlite_autoindex_version_1 (package_id=? AND name=?)", "SCALAR SUBQUERY 1",
			"SEARCH r USING INDEX repository_name (name=?)",
			"SEARCH p USING COVERING INDEX sqlite_autoindex_package_1 (repository_id=? AND format=? AND key=?)"}},
		{"version by tag", "AND p.key = $3 AND t.name = $4)", []string{
			"SEARCH version USING INTEGER PRIMARY KEY (rowid=?)", "SCALAR SUBQUERY 1",
			"SEARCH r USING INDEX repository_name (name=?)",
			"SEARCH p USING COVERING INDEX sqlite_autoindex_package_1 (repository_id=? AND format=? AND key=?)",
			"SEARCH t USING INDEX tag_holds (package_id=? AND name=?)"}},
		{"versions", "FROM version v WHERE package_id = $1 AND state <> 'deleted' ORDER BY sort_key DESC, name DESC LIMIT CAST($2 AS BIGINT)", []string{
			"SEARCH v USING INDEX version_order (package_id=?)"}},
		{"versions by a query", "AND v.package_id = $1 AND (v.sort_key, v.name) < ($2, $3) AND 1 = 1", []string{
			"SEARCH p USING INTEGER PRIMARY KEY (rowid=?)", "SEARCH r USING INTEGER PRIMARY KEY (rowid=?)", "SEARCH v USING INDEX version_order (package_id=? AND (sort_key,name)<(?,?))"}},
		{"whole versions", "FROM version v WHERE package_id = $1 AND NOT (EXISTS", []string{
			"SEARCH v USING INDEX version_order (package_id=?)", "CORRELATED SCALAR SUBQUERY 1", "SEARCH r USING COVERING INDEX reference_digest (package_id=? AND digest=? AND kind=?)",
			"SEARCH i USING INTEGER PRIMARY KEY (rowid=?)", "CORRELATED SCALAR SUBQUERY 2", "SEARCH g USING INDEX tag_version (version_id=?)"}},
		{"where versions run", "SELECT n.version_id, e.name, n.service FROM run n JOIN environment e ON e.id = n.environment_id WHERE n.version_id IN ($1, $2) AND n.seq_to IS NULL", []string{
			"SEARCH n USING COVERING INDEX run_version (version_id=? AND seq_to=?)", "SEARCH e USING INTEGER PRIMARY KEY (rowid=?)", "USE TEMP B-TREE FOR LAST 2 TERMS OF ORDER BY"}},
		{"highest version", "ORDER BY (prerelease = 0 AND state <> 'yanked') DESC, sort_key DESC, name DESC LIMIT 1", []string{
			"SEARCH version USING INDEX version_highest (package_id=?)"}},
		{"facts", "FROM fact WHERE version_id = $1", []string{
			"SEARCH fact USING INDEX fact_version (version_id=?)", "SCALAR SUBQUERY 1", "SEARCH v USING INTEGER PRIMARY KEY (rowid=?)",
			"USE TEMP B-TREE FOR LAST 3 TERMS OF ORDER BY"}},
		{"candidates with a fact", "SELECT x.version_id FROM fact x WHERE x.key = $1 AND x.value >= $2 AND x.value < $3 LIMIT", []string{
			"SEARCH x USING INDEX fact_value (key=? AND value>? AND value<?)"}},
		{"candidates with a tag", "SELECT g.version_id FROM tag g WHERE g.name = $1 AND g.seq_to IS NULL ORDER BY g.seq_from DESC LIMIT", []string{
			"SEARCH g USING INDEX tag_name (name=?)"}},
		{"candidates by a name", "IN (SELECT n.id FROM package n WHERE (n.name LIKE $1 ESCAPE '!' OR n.key LIKE $2 ESCAPE '!') LIMIT", []string{
			"SEARCH package USING INTEGER PRIMARY KEY (rowid=?)", "LIST SUBQUERY 1", "SCAN n USING COVERING INDEX package_names"}},
		{"candidates by a file", "IN (SELECT DISTINCT f.package_id FROM file f", []string{
			"SEARCH package USING INTEGER PRIMARY KEY (rowid=?)", "LIST SUBQUERY 1", "SCAN f USING COVERING INDEX file_path"}},
		{"a walk that looks at facts", "v.state <> 'deleted' AND EXISTS (SELECT 1 FROM fact x WHERE x.version_id = v.id AND x.key = $1 AND x.value || '' >= $2 AND x.value || '' < $3 AND x.seq >= v.seq) AND +p", []string{
			"SCAN v USING INDEX version_seq", "SEARCH p USING INTEGER PRIMARY KEY (rowid=?)", "SEARCH x EXISTS USING INDEX fact_version (version_id=? AND key=?)",
			"SEARCH r USING INTEGER PRIMARY KEY (rowid=?)"}},
		{"a walk that looks at tags", "v.state <> 'deleted' AND EXISTS (SELECT 1 FROM tag g WHERE g.version_id = v.id AND g.name = $1 AND g.seq_to IS NULL) AND +p", []string{
			"SCAN v USING INDEX version_seq", "SEARCH p USING INTEGER PRIMARY KEY (rowid=?)", "SEARCH g EXISTS USING INDEX tag_version (version_id=? AND name=?)",
			"SEARCH r USING INTEGER PRIMARY KEY (rowid=?)"}},
		{"files", "WHERE f.version_id = $1 AND f.path > $2 ORDER BY f.path", []string{
			"SEARCH f USING PRIMARY KEY (version_id=? AND path>?)", "SEARCH b USING INTEGER PRIMARY KEY (rowid=?)"}},
		{"files of a package", "FROM version v JOIN file f ON f.version_id = v.id", []string{
			"SEARCH v USING INDEX sqlite_autoindex_version_1 (package_id=?)", "SEARCH f USING PRIMARY KEY (version_id=?)",
			"SEARCH b USING INTEGER PRIMARY KEY (rowid=?)", "USE TEMP B-TREE FOR ORDER BY"}},
		{"files of a blob", "WHERE f.blob_id = $1 ORDER BY f.package_id, f.version_id, f.path", []string{
			"SEARCH b USING INTEGER PRIMARY KEY (rowid=?)", "SEARCH f USING INDEX file_blob (blob_id=?)"}},
		{"file", "WHERE f.version_id = $1 AND f.path = $2", []string{
			"SEARCH f USING PRIMARY KEY (version_id=? AND path=?)", "SEARCH b USING INTEGER PRIMARY KEY (rowid=?)"}},
		{"file at", "WHERE f.package_id = $1 AND f.path = $2 AND v.state <> 'deleted'", []string{
			"SEARCH f USING INDEX file_path (package_id=? AND path=?)", "SEARCH v USING INTEGER PRIMARY KEY (rowid=?)",
			"SEARCH b USING INTEGER PRIMARY KEY (rowid=?)"}},
		{"files below a folder", "WHERE f.version_id = $1 AND f.path > $2 AND f.path < $3 ORDER BY f.path", []string{
			"SEARCH f USING PRIMARY KEY (version_id=? AND path>? AND path<?)", "SEARCH b USING INTEGER PRIMARY KEY (rowid=?)"}},
		{"entries of a folder", "f.path >= $2 AND f.path < $3 ORDER BY f.path LIMIT 1) UNION ALL", []string{
			"CO-ROUTINE entry", "SETUP", "SCAN CONSTANT ROW", "SCALAR SUBQUERY 1",
			"SEARCH f USING PRIMARY KEY (version_id=? AND path>? AND path<?)", "RECURSIVE STEP", "SCAN entry", "CORRELATED SCALAR SUBQUERY 3",
			"SEARCH f USING PRIMARY KEY (version_id=? AND path>? AND path<?)", "SCAN entry",
			"SEARCH f USING PRIMARY KEY (version_id=? AND path=?)", "SEARCH b USING INTEGER PRIMARY KEY (rowid=?)", "USE TEMP B-TREE FOR ORDER BY"}},
		{"folders of a path", "SELECT path FROM file WHERE version_id = $1 AND path IN ($2, $3) LIMIT 1", []string{
			"SEARCH file USING PRIMARY KEY (version_id=? AND path=?)"}},
		{"below a path", "SELECT path FROM file WHERE version_id = $1 AND path > $2 AND path < $3", []string{
			"SEARCH file USING PRIMARY KEY (version_id=? AND path>? AND path<?)"}},
		{"came from", "FROM deployment WHERE environment_id = $1 AND repository_id = $2", []string{
			"SCAN CONSTANT ROW", "SCALAR SUBQUERY 1", "SEARCH deployment USING COVERING INDEX deployment_repository (environment_id=? AND repository_id=?)"}},
		{"has blob", "SELECT EXISTS (SELECT 1 FROM file WHERE blob_id = $1 AND package_id = $2)", []string{
			"SCAN CONSTANT ROW", "SCALAR SUBQUERY 1", "SEARCH file USING COVERING INDEX file_blob (blob_id=? AND package_id=?)"}},
		{"tag", "WHERE t.package_id = $1 AND t.name = $2 AND t.seq_to IS NULL", []string{
			"SEARCH t USING INDEX tag_holds (package_id=? AND name=?)", "SEARCH v USING INTEGER PRIMARY KEY (rowid=?)"}},
		{"tags", "WHERE t.package_id = $1 AND t.seq_to IS NULL ORDER BY t.name", []string{
			"SEARCH t USING INDEX tag_holds (package_id=?)", "SEARCH v USING INTEGER PRIMARY KEY (rowid=?)"}},
		{"page of tags", "WHERE t.package_id = $1 AND t.name > $2 AND t.seq_to IS NULL", []string{
			"SEARCH t USING INDEX tag_holds (package_id=? AND name>?)", "SEARCH v USING INTEGER PRIMARY KEY (rowid=?)"}},
		{"some tags of a version", "WHERE t.version_id = $1 AND t.seq_to IS NULL ORDER BY t.name LIMIT", []string{
			"SEARCH v USING INTEGER PRIMARY KEY (rowid=?)", "SEARCH t USING INDEX tag_version (version_id=?)"}},
		{"tags of a version", "WHERE t.version_id = $1 AND t.seq_to IS NULL ORDER BY t.name", []string{
			"SEARCH v USING INTEGER PRIMARY KEY (rowid=?)", "SEARCH t USING INDEX tag_version (version_id=?)"}},
		{"tag as of", "AND t.seq_from <= $3", []string{
			"SEARCH t USING INDEX tag_since (package_id=? AND name=? AND seq_from<?)", "SEARCH v USING INTEGER PRIMARY KEY (rowid=?)"}},
		{"token by hash", "WHERE t.hash = $1", []string{
			"SEARCH t USING INDEX sqlite_autoindex_token_1 (hash=?)", "SEARCH u USING INTEGER PRIMARY KEY (rowid=?)",
			"SEARCH p USING PRIMARY KEY (holder=? AND holder_id=?) LEFT-JOIN"}},
		{"referrers", "FROM reference r CROSS JOIN version v", []string{
			"SEARCH r USING COVERING INDEX reference_digest (package_id=? AND digest=? AND kind=? AND version_id>?)",
			"SEARCH v USING INTEGER PRIMARY KEY (rowid=?)"}},
		{"sets under way", "FROM staging WHERE length(outcome) = 0 AND (updated_at, id) > ($1, $2) AND scope <> $3 ORDER BY", []string{
			"SEARCH staging USING INDEX staging_open ((updated_at,id)>(?,?))"}},
		{"a user's sets under way", "FROM staging WHERE length(outcome) = 0 AND (updated_at, id) > ($1, $2) AND scope <> $3 AND (owner = $4", []string{
			"SEARCH staging USING INDEX staging_open ((updated_at,id)>(?,?))", "LIST SUBQUERY 1", "SEARCH token USING COVERING INDEX token_user (user_id=?)",
			"CREATE BLOOM FILTER"}},
		{"blob by digest", "FROM blob b WHERE b.digest = $1", []string{
			"SEARCH b USING INDEX sqlite_autoindex_blob_1 (digest=?)"}},
		{"entries", "FROM log_entry WHERE seq > $1 ORDER BY seq LIMIT CAST($2 AS BIGINT)", []string{
			"SEARCH log_entry USING INTEGER PRIMARY KEY (rowid>?)"}},
		{"entries of a repository", "FROM log_entry WHERE seq > $1 AND repository_id = $2 ORDER BY seq LIMIT CAST($3 AS BIGINT)", []string{
			"SEARCH log_entry USING INDEX log_entry_repository (repository_id=? AND rowid>?)"}},
		{"entries of a package", "FROM log_entry WHERE seq > $1 AND package_id = $2 ORDER BY seq LIMIT CAST($3 AS BIGINT)", []string{
			"SEARCH log_entry USING INDEX log_entry_package (package_id=? AND rowid>?)"}},
		{"unreferenced", "WHERE b.id > $1 AND b.created_at < $2", []string{
			"SEARCH b USING INTEGER PRIMARY KEY (rowid>?)", "CORRELATED SCALAR SUBQUERY 1",
			"SEARCH f USING COVERING INDEX file_blob (blob_id=?)", "CORRELATED SCALAR SUBQUERY 2",
			"SEARCH d USING COVERING INDEX discarded_file_blob (blob_id=?)", "SEARCH x USING INTEGER PRIMARY KEY (rowid=?)", "CORRELATED SCALAR SUBQUERY 3",
			"SEARCH s USING COVERING INDEX staged_file_blob (blob_id=?)", "CORRELATED SCALAR SUBQUERY 4",
			"SEARCH u USING COVERING INDEX upload_blob (blob_id=?)", "CORRELATED SCALAR SUBQUERY 5",
			"SEARCH i USING COVERING INDEX upstream_index_body (body_blob_id=?)", "CORRELATED SCALAR SUBQUERY 6",
			"SEARCH l USING PRIMARY KEY (blob_id=?)"}},
	} {
		found := false
		for text, plan := range plans {
			if strings.Contains(text, c.part) {
				found = true
				if !slices.Equal(plan, c.want) {
					t.Errorf("%s: %q, want %q", c.what, plan, c.want)
				}
			}
		}
		if !found {
			t.Errorf("%s: the suite has no such statement", c.what)
		}
	}
}
