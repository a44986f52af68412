package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"slipway/metadata/internal/sqlstore"
)

// TestD12Migration: a disk that fills during a migration leaves the schema and the rows of before, and once there is space
// the next start migrates (incident D-12).
func TestD12Migration(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		if os.Getenv("SLIPWAY_REQUIRE_CLIENTS") != "" {
			t.Fatalf("a file system of its own: %v", err)
		}
		t.Skipf("a file system of its own: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	path, ballast := filepath.Join(dir, "slipway.db"), filepath.Join(dir, "ballast")
	rows := func(table string) (n int, err error) {
		s, err := connect(path, writing)
		if err != nil {
			return 0, err
		}
		defer s.Close()
		return n, s.Row("SELECT count(*) FROM "+table, &n)
	}
	migrate := func(texts ...string) error {
		s, err := connect(path, writing)
		if err != nil {
			return err
		}
		defer s.Close()
		var list []sqlstore.Migration
		for i, text := range texts {
			list = append(list, sqlstore.Migration{Number: int64(i + 1), Name: fmt.Sprintf("%04d_step.sql", i+1), SQL: text})
		}
		return sqlstore.Migrate(s, list, beginWrite, time.Now)
	}
	const many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 1000) "
	one := "CREATE TABLE a (x INTEGER, y BLOB); " + many + "INSERT INTO a SELECT i, randomblob(200) FROM n"
	two := "CREATE TABLE b (x INTEGER, y BLOB); " + many + "INSERT INTO b SELECT i, randomblob(1000) FROM n; DROP TABLE a"
	if err := migrate(one); err != nil {
		t.Fatal(err)
	}
	for _, left := range []int{0, 4096, 100_000, 500_000} {
		if err := os.Remove(ballast); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		fill(t, ballast, left)
		if err := migrate(one, two); err == nil || !strings.Contains(err.Error(), "full") && !strings.Contains(err.Error(), "space") && !strings.Contains(err.Error(), "disk I/O") {
			t.Errorf("%d bytes left: %v, want an error of the disk", left, err)
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		if n, err := rows("a"); err != nil || n != 1000 {
			t.Errorf("%d bytes left: %d rows of before, %v", left, n, err)
		}
		if _, err := rows("b"); err == nil {
			t.Errorf("%d bytes left: half of the migration is there", left)
		}
	}
	if err := migrate(one, two); err != nil {
		t.Fatal(err)
	}
	if n, err := rows("b"); err != nil || n != 1000 {
		t.Errorf("with space again: %d rows, %v", n, err)
	}
}

// fill writes until the disk is full but for some bytes.
func fill(t *testing.T, path string, left int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, block := int64(0), make([]byte, 4096)
	for {
		n, err := f.Write(block)
		size += int64(n)
		if errors.Is(err, syscall.ENOSPC) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Truncate(max(0, size-int64(left))); err != nil {
		t.Fatal(err)
	}
}
