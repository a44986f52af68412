package serve_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/cmd/slipway/internal/installation"
)

// ask sends a request with a password; "" for no credentials.
func ask(t *testing.T, ctx context.Context, method, url, user, password, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if user != "" {
		req.SetBasicAuth(user, password)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		if ctx.Err() == nil {
			t.Error(err)
		}
		return &http.Response{}, ""
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil && ctx.Err() == nil {
		t.Error(err)
	}
	return res, string(answer)
}

// TestK8: wrong passwords are throttled in the shape of each protocol, the log and the metrics say so, and a good login beside
// a hundred bad ones does not wait.
func TestK8(t *testing.T) {
	r := commandtest.Start(t)
	bg := context.Background()
	res, answer := ask(t, bg, "POST", r.URL+"/api/v1/users", "admin", commandtest.Password,
		`{"name":"ann","password":"a long password","permissions":[{"repository":"main","actions":["read"]}]}`)
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("%s: %s", res.Status, answer)
	}
	outcomes := map[int]int{}
	for i := range 13 {
		res, _ := ask(t, bg, "GET", r.URL+"/api/v1/repositories", "bob", fmt.Sprint("wrong", i), "")
		outcomes[res.StatusCode]++
	}
	if outcomes[http.StatusUnauthorized] != 10 || outcomes[http.StatusTooManyRequests] != 3 {
		t.Errorf("answers to 13 wrong passwords: %v", outcomes)
	}
	for path, shape := range map[string]string{
		"/api/v1/repositories":      `"urn:slipway:problem:too-many-requests"`,
		"/npm/main/left-pad":        `"ETOOMANY"`,
		"/pypi/main/simple/a/":      "too many wrong passwords",
		"/maven/main/a/b/1/b-1.jar": "too many wrong passwords",
		"/raw/main/a/1/a":           `"urn:slipway:problem:too-many-requests"`,
		"/v2/main/app/tags/list":    `"TOOMANYREQUESTS"`,
		"/v2/":                      `"TOOMANYREQUESTS"`,
		"/token":                    `"TOOMANYREQUESTS"`,
	} {
		res, answer := ask(t, bg, "GET", r.URL+path, "bob", "wrong", "")
		if res.StatusCode == http.StatusUnauthorized { // the wait was over, and the next one is longer
			res, answer = ask(t, bg, "GET", r.URL+path, "bob", "wrong", "")
		}
		if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); res.StatusCode != http.StatusTooManyRequests || err != nil || seconds < 1 ||
			!strings.Contains(answer, shape) || res.Header.Get("Www-Authenticate") != "" {
			t.Errorf("%s: %s, Retry-After %q, Www-Authenticate %q: %s", path, res.Status, res.Header.Get("Retry-After"), res.Header.Get("Www-Authenticate"), answer)
		}
	}
	if res, answer := ask(t, bg, "PUT", r.URL+"/npm/main/-/user/org.couchdb.user:bob", "", "", `{"name":"bob","password":"wrong"}`); res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("npm login: %s %s", res.Status, answer)
	}

	ctx, stop := context.WithCancel(bg)
	var wg sync.WaitGroup
	var bad atomic.Int64
	for i := range 100 {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				ask(t, ctx, "GET", r.URL+"/api/v1/repositories", []string{"ann", "admin", fmt.Sprint("user", i)}[i%3], fmt.Sprint("wrong", i, n), "")
				bad.Add(1)
			}
		})
	}
	for bad.Load() < 50 {
		time.Sleep(time.Millisecond)
	}
	begin := time.Now()
	if res, answer := ask(t, bg, "GET", r.URL+"/api/v1/repositories", "ann", "a long password", ""); res.StatusCode != http.StatusOK {
		t.Errorf("a good login beside bad ones: %s %s", res.Status, answer)
	}
	if d := time.Since(begin); d > time.Second {
		t.Errorf("a good login waited %s", d)
	}
	stop()
	wg.Wait()

	if res, _ := ask(t, bg, "GET", r.URL+"/api/v1/repositories", "admin", commandtest.Password, ""); res.StatusCode != http.StatusOK {
		t.Errorf("the user whose name was tried: %s", res.Status)
	}
	_, answer = ask(t, bg, "GET", r.URL+"/api/v1/events?wait=5s&types=user.login_failed", "admin", commandtest.Password, "")
	var events []struct {
		Data struct {
			Name  string
			Count int64
		}
	}
	if err := json.Unmarshal([]byte(answer), &events); err != nil || len(events) == 0 || len(events) > 30 {
		t.Fatalf("%d events: %v: %s", len(events), err, answer)
	}
	if first := events[0].Data; !strings.HasPrefix(first.Name, "unknown-") || first.Count < 1 || strings.Contains(answer, "bob") {
		t.Errorf("the first event: %+v", first)
	}
	if _, answer = ask(t, bg, "GET", r.URL+"/metrics", "", "", ""); !strings.Contains(answer, `slipway_logins_total{outcome="throttled"}`) {
		t.Error("no metric of throttled logins")
	}
}

// TestN9: with --metrics-access auth, only callers who may audit the server read the metrics.
func TestN9(t *testing.T) {
	r := commandtest.Start(t, func(c *installation.Config) { c.MetricsAccess = "auth" })
	bg := context.Background()
	ask(t, bg, "POST", r.URL+"/api/v1/users", "admin", commandtest.Password,
		`{"name":"ann","password":"a long password","permissions":[{"repository":"main","actions":["read"]}]}`)
	for _, c := range []struct {
		user, password string
		want           int
	}{{"", "", 401}, {"ann", "a long password", 403}, {"admin", commandtest.Password, 200}} {
		if res, _ := ask(t, bg, "GET", r.URL+"/metrics", c.user, c.password, ""); res.StatusCode != c.want {
			t.Errorf("%q: %s, not %d", c.user, res.Status, c.want)
		}
	}
}

// TestK12Passwords: a password that would be taken for a token, and those that are guessed first, are refused with a sentence.
func TestK12Passwords(t *testing.T) {
	r := commandtest.Start(t)
	for password, sentence := range map[string]string{
		"slp_looks_like_a_token": "begin",
		"walter.white":           "user's name",
		"Password123":            "commonest",
		"aaaaaaaaaaaa":           "same character",
		"short":                  "8 to 1024 bytes",
	} {
		body := fmt.Sprintf(`{"name":"walter.white","password":%q,"permissions":[{"repository":"main","actions":["read"]}]}`, password)
		res, answer := ask(t, context.Background(), "POST", r.URL+"/api/v1/users", "admin", commandtest.Password, body)
		if res.StatusCode != http.StatusBadRequest || !strings.Contains(answer, sentence) {
			t.Errorf("%s: %s %s", password, res.Status, answer)
		}
	}
}
