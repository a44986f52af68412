package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/storage/s3/s3test"
)

// TestD14 kills the real binary with SIGKILL at random points of a mixed load over every format, again and again. After
// each restart every acknowledged change is there, whole, and every unacknowledged one is there whole or not at all, and a
// client that tries again succeeds. In the end the log has no gap, each version has exactly one publish event, each tag one
// event for each move, fsck is clean and the log verifies. SLIPWAY_KILL_ROUNDS says how often, SLIPWAY_KILL_SEED repeats
// the choices of a run.
func TestD14(t *testing.T) {
	rounds, seed := 30, uint64(time.Now().UnixNano())
	for name, set := range map[string]func(string) error{
		"SLIPWAY_KILL_ROUNDS": func(s string) (err error) { rounds, err = strconv.Atoi(s); return err },
		"SLIPWAY_KILL_SEED":   func(s string) (err error) { seed, err = strconv.ParseUint(s, 10, 64); return err },
	} {
		if s := os.Getenv(name); s != "" {
			if err := set(s); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	t.Logf("SLIPWAY_KILL_SEED=%d", seed)
	t.Run("local", func(t *testing.T) { killRounds(t, commandtest.NewServer(t), rounds, seed) })
	t.Run("s3", func(t *testing.T) {
		url, env := s3test.New(t)
		srv := commandtest.NewServer(t, "--blobs", url)
		srv.Env = env
		killRounds(t, srv, max(1, rounds/3), seed)
	})
}

// workloads are the formats under test: what their clients publish and see.
func workloads() []workload {
	return []workload{rawWork{}, npmWork{}, pypiWork{}, mavenWork{}, setWork{}, imageWork{}, indexWork{}}
}

// workload defines the work of one format's clients.
type workload interface {
	// name begins the names of its packages.
	name() string
	// format is the format of its versions in the API; "" when it publishes several formats: then it moves no tags and
	// deletes nothing.
	format() string
	// draw makes up a version of a package.
	draw(c *caller, pkg, version string) *tracked
	// publish sends the unacknowledged parts of a version, records acknowledgements, and ends at the first unanswered
	// request. After a restart a client calls it again.
	publish(c *caller, v *tracked)
	// check compares lists of versions, files and tags with a version of which n files are visible.
	check(c *caller, v *tracked, n int)
}

// tracked is one version as the client knows it.
type tracked struct {
	work    workload
	pkg     string
	version string // as the API has it
	files   []servedFile
	// atomic versions have all of their files or none. Of other versions the first files may be there.
	atomic   bool
	mustEnd  bool        // its client does not give up: a begun version may appear by itself, or takes long to send
	events   [][3]string // format, package and version of the publishes that the log tells of; nil is its own
	progress any         // of the publish, for its format

	acked    int // files that were acknowledged
	sent     int // files that may be there
	deleting bool
	deleted  bool
	settled  bool // looked at since its last change
}

// servedFile is a path and the SHA-256 of what is to be read there.
type servedFile struct {
	path, sum string
	early     bool // may be there before its version is
}

// id names a version in the ledger.
func (v *tracked) id() string { return v.work.name() + " " + v.pkg + " " + v.version }

// whole marks an atomic version as acknowledged.
func (v *tracked) whole(c *caller) {
	c.settle(func() { v.acked, v.sent = len(v.files), len(v.files) })
}

func killRounds(t *testing.T, srv *commandtest.Server, rounds int, seed uint64) {
	l := newLedger(t, srv, seed)
	moments := rand.New(rand.NewPCG(seed, 0))
	for round := range rounds {
		srv.Start()
		if round == 0 {
			l.token = srv.Token("main", "read,publish,tag,delete,audit")
			l.reader = srv.Token("main", "read")
		}
		l.verify(round%10 == 0)
		l.load(time.Duration(20+moments.IntN(400)) * time.Millisecond)
		if round%10 == 9 {
			srv.Fsck()
		}
	}
	srv.Start()
	l.verify(true)
	l.finish()
	l.verify(true)
	l.verifyEvents()
	srv.Run(0, "log", "verify", "--server", srv.URL, "--token", srv.Token("*", "admin"))
	srv.Terminate()
	srv.Fsck()
	kept, cut := l.counts()
	t.Logf("%d kills, %s kept, %d cut off", rounds, fmt.Sprint(kept), cut)
	for _, w := range workloads() {
		if kept[w.name()] == 0 {
			t.Errorf("no %s version was published: the test did too little", w.name())
		}
	}
}
