package formatstest

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// DockerDaemon starts a Docker daemon with images of its own, in an environment, and stops it with the test. It returns its address, as DOCKER_HOST has
// it. Where it can't run, as it needs root, the test is skipped, or fails where the clients are required.
func DockerDaemon(t testing.TB, program string, env []string) (host string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "slipway-dockerd") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	host = "unix://" + filepath.Join(dir, "sock")
	var log bytes.Buffer
	cmd := exec.Command(program, "--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir, "exec"), "--pidfile", filepath.Join(dir, "pid"),
		"--host", host, "--storage-driver", "vfs", "--bridge", "none", "--iptables=false", "--ip6tables=false")
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &log, &log
	away := func(err error) {
		t.Helper()
		if os.Getenv("SLIPWAY_REQUIRE_CLIENTS") != "" {
			t.Fatalf("dockerd ended: %v\n%s", err, log.String())
		}
		t.Skipf("a Docker daemon can't run here: %v\n%s", err, log.String())
	}
	if err := cmd.Start(); err != nil {
		away(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(30 * time.Second):
			_ = cmd.Process.Kill()
			<-done
		}
		_ = os.RemoveAll(dir)
	})
	api := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(dir, "sock"))
	}}}
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		select {
		case err := <-done:
			done <- err
			away(err)
		default:
		}
		if res, err := api.Get("http://docker/_ping"); err == nil {
			_ = res.Body.Close()
			return host
		}
	}
	t.Fatalf("dockerd did not become ready: %s", log.String())
	return ""
}
