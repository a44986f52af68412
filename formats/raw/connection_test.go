package raw_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/registry"
	"slipway/registry/registrytest"
)

// TestRemoteTLS: a remote is known by authorities of its settings beside those of the system, and shown a client certificate, which no
// other host sees. There is no way around verification.
func TestRemoteTLS(t *testing.T) {
	m := mirror(t, formatstest.Options{Wrap: formatstest.NoLeaks(t, "PRIVATE KEY").Wrap})
	u := upstreamtest.New(t, upstreamtest.Options{ClientCertificate: true})
	certificate, key := upstreamtest.ClientCertificate(t)
	quote := func(v any) string {
		raw, err := json.Marshal(v)
		registrytest.Must(t, err)
		return string(raw)
	}
	for _, name := range []string{"1/f", "2/f", "3/f"} {
		u.Raw("tool/"+name, []byte(name))
	}
	u.On("origin:/raw/tool/3/f", upstreamtest.RedirectTo(u.CDN, http.StatusFound, "sig=1"))
	registrytest.Must(t, m.MoveRemote("mirror", u.RawURL(), `{}`))
	if res := m.get("tool/1/f"); res.Status != http.StatusServiceUnavailable || !strings.Contains(string(res.Body), "unknown authority") {
		t.Errorf("without the authority: %v", res)
	}
	m.set(`{"tls":{"ca":` + quote(string(upstreamtest.CA())) + `}}`)
	if res := m.get("tool/1/f"); res.Status != http.StatusServiceUnavailable || !strings.Contains(string(res.Body), "client certificate") {
		t.Errorf("without the certificate: %v", res)
	}
	for _, wrong := range []string{`{"tls":{"ca":"none"}}`, `{"tls":{"certificate":` + quote(string(certificate)) + `}}`, `{"tls":{"certificate":"x","key":` + quote(string(key)) + `}}`, `{"tls":{"verify":false}}`} {
		if err := m.MoveRemote("mirror", "", wrong); registry.KindOf(err) != registry.Invalid || strings.Contains(fmt.Sprint(err), "PRIVATE") {
			t.Errorf("%.40s: %v", wrong, err)
		}
	}
	m.set(`{"tls":{"certificate":` + quote(string(certificate)) + `,"key":` + quote(string(key)) + `}}`) // the authority stays
	for _, name := range []string{"2/f", "3/f"} {
		if res := m.get("tool/" + name); res.Status != http.StatusOK || string(res.Body) != name {
			t.Errorf("%s: %v", name, res)
		}
	}
	for _, r := range u.Requests() {
		if r.Certificate != (r.Host == "origin") {
			t.Errorf("%s %s: certificate %v", r.Host, r.Path, r.Certificate)
		}
	}
	if row := m.row(); strings.Contains(string(append(row.Settings, row.Secret...)), "PRIVATE KEY") {
		t.Errorf("the key is in the row: %s", row.Settings)
	}
	m.set(`{"tls":{"certificate":"","key":""}}`)
	if row := m.row(); len(row.Secret) > 0 {
		t.Error("the key stays when it is taken out")
	}
}

// forwardProxy is an http proxy that notes what it is asked, and asks on.
type forwardProxy struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func newForwardProxy(t *testing.T, credential string) *forwardProxy {
	t.Helper()
	p := &forwardProxy{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.asked = append(p.asked, r.RequestURI)
		p.mu.Unlock()
		if r.Header.Get("Proxy-Authorization") != credential {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		r.RequestURI = ""
		r.Header.Del("Proxy-Authorization")
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer res.Body.Close()
		for name, values := range res.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(res.StatusCode)
		_, _ = io.Copy(w, res.Body)
	}))
	t.Cleanup(p.Close)
	return p
}

// TestRemoteProxy: a remote is asked through the proxy of its settings, with the credentials for it, which the remote does not get.
func TestRemoteProxy(t *testing.T) {
	m := mirror(t, formatstest.Options{Wrap: formatstest.NoLeaks(t, "canary").Wrap})
	p := newForwardProxy(t, "Basic bWU6Y2FuYXJ5") // me:canary
	for _, name := range []string{"1", "2", "3"} {
		m.u.Raw("tool/"+name+"/f", []byte(name))
	}
	m.set(`{"proxy":"` + p.URL + `"}`)
	if res := m.get("tool/1/f"); res.Status != http.StatusBadGateway || !strings.Contains(string(res.Body), "refuses our credentials") {
		t.Errorf("without credentials for the proxy: %v", res)
	}
	m.u.NeverAsked(t, "**")
	m.set(`{"proxy_auth":{"user":"me","secret":"canary"}}`)
	if res := m.get("tool/2/f"); res.Status != http.StatusOK || !slices.Contains(p.asked, m.u.RawURL()+"tool/2/f") {
		t.Errorf("%v; the proxy was asked %v", res, p.asked)
	}
	m.u.NoCredential(t, "**")
	for wrong, says := range map[string]string{`{"proxy":"http://me:canary@127.0.0.1:1"}`: "another one", `{"proxy":"http://127.0.0.1:1"}`: "another one", `{"proxy":"ftp://canary"}`: "another one",
		`{"proxy":"ftp://canary","proxy_auth":{}}`: "http://", `{"proxy":"http://me:canary@127.0.0.1:1","proxy_auth":{}}`: "no credentials", `{"proxy_auth":{"user":"me"}}`: "user and a secret",
		`{"proxy":"direct","proxy_auth":{"user":"me","secret":"canary"}}`: "goes with"} {
		if err := m.MoveRemote("mirror", "", wrong); registry.KindOf(err) != registry.Invalid || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
	m.set(`{"proxy":"direct","proxy_auth":{}}`)
	p.Close()
	if res := m.get("tool/3/f"); res.Status != http.StatusOK || len(m.row().Secret) > 0 {
		t.Errorf("direct: %v", res)
	}
}

// TestRemoteLimits: the settings of how a remote is asked, and of how long its answers count, are heeded.
func TestRemoteLimits(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	m.set(`{"user_agent":"corp/1 (ops@example.com)","max_file":10,"negative_ttl":"10m","forbidden_is_missing":true,"timeouts":{"file":"50ms"}}`)
	for name, size := range map[string]int{"small/1/f": 10, "large/1/f": 11, "forbidden/1/f": 1, "slow/1/f": 1} {
		m.u.Raw(name, make([]byte, size))
	}
	m.u.On(upstream("forbidden/**"), upstreamtest.Status(http.StatusForbidden))
	m.u.On(upstream("slow/**"), upstreamtest.Hang())
	for name, want := range map[string]struct {
		status int
		says   string
	}{"small/1/f": {200, ""}, "large/1/f": {502, "max_file"}, "forbidden/1/f": {404, ""}, "slow/1/f": {503, "no answer within 50ms"}, "late/1/f": {404, ""}} {
		if res := m.get(name); res.Status != want.status || !strings.Contains(string(res.Body), want.says) {
			t.Errorf("%s: %v, want %d", name, res, want.status)
		}
	}
	for _, r := range m.u.Requests() {
		if agent := r.Header.Get("User-Agent"); !strings.HasPrefix(agent, "Slipway/") || !strings.HasSuffix(agent, " corp/1 (ops@example.com)") {
			t.Errorf("User-Agent %q", agent)
		}
	}
	m.u.Raw("late/1/f", []byte("x"))
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{9 * time.Minute, 404}, {2 * time.Minute, 200}} {
		if m.later(c.after); m.get("late/1/f").Status != c.want {
			t.Errorf("absent for 10 minutes, after %v more: want %d", c.after, c.want)
		}
	}
	for _, wrong := range []string{`{"timeouts":{"document":"13s"}}`, `{"timeouts":{"answer":"1s"}}`, `{"concurrency":-1}`, `{"concurrency":1001}`, `{"rate":-1}`, `{"rate":1e9}`, `{"max_file":-1}`, `{"max_document":-1}`,
		`{"negative_ttl":"-1s"}`, `{"user_agent":"a\nb"}`, `{"user_agent":"` + strings.Repeat("a", 300) + `"}`} {
		if err := m.MoveRemote("mirror", "", wrong); registry.KindOf(err) != registry.Invalid || err == nil {
			t.Errorf("%.40s: %v", wrong, err)
		}
	}
}
