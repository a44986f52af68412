package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"slipway/integration"
	"slipway/internal/outbound"
	"slipway/registry"
)

// TestVector: the example of the Standard Webhooks libraries.
func TestVector(t *testing.T) {
	key, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	got := Sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 999), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// verify is how a receiver checks a request, written after the specification alone.
func verify(secret string, h http.Header, body []byte) error {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return err
	}
	signed := strings.Join([]string{h.Get("webhook-id"), h.Get("webhook-timestamp"), string(body)}, ".")
	mac := hmac.New(sha256.New, key)
	if _, err := io.WriteString(mac, signed); err != nil {
		return err
	}
	for _, entry := range strings.Split(h.Get("webhook-signature"), " ") {
		version, encoded, _ := strings.Cut(entry, ",")
		sum, err := base64.StdEncoding.DecodeString(encoded)
		if version == "v1" && err == nil && hmac.Equal(sum, mac.Sum(nil)) {
			return nil
		}
	}
	return fmt.Errorf("no signature fits: %q", h.Get("webhook-signature"))
}

const (
	newSecret = "whsec_bmV3ZXIga2V5IG9mIHRoZSBzdWJzY3JpcHRpb24="
	oldSecret = "whsec_b2xkZXIga2V5IG9mIHRoZSBzdWJzY3JpcHRpb24="
)

func keys(t *testing.T, secrets ...string) [][]byte {
	t.Helper()
	out := make([][]byte, len(secrets))
	for i, s := range secrets {
		var err error
		if out[i], err = base64.StdEncoding.DecodeString(strings.TrimPrefix(s, "whsec_")); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func local(t *testing.T) *Sink {
	t.Helper()
	allow, err := outbound.ParseAllow([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	s := New(outbound.Options{Allow: allow}, "1.2.3")
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func receiver(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	return srv
}

var message = integration.Message{ID: "evt_01", ContentType: "application/cloudevents+json", Body: []byte(`{"a":1}`)}

// TestDeliver: what arrives is what was stored, signed with every secret at the time of the attempt.
func TestDeliver(t *testing.T) {
	var mu sync.Mutex
	var header http.Header
	var body []byte
	srv := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		header = r.Header
		body, _ = io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.URL.Path != "/hook" || r.ContentLength != int64(len(message.Body)) {
			t.Errorf("%s %s of %d bytes", r.Method, r.URL, r.ContentLength)
		}
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "thanks")
	})
	s := local(t)
	s.now = func() time.Time { return time.Unix(1800000000, 0) }
	m := message
	m.Header = map[string]string{"Authorization": integration.SecretMark, "ce-id": "x", "Webhook-Id": "forged"}
	res := s.Deliver(t.Context(), integration.Target{URL: srv.URL + "/hook", Secrets: keys(t, newSecret, oldSecret), Secret: newSecret, Attempt: 3, Redelivery: true}, m)
	if res.Status != http.StatusAccepted || res.Verdict != integration.Delivered || res.Note != "" || string(res.Answer) != "thanks" {
		t.Fatalf("%+v", res)
	}
	mu.Lock()
	defer mu.Unlock()
	for name, want := range map[string]string{
		"webhook-id": "evt_01", "webhook-timestamp": "1800000000", "slipway-attempt": "3", "slipway-redelivery": "true", "user-agent": "slipway/1.2.3",
		"content-type": "application/cloudevents+json", "authorization": newSecret, "ce-id": "x",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if !bytes.Equal(body, message.Body) {
		t.Errorf("body %s", body)
	}
	for _, secret := range []string{newSecret, oldSecret} {
		if err := verify(secret, header, body); err != nil {
			t.Errorf("%s: %v", secret, err)
		}
		if verify(secret, header, append(body, ' ')) == nil {
			t.Error("other bytes have the same signature")
		}
	}
	if verify("whsec_"+base64.StdEncoding.EncodeToString([]byte("a key of somebody else's")), header, body) == nil {
		t.Error("a foreign secret verifies")
	}
}

// TestFirstAttempt: no header says what is not so.
func TestFirstAttempt(t *testing.T) {
	srv := receiver(t, func(_ http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"slipway-redelivery", "webhook-signature", "authorization", "content-type", "accept-encoding"} {
			if v, ok := r.Header[http.CanonicalHeaderKey(name)]; ok {
				t.Errorf("%s: %q", name, v)
			}
		}
	})
	if res := local(t).Deliver(t.Context(), integration.Target{URL: srv.URL, Attempt: 1}, integration.Message{ID: "evt_01"}); res.Verdict != integration.Delivered {
		t.Error(res.Note)
	}
}

// TestAnswers: what each answer means.
func TestAnswers(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	date := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	delivered := integration.Result{Verdict: integration.Delivered}
	for _, c := range []struct {
		status     int
		retryAfter string
		want       integration.Result // without Note and Answer
	}{
		{status: 200, want: delivered}, {status: 204, want: delivered}, {status: 299, want: delivered},
		{status: 301}, {status: 304}, {status: 400}, {status: 401}, {status: 404}, {status: 500}, {status: 502},
		{status: 410, want: integration.Result{Verdict: integration.Gone, Ending: "the receiver wants no more (410 Gone)"}},
		{status: 415, want: integration.Result{Verdict: integration.Refused}},
		{status: 429, retryAfter: "30", want: integration.Result{After: 30 * time.Second}},
		{status: 503, retryAfter: "86401", want: integration.Result{After: 24 * time.Hour}},
		{status: 503, retryAfter: "9223372036854775807", want: integration.Result{After: 24 * time.Hour}},
		{status: 503, retryAfter: date(90 * time.Second), want: integration.Result{After: 90 * time.Second}},
		{status: 503, retryAfter: date(48 * time.Hour), want: integration.Result{After: 24 * time.Hour}},
		{status: 503, retryAfter: date(-time.Hour)}, {status: 503, retryAfter: "-5"}, {status: 503, retryAfter: "1e3"}, {status: 503},
		{status: 500, retryAfter: "30"}, {status: 200, retryAfter: "30", want: delivered},
	} {
		srv := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
			if c.retryAfter != "" {
				w.Header().Set("Retry-After", c.retryAfter)
			}
			w.WriteHeader(c.status)
		})
		s := local(t)
		s.now = func() time.Time { return now }
		got := s.Deliver(t.Context(), integration.Target{URL: srv.URL}, message)
		if ok := c.status < 300; (got.Note == "") != ok || !ok && !strings.Contains(got.Note, fmt.Sprint(c.status)) {
			t.Errorf("%d: %v", c.status, got.Note)
		}
		c.want.Status = c.status
		if got.Status != c.want.Status || got.Verdict != c.want.Verdict || got.After != c.want.After || got.Ending != c.want.Ending {
			t.Errorf("%d %q: %+v, want %+v", c.status, c.retryAfter, got, c.want)
		}
	}
}

// TestAnswerBody: of an endless answer only the beginning is read, and a secret that comes back is taken out.
func TestAnswerBody(t *testing.T) {
	srv := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		chunk := []byte(r.Header.Get("Authorization") + strings.Repeat("x", 100))
		for {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	m := message
	m.Header = map[string]string{"Authorization": integration.SecretMark}
	res := local(t).Deliver(t.Context(), integration.Target{URL: srv.URL, Secret: newSecret}, m)
	if res.Verdict != integration.Delivered || len(res.Answer) == 0 || len(res.Answer) > 8<<10 || !bytes.HasPrefix(res.Answer, []byte(integration.SecretMark+"xxx")) {
		t.Errorf("%d bytes: %.60s, %v", len(res.Answer), res.Answer, res.Note)
	}
	if bytes.Contains(res.Answer, []byte(newSecret)) {
		t.Error("the secret is in the answer")
	}
}

// TestReuse: connections are used again, also after answers with a body.
func TestReuse(t *testing.T) {
	var conns atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "done") }))
	srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	s := local(t)
	for range 5 {
		if res := s.Deliver(t.Context(), integration.Target{URL: srv.URL}, message); res.Verdict != integration.Delivered {
			t.Fatal(res.Note)
		}
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// untilGone waits for the sender to go away, which a server notices once it has read the body.
func untilGone(r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// raw is a receiver that answers with bytes of its own; none closes the connection.
func raw(t *testing.T, answer string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 4096)
			n, _ := c.Read(buf)
			_, _ = io.WriteString(c, strings.ReplaceAll(answer, "REQUEST", string(buf[:n])))
			_ = c.Close()
		}
	}()
	return "http://" + ln.Addr().String()
}

// TestFailures: every way for an attempt to fail without an answer has a text, which holds no secret of the request.
func TestFailures(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	slow := receiver(t, func(_ http.ResponseWriter, r *http.Request) { untilGone(r) })
	self := httptest.NewTLSServer(nil)
	t.Cleanup(self.Close)
	old := httptest.NewUnstartedServer(nil)
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.Config.ErrorLog, self.Config.ErrorLog = quiet(), quiet()
	old.StartTLS()
	t.Cleanup(old.Close)
	plain := receiver(t, nil)

	const token = "S3CRET-IN-THE-URL"
	for _, c := range []struct {
		name, url, want string
		refused         bool
	}{
		{"refused", closed.URL, "the receiver refuses connections", false},
		{"slow", slow.URL, "no answer within 300ms", false},
		{"unknown authority", self.URL, "authority that this server does not know", false},
		{"old TLS", old.URL, "does not speak TLS 1.2", false},
		{"no TLS", strings.Replace(plain.URL, "http:", "https:", 1), "does not speak TLS 1.2", false},
		{"closes", raw(t, ""), "closed the connection", false},
		{"echo", raw(t, "REQUEST"), "no answer that is HTTP", false},
		{"denied", "http://[::1]:9", "--webhook-allow", true},
		{"metadata", "http://169.254.169.254", "metadata service", true},
		{"no host", "http://no-such-host.invalid", "the receiver's host name", false},
		{"no URL", "http://[::1", "the URL can't be read", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := local(t)
			if c.url == slow.URL {
				s.timeout = 300 * time.Millisecond
			}
			m := message
			m.Header = map[string]string{"Authorization": integration.SecretMark}
			res := s.Deliver(t.Context(), integration.Target{URL: c.url + "/" + token + "?token=" + token, Secret: newSecret, Secrets: keys(t, newSecret)}, m)
			want := integration.Retry
			if c.refused {
				want = integration.Refused
			}
			if res.Verdict != want || res.Status != 0 || !strings.Contains(res.Note, c.want) {
				t.Fatalf("%+v, want %q", res, c.want)
			}
			for _, secret := range []string{token, newSecret, "v1,", "webhook"} {
				if text := strings.ReplaceAll(res.Note, "--webhook-allow", ""); strings.Contains(text, secret) {
					t.Errorf("the note holds %q: %v", secret, res.Note)
				}
			}
		})
	}
}

// TestCanceled: who ends an attempt learns that, and not that the receiver failed.
func TestCanceled(t *testing.T) {
	began := make(chan struct{})
	srv := receiver(t, func(_ http.ResponseWriter, r *http.Request) {
		close(began)
		untilGone(r)
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-began
		cancel()
	}()
	if res := local(t).Deliver(ctx, integration.Target{URL: srv.URL}, message); res.Verdict != integration.Retry || res.Note != context.Canceled.Error() {
		t.Errorf("%+v", res)
	}
}

// TestStalledAnswer: the time counts for the answer's body too, but its status has arrived.
func TestStalledAnswer(t *testing.T) {
	srv := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "part")
		_ = http.NewResponseController(w).Flush()
		untilGone(r)
	})
	s := local(t)
	s.timeout = 2 * time.Second // for the status
	began := time.Now()
	res := s.Deliver(t.Context(), integration.Target{URL: srv.URL}, message)
	if res.Verdict != integration.Delivered || string(res.Answer) != "part" || time.Since(began) > 20*time.Second {
		t.Errorf("%+v after %v", res, time.Since(began))
	}
}

// TestS47Redirect: a redirect to an address that is not allowed is an answer, and nothing is sent there.
func TestS47Redirect(t *testing.T) {
	srv := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusTemporaryRedirect)
	})
	if res := local(t).Deliver(t.Context(), integration.Target{URL: srv.URL}, message); res.Status != http.StatusTemporaryRedirect || res.Verdict != integration.Retry || res.Note == "" {
		t.Errorf("%+v", res)
	}
}

// quiet drops what servers say about handshakes that are meant to fail.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// TestCheck: what can't be the URL of a webhook is refused when it is said, and not repeated.
func TestCheck(t *testing.T) {
	for target, ok := range map[string]bool{
		"https://ci.example.com/hook?token=t": true, "http://ci.example.com": true, "https://[2001:db8::1]:8443/": true,
		"": false, "ftp://ci.example.com/": false, "https:///path": false, "https://ci.example.com/#x": false, "https://[::1": false,
		"https://user:pass@ci.example/": false, "//ci.example.com/": false,
	} {
		err := local(t).Check(target)
		if (err == nil) != ok || !ok && registry.KindOf(err) != registry.Invalid {
			t.Errorf("%q: %v", target, err)
		}
		if err != nil && strings.Contains(err.Error(), "user:pass") {
			t.Errorf("a password is repeated: %v", err)
		}
	}
	if got := local(t).Receiver("https://ci.example.com:8443/hook?x=y"); got != "ci.example.com:8443" {
		t.Errorf("the receiver is %q", got)
	}
}
