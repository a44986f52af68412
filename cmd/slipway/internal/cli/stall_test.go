package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"slipway/api"
	"slipway/api/client"

	"github.com/opencontainers/go-digest"
)

// TestPullStall: pull gives up on a server that stalls, before or within the answer, and leaves what it has got for the next time.
func TestPullStall(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]string{"no answer": "", "half of it": "go"} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if begin != "" {
					_, _ = w.Write([]byte(begin))
					_ = http.NewResponseController(w).Flush()
				}
				<-r.Context().Done()
			}))
			t.Cleanup(s.Close)
			dir := t.TempDir()
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			cl, err := client.New(s.URL, client.Options{})
			if err != nil {
				t.Fatal(err)
			}
			p := &pulling{c: cl, at: client.Package{Repository: "main", Format: "raw", Name: "tool"}, version: "1", stall: 50 * time.Millisecond}
			err = p.fetch(t.Context(), root, api.File{Path: "tool", Size: 4, Digest: digest.FromString("good").String()})
			if err == nil || !strings.Contains(err.Error(), "the server has sent nothing for 50ms") {
				t.Errorf("error: %v", err)
			}
			left, err := filepath.Glob(dir + "/*")
			if err != nil || len(left) != min(len(begin), 1) || len(left) > 0 && !strings.HasSuffix(left[0], ".part") {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// TestPullSlowDisk: reading what is there already takes longer than the server may be silent.
func TestPullSlowDisk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // a fake clock
		whole := strings.Repeat("x", 100<<10)
		answer := func(r *http.Request) (*http.Response, error) {
			var from int
			if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err != nil {
				return nil, err
			}
			return &http.Response{StatusCode: http.StatusPartialContent, Body: io.NopCloser(strings.NewReader(whole[from:])), Request: r,
				Header: http.Header{"Content-Range": {fmt.Sprintf("bytes %d-%d/%d", from, len(whole)-1, len(whole))}}}, r.Context().Err()
		}
		cl, err := client.New("http://slipway.example.com", client.Options{HTTP: &http.Client{Transport: transport(answer)}})
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(filepath.Join(t.TempDir(), "tool.part"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(whole[:90<<10]); err != nil {
			t.Fatal(err)
		}
		p := &pulling{c: cl, at: client.Package{Repository: "main", Format: "raw", Name: "tool"}, version: "1", stall: 50 * time.Millisecond}
		had, err := p.fill(t.Context(), slowDisk{f}, api.File{Path: "tool", Size: int64(len(whole)), Digest: digest.FromString(whole).String()})
		if err != nil || had != 90<<10 {
			t.Errorf("%d bytes were used, %v", had, err)
		}
	})
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// slowDisk takes 40 ms for each read.
type slowDisk struct{ *os.File }

func (d slowDisk) Read(p []byte) (int, error) {
	time.Sleep(40 * time.Millisecond)
	return d.File.Read(p)
}
