// Command cluster runs a whole cluster on this machine, for trying it: PostgreSQL, an S3 server, NATS, several servers and a balancer in
// front of them, all at 127.0.0.1. "cluster up" starts it in the background, "cluster down" ends it, "cluster run" stays in the foreground.
// What the cluster keeps is in one folder, and is there again at the next start.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// startTime is how long the cluster may take until it answers, stopTime until it has ended.
const (
	startTime = 90 * time.Second
	stopTime  = 60 * time.Second
)

func main() {
	if err := command(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func command(args []string) error {
	if len(args) == 0 {
		return errors.New("say up, down or run")
	}
	var c cluster
	flags := flag.NewFlagSet("cluster "+args[0], flag.ExitOnError)
	flags.StringVar(&c.dir, "dir", filepath.Join(os.TempDir(), fmt.Sprint("slipway-cluster-", os.Getuid())), "`folder` of all that the cluster keeps")
	flags.StringVar(&c.slipway, "slipway", "./slipway", "the server's program")
	flags.StringVar(&c.s3, "s3", "versitygw", "the S3 server's program")
	flags.IntVar(&c.replicas, "replicas", 3, "how many servers")
	flags.IntVar(&c.port, "port", 8090, "port of the balancer; the others have the next ones")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	switch args[0] {
	case "run":
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return c.run(ctx)
	case "up":
		return c.up(args[1:])
	case "down":
		return c.down()
	}
	return fmt.Errorf("there is no %q: say up, down or run", args[0])
}

// up starts the cluster in the background and waits until it answers.
func (c *cluster) up(args []string) error {
	if pid, ok := c.running(); ok {
		return fmt.Errorf("it runs already, as process %d", pid)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := c.folder(); err != nil {
		return err
	}
	log, err := os.Create(c.path("cluster.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	if err := remove(c.path(summaryFile)); err != nil {
		return err
	}
	cmd := exec.Command(self, append([]string{"run"}, args...)...)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = log, log, &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for end := time.Now().Add(startTime); ; time.Sleep(50 * time.Millisecond) {
		if text, err := os.ReadFile(c.path(summaryFile)); err == nil {
			_, err = os.Stdout.Write(text)
			return err
		}
		select {
		case err := <-ended:
			text, _ := os.ReadFile(c.path("cluster.log")) // only adds to the message
			return fmt.Errorf("it has ended: %w\n%s", err, strings.TrimSpace(string(text)))
		default:
		}
		if time.Now().After(end) {
			return errors.Join(fmt.Errorf("it does not answer within %v; see %s", startTime, c.dir), cmd.Process.Signal(syscall.SIGTERM))
		}
	}
}

// down ends the cluster and waits until it has ended.
func (c *cluster) down() error {
	pid, ok := c.running()
	if !ok {
		fmt.Println("no cluster runs in", c.dir)
		return nil
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return err
	}
	for end := time.Now().Add(stopTime); ; time.Sleep(50 * time.Millisecond) {
		if _, ok := c.running(); !ok {
			fmt.Println("ended; what it kept is in", c.dir)
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("process %d has not ended within %v", pid, stopTime)
		}
	}
}

// running is the process of the cluster in the folder: that which holds the lock of its file.
func (c *cluster) running() (pid int, ok bool) {
	f, err := os.Open(c.path(pidFile))
	if err != nil {
		return 0, false
	}
	defer f.Close()
	if syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == nil {
		return 0, false
	}
	text, err := os.ReadFile(c.path(pidFile))
	if err != nil {
		return 0, false
	}
	pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
	return pid, err == nil
}

// folder makes the cluster's folder. One that somebody else has made in a folder for all is refused.
func (c *cluster) folder() error {
	if err := os.Mkdir(c.dir, 0o755); err == nil || !errors.Is(err, os.ErrExist) {
		return err
	}
	info, err := os.Lstat(c.dir)
	if err != nil {
		return err
	}
	if has, ok := info.Sys().(*syscall.Stat_t); !info.IsDir() || !ok || int(has.Uid) != os.Getuid() {
		return fmt.Errorf("%s is not a folder of this user", c.dir)
	}
	return nil
}

// lock takes the folder for this process.
func (c *cluster) lock() (*os.File, error) {
	f, err := os.OpenFile(c.path(pidFile), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another cluster runs in %s: %w", c.dir, err), f.Close())
	}
	if err := f.Truncate(0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err := fmt.Fprintln(f, os.Getpid()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
