package cli

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
