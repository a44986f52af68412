package cli_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"slipway/cmd/slipway/internal/cli"
	"slipway/cmd/slipway/internal/commandtest"
)

// forger stands between a client and a server and changes the server's answers.
type forger struct {
	*httptest.Server
	change func(path string, body []byte) []byte
}

func newForger(t *testing.T, target string) *forger {
	t.Helper()
	f := &forger{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req, err := http.NewRequest(r.Method, target+r.URL.RequestURI(), nil)
		if err != nil {
			t.Error(err)
			return
		}
		req.Header = r.Header.Clone()
		req.Header.Del("Accept-Encoding")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Error(err)
		}
		if f.change != nil {
			body = f.change(r.URL.Path, body)
		}
		for _, name := range []string{"Link", "Content-Type"} {
			w.Header().Set(name, res.Header.Get(name))
		}
		w.WriteHeader(res.StatusCode)
		if _, err := w.Write(body); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(f.Close)
	return f
}

// TestLogVerify: the log verifies, from the start and after it has grown over a tile; every forgery of every answer is
// found and its place is named.
func TestLogVerify(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	r.Put("tool/1.0.0/tool", "one")
	r.Settle()
	f := newForger(t, r.URL)
	verify := func(code int, args ...string) string {
		t.Helper()
		return r.With("", map[string]string{"SLIPWAY_SERVER": f.URL, "SLIPWAY_TOKEN": r.Token()}, code, append([]string{"log", "verify"}, args...)...)
	}
	if out := verify(0); !strings.Contains(out, "verified for the first time") {
		t.Errorf("first: %s", out)
	}
	old, err := http.NewRequest("GET", r.URL+"/api/v1/log/checkpoint", nil)
	if err != nil {
		t.Fatal(err)
	}
	old.Header.Set("Authorization", "Bearer "+r.Token())
	res, err := http.DefaultClient.Do(old)
	if err != nil {
		t.Fatal(err)
	}
	oldCheckpoint, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()

	r.Put("tool/1.1.0/tool", "two")
	for i := range 130 {
		r.Put(fmt.Sprintf("many/%d/file", i), fmt.Sprint(i))
		r.CLI(0, "tag", "set", "main", "raw", "many", "latest", fmt.Sprint(i))
	}
	r.Settle()
	var v cli.Verification
	if err := json.Unmarshal([]byte(verify(0, "--output", "json")), &v); err != nil || v.Size < 256 || v.Entries != v.Size || v.PreviousSize == 0 {
		t.Fatalf("%+v, %v", v, err)
	}

	flip := func(body []byte, at int) []byte {
		out := append([]byte{}, body...)
		out[at] ^= 1
		return out
	}
	forgeries := map[string]struct {
		change func(path string, body []byte) []byte
		want   string
	}{
		"an entry": {func(path string, body []byte) []byte {
			if strings.HasSuffix(path, "/tile/entries/000") {
				return []byte(strings.Replace(string(body), "tool@1.0.0", "tool@1.0.1", 1))
			}
			return body
		}, "differs from entry 4 on"},
		"a tile of leaf hashes": {func(path string, body []byte) []byte {
			if strings.HasSuffix(path, "/tile/0/000") {
				return flip(body, 200*32)
			}
			return body
		}, "differs from entry 200 on"},
		"a tile above": {func(path string, body []byte) []byte {
			if strings.Contains(path, "/tile/1/000.p") {
				return flip(body, 0)
			}
			return body
		}, "differs from entry 0 on"},
		"a cut bundle": {func(path string, body []byte) []byte {
			if strings.HasSuffix(path, "/tile/entries/000") {
				return body[:len(body)-1]
			}
			return body
		}, "cut"},
		"two entries swapped": {func(path string, body []byte) []byte {
			if !strings.HasSuffix(path, "/tile/entries/000") {
				return body
			}
			n := 2 + int(body[0])<<8 + int(body[1])
			m := 2 + int(body[n])<<8 + int(body[n+1])
			out := append([]byte{}, body[n:n+m]...)
			return append(append(out, body[:n]...), body[n+m:]...)
		}, "says that it is entry 1"},
		"the checkpoint's root": {func(path string, body []byte) []byte {
			if strings.HasSuffix(path, "/log/checkpoint") {
				lines := strings.SplitN(string(body), "\n", 4)
				lines[2] = base64.StdEncoding.EncodeToString(make([]byte, 32))
				return []byte(strings.Join(lines, "\n"))
			}
			return body
		}, "not signed"},
		"an older checkpoint": {func(path string, body []byte) []byte {
			if strings.HasSuffix(path, "/log/checkpoint") {
				return oldCheckpoint
			}
			return body
		}, "it was cut"},
		"another key": {func(path string, body []byte) []byte {
			if strings.HasSuffix(path, "/log/key") {
				return []byte("slipway-00000000+cc3b5a4e+AUuT5BmS6eC5tGQfJ2ZqQw0Q0yHh9m0tU7g0s9c1J2kq\n")
			}
			return body
		}, "another key"},
	}
	for what, forgery := range forgeries {
		f.change = forgery.change
		if msg := verify(1); !strings.Contains(msg, forgery.want) {
			t.Errorf("%s: %s, want %q", what, msg, forgery.want)
		}
	}
	f.change = nil
	verify(0)

	// A rewritten log is compared with the remembered checkpoint; here the checkpoint is of another log.
	if err := cli.Remember(r.ConfigDir, f.URL, func(l *cli.Login) {
		lines := strings.SplitN(l.Checkpoint, "\n", 4)
		lines[1], lines[2] = "5", base64.StdEncoding.EncodeToString(make([]byte, 32))
		l.Checkpoint = strings.Join(lines, "\n")
	}); err != nil {
		t.Fatal(err)
	}
	if msg := verify(1); !strings.Contains(msg, "the log was rewritten") {
		t.Errorf("rewritten: %s", msg)
	}
	reader := strings.TrimSpace(r.CLI(0, "token", "create", "reader", "--allow", "*:read"))
	if msg := verify(1, "--token", reader); !strings.Contains(msg, "the log was rewritten") {
		t.Errorf("rewritten, seen by a reader: %s", msg)
	}
}

// TestLogVerifyWithoutAudit: a caller that may not read all entries proves the ones that it sees.
func TestLogVerifyWithoutAudit(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	for i := range 5 {
		r.Put(fmt.Sprintf("many/%d/file", i), fmt.Sprint(i))
	}
	reader := strings.TrimSpace(r.CLI(0, "token", "create", "reader", "--allow", "main:read"))
	r.Settle()
	f := newForger(t, r.URL)
	verify := func(code int) string {
		t.Helper()
		return r.With("", map[string]string{"SLIPWAY_SERVER": f.URL}, code, "log", "verify", "--token", reader, "--output", "json")
	}
	var v cli.Verification
	if err := json.Unmarshal([]byte(verify(0)), &v); err != nil || v.Entries < 5 || v.Entries >= v.Size {
		t.Errorf("%+v, %v", v, err)
	}
	if err := json.Unmarshal([]byte(verify(0)), &v); err != nil || v.PreviousSize == 0 {
		t.Errorf("again: %+v, %v", v, err)
	}
	for what, change := range map[string]func(path string, body []byte) []byte{
		"an event": func(path string, body []byte) []byte {
			if strings.HasSuffix(path, "/events") {
				return []byte(strings.Replace(string(body), "pkg:generic/many@3", "pkg:generic/many@4", 1))
			}
			return body
		},
		"a proof": func(path string, body []byte) []byte {
			if strings.HasSuffix(path, "/log/proof") {
				lines := strings.Split(string(body), "\n")
				lines[3] = base64.StdEncoding.EncodeToString(make([]byte, 32))
				return []byte(strings.Join(lines, "\n"))
			}
			return body
		},
		"a proof of another entry": func(path string, body []byte) []byte {
			if strings.HasSuffix(path, "/log/proof") {
				return []byte(strings.Replace(string(body), "\nindex ", "\nindex 1", 1))
			}
			return body
		},
		"no proof": func(path string, body []byte) []byte {
			if strings.HasSuffix(path, "/log/proof") {
				return nil
			}
			return body
		},
	} {
		f.change = change
		if msg := verify(1); !strings.Contains(msg, "slipway: event ") {
			t.Errorf("%s: %s", what, msg)
		}
	}
}
