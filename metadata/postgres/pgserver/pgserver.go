// Package pgserver makes and runs PostgreSQL servers on this machine, as an ordinary user, for tests and for a cluster to try.
package pgserver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Programs names the environment variable that has the folder of PostgreSQL's programs. Without it the newest one counts that Debian has installed.
const Programs = "SLIPWAY_TEST_POSTGRES"

// ErrMissing: PostgreSQL is not installed.
var ErrMissing = errors.New("PostgreSQL is not installed")

// Superuser may do everything in a server that Init has made, from this machine, without a password.
const Superuser = "slipway"

// Server is a server with its data in a folder.
type Server struct {
	Dir      string // "data" is in it
	programs string
	as       *syscall.Credential // nil: the user that we are
}

// New returns the server of a folder, which must exist. The folder comes to belong to the user that the server runs as: PostgreSQL refuses
// to run as root. Errors: ErrMissing.
func New(dir string) (*Server, error) {
	programs, err := binaries()
	if err != nil {
		return nil, err
	}
	as, err := ordinaryUser(dir)
	if err == nil && as != nil && !forAll(programs) {
		programs, err = copied(programs, dir)
	}
	return &Server{Dir: dir, programs: programs, as: as}, err
}

// forAll tells whether every user can reach a folder.
func forAll(folder string) bool {
	for ; ; folder = filepath.Dir(folder) {
		if info, err := os.Stat(folder); err != nil || info.Mode()&1 == 0 {
			return false
		}
		if folder == filepath.Dir(folder) {
			return true
		}
	}
}

// copied copies programs, with the folders beside theirs that they read, into a server's folder, and returns where they are there.
func copied(programs, dir string) (string, error) {
	to := filepath.Join(dir, "programs")
	if err := os.CopyFS(to, os.DirFS(filepath.Dir(programs))); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return filepath.Join(to, filepath.Base(programs)), filepath.WalkDir(to, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chmod(path, 0o755) // links of libraries lead to libraries
	})
}

// Data is the folder of the server's files.
func (s *Server) Data() string { return filepath.Join(s.Dir, "data") }

// Program is one of PostgreSQL's programs.
func (s *Server) Program(name string) string { return filepath.Join(s.programs, name) }

// As is who the server's programs run as; nil: the user that we are.
func (s *Server) As() *syscall.Credential { return s.as }

// Init makes the server's files. What is made is not flushed.
func (s *Server) Init() error {
	initdb := exec.Command(s.Program("initdb"), "-D", s.Data(), "-U", Superuser, "-A", "trust", "-E", "UTF8",
		"--locale=C.UTF-8", "--no-sync", "--no-instructions")
	initdb.Dir, initdb.SysProcAttr = s.Dir, &syscall.SysProcAttr{Credential: s.as}
	out, err := initdb.CombinedOutput()
	if s.as != nil && errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("the user %s can't reach %s, and PostgreSQL does not run as root: %w", ordinary, s.Dir, err)
	}
	if err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// binaries is the folder of PostgreSQL's programs.
func binaries() (string, error) {
	if dir := os.Getenv(Programs); dir != "" {
		_, err := os.Stat(filepath.Join(dir, "postgres"))
		return dir, err
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("%w: there is no /usr/lib/postgresql/*/bin/postgres", ErrMissing)
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(strings.Split(path, "/")[4])
		return n
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
	return filepath.Dir(newest), nil
}

// ordinary is who runs the server in place of root.
const ordinary = "nobody"

// ordinaryUser is the user that the server runs as; the folder comes to belong to it.
func ordinaryUser(dir string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup(ordinary)
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(dir, int(uid), int(gid))
}
