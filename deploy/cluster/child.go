package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// child is a process of the cluster. One that ends is started again, as a service manager does it, so that killing it shows what a cluster
// makes of that.
type child struct {
	name    string
	command func() *exec.Cmd
	signal  syscall.Signal // ends it in good order
	dir     string         // of its output, NAME.log, and its process number, NAME.pid
	ended   chan struct{}  // closed once it is not started again
	stop    context.CancelFunc
}

// again is the time between the end of a process and its next start.
const again = time.Second

// start runs the child until it is stopped.
func (c *child) start() error {
	log, err := os.OpenFile(filepath.Join(c.dir, c.name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	c.ended, c.stop = make(chan struct{}), stop
	go func() {
		defer close(c.ended)
		defer log.Close()
		runtime.LockOSThread() // children get their signal when the thread ends that started them
		for ctx.Err() == nil {
			if err := c.once(ctx, log); err != nil && ctx.Err() == nil {
				fmt.Fprintf(os.Stderr, "%s has ended (%v) and is started again\n", c.name, err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(again):
			}
		}
	}()
	return nil
}

// once runs the process until it ends.
func (c *child) once(ctx context.Context, log *os.File) error {
	cmd := c.command()
	cmd.Stdout, cmd.Stderr = log, log
	attributes := syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if cmd.SysProcAttr != nil {
		attributes.Credential = cmd.SysProcAttr.Credential
	}
	cmd.SysProcAttr = &attributes
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(c.dir, c.name+".pid"), fmt.Appendln(nil, cmd.Process.Pid), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	over := context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(c.signal) })
	defer over()
	return cmd.Wait()
}

// end ends the child and waits for it.
func (c *child) end() {
	c.stop()
	<-c.ended
}

// answers waits until a URL answers: with 200, or with anything.
func answers(ctx context.Context, url string, ok bool) error {
	client := &http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	var last error
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		res, err := client.Do(r)
		if err == nil {
			_ = res.Body.Close()
			if !ok || res.StatusCode == http.StatusOK {
				return nil
			}
			err = fmt.Errorf("%s: %s", url, res.Status)
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), last)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
