package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"slipway/bench/load"
)

const (
	adminPassword = "a password for benchmarks"
	startTimeout  = 30 * time.Second
	stopTimeout   = 15 * time.Second
)

// process is a server in a process of its own, so that its memory and processor time can be measured.
type process struct {
	cmd    *exec.Cmd
	url    string
	token  string
	driver *load.Driver
	errors bytes.Buffer
	ready  time.Duration // from exec to the first answer
}

// start runs a server at a free address and waits until path answers 200, or anything where path is "".
func start(ctx context.Context, path string, command func(address string) *exec.Cmd) (*process, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: command(address), url: "http://" + address}
	p.cmd.Stderr = &p.errors
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	begin := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	client := &http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	for ctx.Err() == nil && time.Since(begin) < startTimeout {
		resp, err := client.Get(p.url + path)
		if err == nil {
			_ = resp.Body.Close()
			if path == "" || resp.StatusCode == http.StatusOK {
				p.ready = time.Since(begin)
				return p, p.aim()
			}
		}
		time.Sleep(time.Millisecond)
	}
	_ = p.stop()
	return nil, errors.Join(ctx.Err(), fmt.Errorf("%s is not ready: %s", filepath.Base(p.cmd.Path), strings.TrimSpace(p.errors.String())))
}

// aim makes the driver, with the present token.
func (p *process) aim() error {
	t, err := load.NewTarget(p.url, p.token)
	if err == nil {
		p.driver = load.NewDriver(t, 1)
	}
	return err
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// stop ends the server and waits for it.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	timer := time.AfterFunc(stopTimeout, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	return p.cmd.Wait()
}

// server starts Slipway over a new directory, or the given one, with a token that may do everything.
func (b *bench) server(ctx context.Context, dir string, env []string, args ...string) (*process, error) {
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp(b.dir, "data-"); err != nil {
			return nil, err
		}
	}
	p, err := start(ctx, "/readyz", func(address string) *exec.Cmd {
		cmd := exec.Command(b.slipway, append([]string{"serve", "--data", dir, "--listen", address, "--log-level", "warn"}, args...)...)
		cmd.Env = append(append(os.Environ(), "SLIPWAY_ADMIN_PASSWORD="+adminPassword), env...)
		return cmd
	})
	if err != nil {
		return nil, err
	}
	if p.token, err = p.newToken(ctx); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, p.aim()
}

func (p *process) newToken(ctx context.Context) (string, error) {
	body := strings.NewReader(`{"name":"bench","permissions":[{"repository":"*","actions":["admin"]}]}`)
	rq, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/api/v1/tokens", body)
	if err != nil {
		return "", err
	}
	rq.SetBasicAuth("admin", adminPassword)
	rq.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(rq)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("make a token: %s", resp.Status)
	}
	var made struct{ Token string }
	return made.Token, json.NewDecoder(resp.Body).Decode(&made)
}

// memory reads a line of /proc/<pid>/status: VmRSS is what is in memory now, VmHWM the most so far.
func (p *process) memory(key string) (mib float64, err error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		if value, ok := strings.CutPrefix(line, key+":"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("there is no %s", key)
}

// cpu is the time that the server's processors have worked, with children that ended.
func (p *process) cpu() (time.Duration, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(raw), ") ") // the name before it may hold anything
	fields := strings.Fields(rest)
	const utime, cutime = 11, 14 // proc(5), counted from the state
	var ticks int64
	for i := utime; i <= cutime && i < len(fields); i++ {
		n, err := strconv.ParseInt(fields[i], 10, 63)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / clockTicks), nil
}

// clockTicks of a second, as Linux tells them to programs.
const clockTicks = 100

// forgetPeak resets VmHWM.
func (p *process) forgetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0)
}
