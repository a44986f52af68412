// Package s3test runs a real S3 server for tests, versitygw over a temporary directory, and a proxy that breaks requests
// to it. `.ci/s3/build.sh` builds the server, at the version pinned there.
package s3test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"slipway/storage/s3"
)

const (
	// AccessKey and SecretKey are the credentials that the server accepts.
	AccessKey = "slipwaytestaccess"
	SecretKey = "slipwaytestsecret0123456789"

	serverName   = "VERSITYGW"
	startTimeout = 20 * time.Second
	startTries   = 3 // another process may take the free port first
)

// New returns the URL of a bucket for this test alone, made when the store is opened, and the environment that holds its
// credentials. The server is started once per test process and ends when that process ends in any way. Without the server's
// binary the test is skipped, or fails where SLIPWAY_REQUIRE_CLIENTS is set.
func New(t testing.TB) (url string, env []string) {
	t.Helper()
	return At(t, Server(t)), []string{"AWS_ACCESS_KEY_ID=" + AccessKey, "AWS_SECRET_ACCESS_KEY=" + SecretKey}
}

// Options returns the same bucket for a store in the test's own process.
func Options(t testing.TB) s3.Options {
	t.Helper()
	return OptionsAt(t, Server(t))
}

// At is the URL of New for a server, or a Proxy, at the given URL.
func At(t testing.TB, endpoint string) string {
	return bucketURL(fmt.Sprintf("test-%d-%d", os.Getpid(), buckets.Add(1)), endpoint)
}

func bucketURL(bucket, endpoint string) string {
	return "s3://" + bucket + "/slipway?endpoint=" + endpoint + "&region=us-east-1&path_style=true&create=true"
}

// OptionsAt is Options for a server, or a Proxy, at the given URL.
func OptionsAt(t testing.TB, endpoint string) s3.Options {
	t.Helper()
	o, err := options(At(t, endpoint), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func options(url, spool string) (s3.Options, error) {
	o, err := s3.Parse(url)
	o.Spool, o.AccessKey, o.SecretKey = spool, AccessKey, SecretKey
	return o, err
}

// Server returns the URL of the server, or that of SLIPWAY_TEST_S3 where it is set: a server that must accept the same
// keys.
func Server(t testing.TB) string {
	t.Helper()
	url, err := running()
	switch {
	case errors.Is(err, fs.ErrNotExist) && os.Getenv("SLIPWAY_REQUIRE_CLIENTS") == "":
		t.Skipf("no S3 server to test with: run .ci/s3/build.sh (%v)", err)
	case err != nil:
		t.Fatalf("S3 server: %v", err)
	}
	return url
}

var buckets atomic.Int64

// alive is the input of the server's supervisor. It is never written to, and must not be garbage collected.
var alive io.WriteCloser

var running = sync.OnceValues(func() (string, error) {
	if url := os.Getenv("SLIPWAY_TEST_S3"); url != "" {
		return url, nil
	}
	bin, err := binary()
	if err != nil {
		return "", err
	}
	for try := 1; ; try++ {
		url, err := start(bin)
		if err == nil || try == startTries {
			return url, err
		}
	}
})

// binary finds the server that build.sh has built.
func binary() (string, error) {
	var path string
	if clients := os.Getenv("SLIPWAY_CLIENTS"); clients != "" {
		path = filepath.Join(filepath.Dir(filepath.Clean(clients)), "tools", "versitygw")
	} else {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		path = filepath.Join(cmp.Or(os.Getenv("XDG_CACHE_HOME"), filepath.Join(home, ".cache")), "slipway", "tools", "versitygw")
	}
	_, err := os.Stat(path)
	return path, err
}

// supervise runs the server in the background, waits for the end of its own input, which comes when the test process is
// gone, and then removes both the server and its directory.
const supervise = `dir=$1; shift
"$@" >"$dir/log" 2>&1 </dev/null &
cat >/dev/null
kill -9 $! 2>/dev/null
wait
rm -rf "$dir"`

func start(bin string) (string, error) {
	addr, err := FreeAddr()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "slipway-s3test-")
	if err != nil {
		return "", err
	}
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return "", err
	}
	sh := exec.Command("sh", "-c", supervise, "sh", dir, bin, "--port", addr, "--quiet", "--keep-alive", "posix", data)
	sh.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+AccessKey, "ROOT_SECRET_KEY="+SecretKey)
	alive, err = sh.StdinPipe()
	if err != nil {
		return "", err
	}
	if err := sh.Start(); err != nil {
		return "", err
	}
	if err = await("http://" + addr); err == nil {
		err = ours("http://"+addr, data)
	}
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log")) // only adds to the message
		_ = alive.Close()
		_ = sh.Wait()
		return "", fmt.Errorf("%w: %s", err, strings.TrimSpace(string(log)))
	}
	return "http://" + addr, nil
}

// await waits until a server answers, with any status. It may be another server that took the port first, for which a busy
// machine leaves time.
func await(url string) error {
	client := &http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	for deadline := time.Now().Add(startTimeout); ; time.Sleep(20 * time.Millisecond) {
		res, err := client.Get(url)
		if err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			if name := res.Header.Get("Server"); name != serverName {
				err = fmt.Errorf("%s is the address of another server (%q)", url, name)
			}
			return errors.Join(err, res.Body.Close())
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("does not answer within %v: %w", startTimeout, err)
		}
	}
}

// ours makes sure that the server which answers is the one over data, and not that of another test process.
func ours(url, data string) error {
	const bucket = "first"
	o, err := options(bucketURL(bucket, url), filepath.Join(filepath.Dir(data), "spool"))
	if err != nil {
		return err
	}
	store, err := s3.New(context.Background(), o)
	if err != nil {
		return err
	}
	if err := store.Close(); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(data, bucket)); err != nil {
		return fmt.Errorf("%s is the address of another process's server: %w", url, err)
	}
	return nil
}
