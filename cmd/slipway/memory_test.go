//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/cmd/slipway/internal/commandtest"
)

const manifestType = "application/vnd.oci.image.manifest.v1+json"

// bigManifests are manifests of some 4 MiB: a part of their own, and the rest, which they share.
func bigManifests(size int) (head func(n int) string, tail []byte) {
	d := digest.FromString("{}")
	layer := fmt.Sprintf(`{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":%q,"size":2},`, d)
	layers := strings.Repeat(layer, min(19_000, size/len(layer)))
	tail = []byte(`"layers":[` + strings.TrimSuffix(layers, ",") + `],"annotations":{"text":"`)
	tail = append(tail, bytes.Repeat([]byte("x"), max(0, size-len(tail)-300))...)
	tail = append(tail, `"}}`...)
	return func(n int) string {
		return fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"artifactType":"test/number-%03d","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":%q,"size":2},`, manifestType, n, d)
	}, tail
}

// mostMemory returns the most memory that a process had, in bytes.
func mostMemory(t *testing.T, p *commandtest.Process) int {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(raw)
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}

// TestK4: 150 manifests of 4 MiB at once, and 200 readers of one who take nothing, stay under 400 MiB, and nothing else than an
// accepted manifest or the advice to try again is answered.
func TestK4(t *testing.T) {
	p := commandtest.ServeProcess(t, []string{"SLIPWAY_ADMIN_PASSWORD=" + commandtest.Password, "SLIPWAY_ANONYMOUS_READ=true"}, "--data", t.TempDir()+"/data")
	send := func(method, path, contentType string, length int, body io.Reader) *http.Response {
		req, err := http.NewRequest(method, p.URL+path, body)
		if err != nil {
			t.Error(err)
			return &http.Response{}
		}
		req.ContentLength = int64(length)
		req.Header.Set("Content-Type", contentType)
		req.SetBasicAuth("admin", commandtest.Password)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
			return &http.Response{}
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		return res
	}
	if res := send("POST", "/v2/main/app/blobs/uploads/?digest="+digest.FromString("{}").String(), "application/octet-stream", 2, strings.NewReader("{}")); res.StatusCode != http.StatusCreated {
		t.Fatal(res.Status)
	}
	head, tail := bigManifests(4<<20 - 1000)
	put := func(n int) *http.Response {
		h := head(n)
		return send("PUT", fmt.Sprintf("/v2/main/app/manifests/t%d", n), manifestType, len(h)+len(tail), io.MultiReader(strings.NewReader(h), bytes.NewReader(tail)))
	}
	if res := send("PUT", "/v2/main/app/manifests/large", manifestType, 4<<20+1, bytes.NewReader(make([]byte, 4<<20+1))); res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("more than 4 MiB: %s", res.Status)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	answers := map[string]int{}
	for n := range 150 {
		wg.Go(func() {
			res := put(n)
			mu.Lock()
			defer mu.Unlock()
			answers[res.Status]++
			if res.StatusCode != http.StatusCreated && res.Header.Get("Retry-After") == "" {
				t.Errorf("%s without Retry-After", res.Status)
			}
		})
	}
	wg.Wait()
	t.Logf("answers %v, memory %d MiB", answers, mostMemory(t, p)>>20)
	if answers["201 Created"] == 0 || answers["201 Created"]+answers["429 Too Many Requests"]+answers["503 Service Unavailable"] != 150 {
		t.Errorf("answers: %v", answers)
	}
	if n := mostMemory(t, p); n > 400<<20 {
		t.Errorf("150 manifests at once took %d MiB", n>>20)
	}
	if res := put(1000); res.StatusCode != http.StatusCreated {
		t.Fatal(res.Status)
	}
	for range 200 {
		c, err := net.Dial("tcp", strings.TrimPrefix(p.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, "GET /v2/main/app/manifests/t1000 HTTP/1.1\r\nHost: x\r\n\r\n")
		_ = c.SetReadDeadline(time.Now().Add(commandtest.Patience))
		if _, err := io.ReadFull(c, make([]byte, 15)); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("memory %d MiB", mostMemory(t, p)>>20)
	if n := mostMemory(t, p); n > 400<<20 {
		t.Errorf("200 readers who take nothing took %d MiB", n>>20)
	}
}
