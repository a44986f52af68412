package sqlite

import (
	"errors"
	"syscall"
	"testing"

	"github.com/mattn/go-sqlite3"

	"slipway/metadata"
)

// TestClassify: what the operating system says through SQLite keeps its meaning, so that changes are refused with 503 on a file system
// that can't be written (K12), and with 507 on a full one.
func TestClassify(t *testing.T) {
	for _, c := range []struct {
		is  error
		err sqlite3.Error
	}{
		{syscall.EROFS, sqlite3.Error{Code: sqlite3.ErrReadonly}},
		{syscall.EROFS, sqlite3.Error{Code: sqlite3.ErrCantOpen, SystemErrno: syscall.EROFS}},
		{metadata.ErrNoSpace, sqlite3.Error{Code: sqlite3.ErrFull}},
		{metadata.ErrNoSpace, sqlite3.Error{Code: sqlite3.ErrIoErr, SystemErrno: syscall.EDQUOT}},
		{syscall.EMFILE, sqlite3.Error{Code: sqlite3.ErrCantOpen, SystemErrno: syscall.EMFILE}},
	} {
		if got := classify(c.err); !errors.Is(got, c.is) || !errors.Is(got, c.err) {
			t.Errorf("%#v is %v, want %v", c.err, got, c.is)
		}
	}
}
