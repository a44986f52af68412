package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/storage/s3/s3test"
)

// storm is a cluster whose parts are killed, stopped and cut off.
type storm struct {
	t        *testing.T
	r        *rand.Rand
	servers  []*commandtest.Server
	database *databases
	s3       *s3test.Proxy
	toData   [][]*commandtest.Gate // from each server to those of the database
	toBytes  []*commandtest.Gate   // from each server to the S3 server
	front    *commandtest.Server   // the balancer
}

// acts are what happens to a cluster, by name. Each leaves it whole.
var acts = []struct {
	name string
	act  func(s *storm)
}{
	{"kill", (*storm).kill},
	{"pause", (*storm).pause},
	{"restart", (*storm).restart},
	{"cut from the database", func(s *storm) { s.cut(s.toData[s.r.IntN(len(s.toData))]...) }},
	{"cut from the S3 server", func(s *storm) { s.cut(s.toBytes[s.r.IntN(len(s.toBytes))]) }},
	{"database restarts", func(s *storm) { s.database.again(syscall.SIGINT) }},
	{"database ends at once", func(s *storm) { s.database.again(syscall.SIGQUIT) }},
	{"database is killed", func(s *storm) { s.database.again(syscall.SIGKILL) }},
	{"database is lost", func(s *storm) { s.database.failover() }},
	{"S3 server restarts", func(s *storm) {
		s.s3.Stop()
		s.moment(time.Second)
		s.s3.Start(s.t)
	}},
}

func newStorm(t *testing.T, n int, seed uint64) *storm {
	s := &storm{t: t, r: rand.New(rand.NewPCG(seed, 7)), database: newDatabases(t), s3: s3test.NewProxy(t)}
	key := filepath.Join(t.TempDir(), "log.key")
	bucket := s3test.At(t, s.s3.URL)
	for i := range n {
		data := []*commandtest.Gate{commandtest.NewGate(t, s.database.nodes[0].addr), commandtest.NewGate(t, s.database.nodes[1].addr)}
		bytes := commandtest.NewGate(t, strings.TrimPrefix(s.s3.URL, "http://"))
		s.toData, s.toBytes = append(s.toData, data), append(s.toBytes, bytes)
		server := commandtest.NewServer(t, "--metadata", s.database.nodes[0].url(data[0].Addr, data[1].Addr), "--blobs", strings.Replace(bucket, s.s3.URL, "http://"+bytes.Addr, 1), "--log-key", key)
		server.Env = []string{"AWS_ACCESS_KEY_ID=" + s3test.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s3test.SecretKey, fmt.Sprint("SLIPWAY_REPLICA=r", i)}
		s.servers = append(s.servers, server)
	}
	s.servers[0].Run(0, "key", "generate", key)
	front := *s.servers[0]
	s.front = &front
	s.front.URL = newBalancer(t, s.servers)
	return s
}

// start starts all servers.
func (s *storm) start() {
	var starts sync.WaitGroup
	for _, server := range s.servers {
		starts.Go(server.Start)
	}
	starts.Wait()
}

func (s *storm) any() *commandtest.Server { return s.servers[s.r.IntN(len(s.servers))] }

// moment waits for a random time, of at most d.
func (s *storm) moment(d time.Duration) { time.Sleep(time.Duration(s.r.Int64N(int64(d)))) }

func (s *storm) kill() {
	server := s.any()
	server.Kill()
	s.moment(2 * time.Second)
	server.Start()
}

func (s *storm) restart() {
	server := s.any()
	server.Terminate()
	server.Start()
}

func (s *storm) pause() {
	server := s.any()
	server.Signal(syscall.SIGSTOP)
	s.moment(8 * time.Second)
	server.Signal(syscall.SIGCONT)
}

func (s *storm) cut(gates ...*commandtest.Gate) {
	for _, g := range gates {
		g.Cut()
	}
	s.moment(8 * time.Second)
	for _, g := range gates {
		g.Heal()
	}
}

// calm waits until every server is ready and has no request left that was held up.
func (s *storm) calm() {
	for _, server := range s.servers {
		server.Ready()
		end := time.Now().Add(time.Minute)
		for idle := false; !idle; time.Sleep(100 * time.Millisecond) {
			_, text := server.Get("", "/metrics")
			idle = strings.Contains(text, "\nslipway_http_requests_in_flight 1\n") // this one
			if !idle && time.Now().After(end) {
				s.t.Fatal("a server has requests that do not end")
			}
		}
	}
}

// TestChaos: clients of every format publish, tag and delete at three servers, of which one is killed, stopped or cut off every few seconds, or
// the database or the S3 server is. After that, what was acknowledged is there at every server, whole and with one event each, and what was
// not is whole or not there (cluster 35). SLIPWAY_CHAOS says for how long, SLIPWAY_CHAOS_SEED repeats the choices of a run.
func TestChaos(t *testing.T) {
	t.Parallel() // it waits more than it works
	length, seed := 10*time.Second, uint64(time.Now().UnixNano())
	for name, set := range map[string]func(string) error{
		"SLIPWAY_CHAOS":      func(s string) (err error) { length, err = time.ParseDuration(s); return err },
		"SLIPWAY_CHAOS_SEED": func(s string) (err error) { seed, err = strconv.ParseUint(s, 10, 64); return err },
	} {
		if s := os.Getenv(name); s != "" {
			if err := set(s); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	t.Logf("SLIPWAY_CHAOS_SEED=%d", seed)
	s := newStorm(t, 3, seed)
	s.start()
	l := newLedger(t, s.front, seed)
	l.token, l.reader = s.front.Token("main", "read,publish,tag,delete,audit"), s.front.Token("main", "read")
	done := map[string]int{}
	for end := time.Now().Add(length); time.Now().Before(end) && !t.Failed(); {
		l.stormy.Store(true)
		l.during(func() {
			for range 5 {
				a := acts[s.r.IntN(len(acts))]
				a.act(s)
				done[a.name]++
				s.moment(3 * time.Second)
			}
		})
		l.stormy.Store(false)
		s.calm()
		s.verify(l, false)
	}
	l.finish()
	s.verify(l, true)
	l.verifyEvents()
	s.front.Run(0, "log", "verify", "--server", s.front.URL, "--token", s.front.Token("*", "admin"))
	kept, cut := l.counts()
	t.Logf("%v; %s kept, %d cut off", done, fmt.Sprint(kept), cut)
	for _, server := range s.servers {
		server.Terminate()
	}
	s.servers[0].Fsck()
}

// verify compares what the balancer shows with what was acknowledged, and what each server shows with that: all of it or the newest.
func (s *storm) verify(l *ledger, everything bool) {
	l.verify(everything)
	whole := s.r.IntN(len(s.servers))
	for i, server := range s.servers {
		l.server = server
		l.again(everything && i == whole)
	}
	l.server = s.front
}
