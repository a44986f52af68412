package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"slipway/internal/balancer"
	"slipway/metadata/postgres/pgserver"
)

// cluster is a cluster in a folder.
type cluster struct {
	dir         string
	slipway, s3 string // programs
	replicas    int
	port        int

	password string   // of the user admin, and key of the S3 server
	children []*child // in the order in which they were started
}

const (
	pidFile      = "cluster.pid"
	summaryFile  = "summary"
	passwordFile = "password"
	logKeyFile   = "log.key"
	bucket       = "slipway"
)

func (c *cluster) path(name string) string { return filepath.Join(c.dir, name) }

// Offsets of the ports behind the balancer's.
const (
	s3Port = iota + 1
	natsPort
	databasePort
	replicaPort
)

func (c *cluster) addr(offset int) string {
	return net.JoinHostPort("127.0.0.1", fmt.Sprint(c.port+offset))
}

// run runs the cluster until ctx ends.
func (c *cluster) run(ctx context.Context) (err error) {
	if err := c.folder(); err != nil {
		return err
	}
	lock, err := c.lock()
	if err != nil {
		return err
	}
	defer lock.Close()
	defer func() { // the servers end before what they stand on
		for i := len(c.children) - 1; i >= 0; i-- {
			c.children[i].end()
		}
	}()
	starting, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if err := c.under(starting); err != nil {
		return err
	}
	broker, err := c.nats()
	if err != nil {
		return err
	}
	defer broker.Shutdown()
	hosts, err := c.servers(starting)
	if err != nil {
		return err
	}
	return c.balance(ctx, hosts)
}

// under starts what the servers stand on.
func (c *cluster) under(ctx context.Context) error {
	if err := c.secrets(ctx); err != nil {
		return err
	}
	if err := c.database(ctx); err != nil {
		return err
	}
	bytes := c.path("s3")
	if err := os.MkdirAll(bytes, 0o700); err != nil {
		return err
	}
	if err := c.start(&child{name: "s3", signal: syscall.SIGTERM, command: func() *exec.Cmd {
		cmd := exec.Command(c.s3, "--port", c.addr(s3Port), "--quiet", "--keep-alive", "posix", bytes)
		cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+bucket, "ROOT_SECRET_KEY="+c.password)
		return cmd
	}}); err != nil {
		return err
	}
	return answers(ctx, "http://"+c.addr(s3Port), false)
}

func (c *cluster) start(p *child) error {
	p.dir = c.dir
	if err := p.start(); err != nil {
		return err
	}
	c.children = append(c.children, p)
	return nil
}

// secrets makes the password and the log's key at the first start.
func (c *cluster) secrets(ctx context.Context) error {
	text, err := os.ReadFile(c.path(passwordFile))
	if errors.Is(err, os.ErrNotExist) {
		text = []byte(rand.Text())
		err = os.WriteFile(c.path(passwordFile), text, 0o600)
	}
	if err != nil {
		return err
	}
	c.password = string(text)
	if _, err := os.Stat(c.path(logKeyFile)); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if out, err := exec.CommandContext(ctx, c.slipway, "key", "generate", c.path(logKeyFile)).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// database starts PostgreSQL.
func (c *cluster) database(ctx context.Context) error {
	dir := c.path("postgres")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	pg, err := pgserver.New(dir)
	if err != nil {
		return err
	}
	if _, err = os.Stat(filepath.Join(pg.Data(), "PG_VERSION")); errors.Is(err, os.ErrNotExist) {
		err = pg.Init()
	}
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(c.addr(databasePort))
	if err != nil {
		return err
	}
	if err := c.start(&child{name: "postgres", signal: syscall.SIGINT, command: func() *exec.Cmd { // SIGINT: its fast end
		cmd := exec.Command(pg.Program("postgres"), "-D", pg.Data(), "-k", dir, "-c", "listen_addresses="+host, "-c", "port="+port)
		cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{Credential: pg.As()}
		return cmd
	}}); err != nil {
		return err
	}
	for ctx.Err() == nil {
		if exec.CommandContext(ctx, pg.Program("pg_isready"), "-q", "-h", host, "-p", port).Run() == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("PostgreSQL does not answer: %w", ctx.Err())
}

// nats starts the broker, in this process.
func (c *cluster) nats() (*server.Server, error) {
	broker, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: c.port + natsPort, JetStream: true, StoreDir: c.path("nats"), NoSigs: true, NoLog: true, SyncAlways: true})
	if err != nil {
		return nil, err
	}
	broker.Start()
	if !broker.ReadyForConnections(startTime) {
		broker.Shutdown()
		return nil, errors.New("NATS does not answer")
	}
	return broker, nil
}

// servers starts the replicas and waits until all are ready.
func (c *cluster) servers(ctx context.Context) (hosts []string, err error) {
	for i := range c.replicas {
		name, host := fmt.Sprint("replica-", i+1), c.addr(replicaPort+i)
		if err := c.start(&child{name: name, signal: syscall.SIGTERM, command: func() *exec.Cmd {
			cmd := exec.Command(c.slipway, "serve", "--listen", host, "--url", c.url(), "--replica", name, "--metadata", c.databaseURL(), "--blobs", c.blobsURL(),
				"--log-key", c.path(logKeyFile), "--data", c.path(name), "--webhook-allow", "127.0.0.1")
			cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+bucket, "AWS_SECRET_ACCESS_KEY="+c.password, "SLIPWAY_ADMIN_PASSWORD="+c.password)
			return cmd
		}}); err != nil {
			return nil, err
		}
		hosts = append(hosts, host)
	}
	for i, host := range hosts {
		if err := answers(ctx, "http://"+host+"/readyz", true); err != nil {
			return nil, fmt.Errorf("replica-%d is not ready: %w; see its log in %s", i+1, err, c.dir)
		}
	}
	return hosts, nil
}

func (c *cluster) url() string { return "http://" + c.addr(0) }

func (c *cluster) databaseURL() string {
	u := url.URL{Scheme: "postgres", User: url.User(pgserver.Superuser), Host: c.addr(databasePort), Path: "/postgres"}
	return u.String()
}

func (c *cluster) blobsURL() string {
	query := url.Values{"endpoint": {"http://" + c.addr(s3Port)}, "region": {"us-east-1"}, "path_style": {"true"}, "create": {"true"}}
	return "s3://" + bucket + "/slipway?" + query.Encode()
}

// balance hands requests to the servers until ctx ends.
func (c *cluster) balance(ctx context.Context, hosts []string) error {
	front := balancer.New(hosts...)
	go front.Watch(ctx, time.Second)
	ln, err := net.Listen("tcp", c.addr(0))
	if err != nil {
		return err
	}
	web := &http.Server{Handler: front, ReadHeaderTimeout: time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(ln) }()
	defer web.Close()
	if err := os.WriteFile(c.path(summaryFile), []byte(c.summary(hosts)), 0o600); err != nil {
		return err
	}
	defer func() { _ = remove(c.path(summaryFile)) }()
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// summary is what somebody who tries the cluster wants to know.
func (c *cluster) summary(hosts []string) string {
	var s strings.Builder
	line := func(name, text string) { fmt.Fprintf(&s, "%-12s%s\n", name, text) }
	line("Slipway", c.url()+"  (user admin, password "+c.password+")")
	line("replicas", "http://"+strings.Join(hosts, " http://"))
	line("PostgreSQL", c.databaseURL())
	line("S3", "http://"+c.addr(s3Port)+"  (key "+bucket+", secret as the password)")
	line("NATS", "nats://"+c.addr(natsPort))
	line("logs", c.dir+"/*.log, process numbers in *.pid: a process that is killed comes back")
	return s.String()
}
