package sqldrv_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/mattn/go-sqlite3"

	"slipway/internal/sqldrv"
)

func session(t *testing.T) *sqldrv.Session {
	t.Helper()
	conn, err := (&sqlite3.SQLiteDriver{}).Open(":memory:")
	if err != nil {
		t.Fatal(err)
	}
	s := sqldrv.NewSession(conn)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Do(`CREATE TABLE t (n INTEGER, s TEXT, b BLOB); CREATE INDEX i ON t (n)`); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSession(t *testing.T) {
	s := session(t)
	for _, text := range []string{`BEGIN`, `ROLLBACK`, `BEGIN`, `COMMIT`} {
		if err := s.Verb(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	for n := range 3 {
		if changed, err := s.Exec(`INSERT INTO t VALUES ($1, $2, $3)`, []any{n, fmt.Sprint("s", n), []byte{byte(n)}}); err != nil || changed != 1 {
			t.Fatal(changed, err)
		}
	}
	if changed, err := s.Exec(`UPDATE t SET b = $1 WHERE n > 0`, []any{nil}); err != nil || changed != 2 {
		t.Error(changed, err)
	}
	var got []string
	err := s.Query(t.Context(), `SELECT n, n > 0, s, b FROM t WHERE n < $1 ORDER BY n`, []any{int64(2)}, func(r sqldrv.Row) error {
		var n int
		var positive bool
		var text string
		var b []byte
		err := r.Scan(&n, &positive, &text, &b)
		got = append(got, fmt.Sprintf("%d %t %s %t", n, positive, text, b == nil))
		return err
	})
	if want := []string{"0 false s0 false", "1 true s1 true"}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	var n int64
	if err := s.Row(`SELECT count(*) FROM t`, &n); err != nil || n != 3 {
		t.Error(n, err)
	}
	if prepared := s.Prepared(); len(prepared) != 3 { // neither verbs nor statements of Row count
		t.Errorf("prepared: %q", prepared)
	}
}

// TestSessionErrors: values that do not fit give an error, and the next statement runs.
func TestSessionErrors(t *testing.T) {
	s := session(t)
	if _, err := s.Exec(`INSERT INTO t VALUES ($1, $2, $3)`, []any{1}); err == nil || !strings.Contains(err.Error(), "3 arguments has 1") {
		t.Error(err)
	}
	if _, err := s.Exec(`INSERT INTO t VALUES (1, NULL, NULL)`, nil); err != nil {
		t.Fatal(err)
	}
	scan := func(dest ...any) error {
		return s.Query(t.Context(), `SELECT n, s FROM t`, nil, func(r sqldrv.Row) error { return r.Scan(dest...) })
	}
	var n int64
	var text string
	var b []byte
	for want, err := range map[string]error{"2 columns for 1 fields": scan(&n), "column 2: <nil>": scan(&n, &text), "column 1: int64": scan(&b, &b)} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	own := errors.New("enough")
	if err := s.Query(t.Context(), `SELECT n FROM t`, nil, func(sqldrv.Row) error { return own }); !errors.Is(err, own) {
		t.Error(err)
	}
	if err := s.Row(`SELECT n FROM t WHERE n = 2`, &n); err == nil {
		t.Error("a row that is not there was read")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.RowContext(ended, `SELECT n FROM t`, &n); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := scan(&n, &b); err != nil || n != 1 || b != nil {
		t.Error(n, b, err)
	}
}

// TestSessionKeepsFew: statements that differ in their text do not pile up.
func TestSessionKeepsFew(t *testing.T) {
	s := session(t)
	most := 0
	for i := range 1200 {
		if err := s.Query(t.Context(), fmt.Sprintf(`SELECT %d`, i), nil, func(sqldrv.Row) error { return nil }); err != nil {
			t.Fatal(err)
		}
		most = max(most, len(s.Prepared()))
	}
	if most != 500 {
		t.Errorf("%d statements were prepared at once", most)
	}
}
