//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/commandtest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/storage/s3/s3test"
)

// TestS45: a fresh start has no account with a known password, and the program contains no secret.
func TestS45(t *testing.T) {
	t.Parallel()
	data := t.TempDir() + "/data"
	p := commandtest.ServeProcess(t, nil, "--data", data)
	password := func(p *commandtest.Process) string {
		t.Helper()
		for end := time.Now().Add(commandtest.Patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) { // the line is out, but it comes through a pipe
			if m := regexp.MustCompile(`the password of the user "admin" is (\S{20,}) `).FindStringSubmatch(p.Stderr.String()); m != nil {
				return m[1]
			}
		}
		t.Fatalf("no password was printed: %s", p.Stderr)
		return ""
	}
	printed := password(p)
	try := func(user, password string) int {
		t.Helper()
		req, err := http.NewRequest("GET", p.URL+"/api/v1/whoami", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(user, password)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	// Once a name has logged in, wrong passwords of others from the same address do not make it wait.
	if got := try("admin", printed); got != http.StatusOK {
		t.Errorf("the printed password is answered with %d", got)
	}
	for _, user := range []string{"admin", "root", "slipway", "system", "anonymous", "user", "test", ""} {
		for _, password := range []string{"", "admin", "password", "admin123", "Harbor12345", "slipway", "changeme", "root", "12345678", "system", user + "1"} {
			if user == "" && password == "" {
				continue // no credentials at all
			}
			if got := try(user, password); got != http.StatusUnauthorized && got != http.StatusTooManyRequests { // so many are guesses
				t.Errorf("%s:%s is answered with %d", user, password, got)
			}
		}
	}
	if got := try("admin", printed); got != http.StatusOK {
		t.Errorf("the printed password is answered with %d", got)
	}
	for path, want := range map[string]int{"/api/v1/users": 1, "/api/v1/tokens": 0} {
		req, err := http.NewRequest("GET", p.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth("admin", printed)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var list struct{ Items []struct{ Name string } }
		err = json.NewDecoder(res.Body).Decode(&list)
		_ = res.Body.Close()
		if err != nil || len(list.Items) != want {
			t.Errorf("%s of a fresh start: %+v, %v; want %d", path, list, err, want)
		}
	}
	if password(commandtest.ServeProcess(t, nil, "--data", t.TempDir()+"/data")) == printed {
		t.Error("two installations have the same password")
	}
	program, err := os.ReadFile(p.Cmd.Path)
	if err != nil {
		t.Fatal(err)
	}
	for what, re := range map[string]string{
		"token":       `slp_[A-Za-z0-9_-]{43}`,
		"log key":     `PRIVATE\+KEY\+slipway`,
		"private key": `-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{32}`,
		"cloud key":   `\bAKIA[0-9A-Z]{16}\b`,
		"webhook key": `whsec_[A-Za-z0-9+/]{32}`,
	} {
		for _, found := range regexp.MustCompile(re).FindAll(program, -1) {
			// The linker puts strings side by side. In random text more than half of the characters are capitals or digits, in
			// words few are.
			random := len(regexp.MustCompile(`[A-Z0-9]`).FindAll(found, -1))
			if (what == "token" || what == "webhook key") && random < len(found)/4 {
				continue
			}
			t.Errorf("the program holds a %s: %q", what, found)
		}
	}
	// Checking the password of an unknown name uses a hash too; it belongs to no account.
	hashes := regexp.MustCompile(`\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}`).FindAll(program, -1)
	if len(hashes) > 1 {
		t.Errorf("the program holds the password hashes %q", hashes)
	}
	p.Signal(syscall.SIGTERM)
	p.End()
	db, err := os.ReadFile(filepath.Join(data, "slipway.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, hash := range hashes {
		if bytes.Contains(db, hash) {
			t.Error("an account has the password hash that is in the program")
		}
	}
	if strings.Contains(string(db), printed) {
		t.Error("the password is in the database")
	}
}

// TestS59 sends canary secrets wherever a client can, right and wrong ones, through every protocol, with logs at debug
// level; then no secret is in logs, metrics, events, answers, or any file except the one where it belongs. It is also line 52 of the acceptance of
// registries elsewhere.
func TestS59(t *testing.T) {
	t.Parallel()
	t.Run("local", func(t *testing.T) {
		t.Parallel()
		canaries(t, nil)
	})
	t.Run("s3", func(t *testing.T) {
		t.Parallel()
		url, env := s3test.New(t)
		canaries(t, env, "--blobs", url, "--redirect-downloads")
	})
}

func canaries(t *testing.T, env []string, args ...string) {
	const (
		adminPassword = "canary-admin-password"
		userPassword  = "canary-user-password"
		wrongPassword = "canary-wrong-password"
		wrongToken    = "slp_canarywrongtoken0000000000000000000000000000"
		inQuery       = "canary-in-query"
		hookSecret    = "canary-webhook-secret-that-signs"
		shortSecret   = "canary-short-secret"
		remoteSecret  = "canary-remote-secret"
		proxySecret   = "canary-proxy-secret"
	)
	data := t.TempDir() + "/data"
	p := commandtest.ServeProcess(t, append([]string{"SLIPWAY_ADMIN_PASSWORD=" + adminPassword}, env...),
		append([]string{"--data", data, "--log-level", "debug", "--log-format", "json"}, args...)...)
	var answers bytes.Buffer
	var header http.Header
	var sessionTokens []string
	sessions := regexp.MustCompile(`"token":"([^"]{20,})"`)
	unfollowed := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	// quietly makes a request whose answer may hold a secret.
	quietly := func(method, path, body string, auth func(*http.Request)) []byte {
		t.Helper()
		req, err := http.NewRequest(method, p.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		auth(req)
		res, err := unfollowed.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		raw, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		header = res.Header
		return raw
	}
	ask := func(method, path, body string, auth func(*http.Request)) []byte {
		t.Helper()
		raw := quietly(method, path, body, auth)
		if isToken := sessions.Match(raw); !isToken {
			fmt.Fprintf(&answers, "%v\n%s\n", header, raw)
		}
		return raw
	}
	basic := func(user, password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(user, password) }
	}
	bearer := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
	admin := basic("admin", adminPassword)

	ask("POST", "/api/v1/users", `{"name":"jane","password":"`+userPassword+`","permissions":[{"repository":"main","actions":["read","publish"]}]}`, admin)
	ask("POST", "/api/v1/users", `{"name":"jane","password":"`+userPassword+`"}`, admin)          // 409
	ask("POST", "/api/v1/users", `{"name":"joe","pasword":"`+wrongPassword+`"}`, admin)           // unknown field
	ask("POST", "/api/v1/users", `{"name":"joe","password":["`+wrongPassword+`"]}`, admin)        // wrong type
	ask("POST", "/api/v1/users", `{"name":"joe","password":"`+wrongPassword+`"`, admin)           // cut
	ask("PATCH", "/api/v1/users/nobody", `{"password":"`+wrongPassword+`"}`, admin)               // 404
	ask("POST", "/api/v1/users", `{"name":"`+strings.Repeat("x", 99)+`","password":"x"}`, admin)  // bad name
	ask("PATCH", "/api/v1/users/jane", `{"password":"`+userPassword+`"}`, basic("jane", "wrong")) // 401
	made := regexp.MustCompile(`slp_[A-Za-z0-9_-]{43}`)
	answers.Reset() // only the next two answers may hold a secret
	hook := string(ask("POST", "/api/v1/subscriptions", `{"name":"hook","url":"http://127.0.0.1:1/","preset":"cloudevents","secret":"`+hookSecret+`"}`, admin))
	if !strings.Contains(hook, hookSecret) {
		t.Fatalf("no subscription: %s", hook)
	}
	token := string(made.Find(ask("POST", "/api/v1/tokens", `{"name":"ci","permissions":[{"repository":"main","actions":["read","publish"]}]}`, basic("jane", userPassword))))
	if token == "" {
		t.Fatalf("no token: %s", answers.String())
	}
	answers.Reset()

	ask("POST", "/api/v1/subscriptions", `{"name":"hook","url":"http://127.0.0.1:1/","secret":"`+shortSecret+`"}`, admin) // 400
	// Registries elsewhere, which a proxy at a closed address keeps this test from.
	certificate, key := upstreamtest.ClientCertificate(t)
	tls, err := json.Marshal(map[string]string{"certificate": string(certificate), "key": string(key)})
	if err != nil {
		t.Fatal(err)
	}
	remote := ask("POST", "/api/v1/repositories", `{"name":"mirror","upstreams":[{"name":"up","format":"raw","url":"https://registry.example.com/","auth":{"type":"basic","user":"ci","secret":"`+
		remoteSecret+`"},"proxy":"http://127.0.0.1:1","proxy_auth":{"user":"me","secret":"`+proxySecret+`"},"tls":`+string(tls)+`}]}`, admin)
	if !strings.Contains(string(remote), `"secret":true`) {
		t.Errorf("no remote: %s", remote)
	}
	const up = "/api/v1/repositories/mirror/upstreams/up"
	ask("PATCH", up, `{"auth":{"type":"some","secret":"`+wrongPassword+`"}}`, admin) // 400
	ask("PATCH", up, `{"proxy":"http://me:`+wrongPassword+`@127.0.0.1:1"}`, admin)   // 400
	ask("GET", "/raw/mirror/tool/1.0.0/tool", "", admin)
	ask("POST", up+"/check", "", admin)
	ask("GET", up, "", admin)
	const form = "--b\r\nContent-Disposition: form-data; name=\":action\"\r\n\r\nfile_upload\r\n--b\r\nContent-Disposition: form-data; name=\"content\"; filename=\"a-1.0.tar.gz\"\r\n\r\nbytes\r\n--b--\r\n"
	document := string(commandtest.NpmDocument(t, "canary", "1.0.0", commandtest.NpmTarball(t, "canary", "1.0.0")))
	for _, auth := range []func(*http.Request){
		bearer(token), basic("x", token), bearer(wrongToken), basic("x", wrongToken), basic("jane", wrongPassword), basic(wrongPassword, wrongToken),
		func(r *http.Request) { r.Header.Set("Authorization", wrongPassword) },
		func(r *http.Request) {
			r.Header.Set("X-Api-Key", wrongToken)
			r.Header.Set("Cookie", "session="+wrongToken)
		},
		func(r *http.Request) { bearer(token)(r); r.URL.RawQuery = "token=" + inQuery },
	} {
		ask("PUT", "/npm/main/canary", document, auth)
		ask("GET", "/npm/main/canary", "", auth)
		ask("GET", "/npm/main/-/whoami", "", auth)
		ask("PUT", "/npm/main/-/user/org.couchdb.user:jane", `{"name":"jane","password":"`+wrongPassword+`"}`, auth)
		ask("PUT", "/raw/main/tool/1.0.0/tool", "content", auth)
		ask("GET", "/raw/main/tool/1.0.0/tool", "", auth)
		ask("GET", "/raw/main/tool/", "", auth)
		ask("PUT", "/raw/main/tool/1.0.0/large", strings.Repeat("x", 4<<20), auth)
		ask("GET", "/raw/main/tool/1.0.0/large", "", auth)
		ask("POST", "/pypi/main/", form, func(r *http.Request) {
			r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
			auth(r)
		})
		ask("GET", "/pypi/main/simple/a/", "", auth)
		ask("PUT", "/maven/main/com/acme/lib/1.0/lib-1.0.jar", "jar", auth)
		ask("GET", "/maven/main/com/acme/lib/1.0/lib-1.0.jar", "", auth)
		ask("POST", "/v2/main/app/blobs/uploads/?digest="+digest.FromString("layer").String(), "layer", auth)
		ask("GET", "/v2/main/app/blobs/"+digest.FromString("layer").String(), "", auth)
		ask("GET", "/token?scope=repository:main/app:pull,push&service="+inQuery, "", auth)
		ask("POST", "/token", "grant_type=password&username=jane&password="+wrongPassword, func(r *http.Request) {
			auth(r)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		})
		if session := sessions.FindStringSubmatch(string(quietly("GET", "/token?scope=repository:main/app:pull", "", auth))); session != nil {
			sessionTokens = append(sessionTokens, session[1])
			ask("GET", "/v2/main/app/tags/list", "", bearer(session[1]))
			ask("PUT", "/v2/main/app/manifests/1", "{}", bearer(session[1]+"x"))
		}
		ask("GET", "/api/v1/whoami", "", auth)
		ask("GET", "/api/v1/tokens", "", auth)
		ask("DELETE", "/api/v1/tokens/"+wrongToken, "", auth)
		ask("DELETE", "/npm/main/-/user/token/"+wrongToken, "", auth)
		ask("GET", "/api/v1/events?types=*", "", auth)
		ask("POST", "/api/v1/gc", `{"grace":"`+wrongPassword+`"}`, auth)
		ask("GET", "/nowhere", "", auth)
	}
	ask("GET", "/metrics", "", func(*http.Request) {})
	events := ask("GET", "/api/v1/events?limit=1000", "", admin)
	ask("GET", "/api/v1/tokens", "", admin)
	ask("GET", "/api/v1/users", "", admin)
	ask("GET", "/api/v1/subscriptions", "", admin)
	ask("POST", "/api/v1/subscriptions/1/ping", "", admin)
	ask("GET", "/api/v1/subscriptions/1/deliveries", "", admin)
	ask("GET", "/api/v1/deliveries/1", "", admin)
	if !strings.Contains(string(events), "token.created") || !strings.Contains(string(events), "artifact.published") {
		t.Errorf("the events are not those of this test: %s", events)
	}
	p.Signal(syscall.SIGTERM)
	if code := p.End(); code != command.Done {
		t.Errorf("exit code %d", code)
	}
	logs := p.Stderr.String()
	if !strings.Contains(logs, `"msg":"request"`) {
		t.Fatalf("the log is not that of this test: %s", commandtest.Tail(logs, 1000))
	}
	if len(sessionTokens) == 0 {
		t.Error("no session token was made")
	}
	for _, secret := range append([]string{"X-Amz-Signature", "Signature=", s3test.SecretKey, s3test.AccessKey}, sessionTokens...) {
		if strings.Contains(logs, secret) {
			t.Errorf("a session token, a presigned URL or a key of the store is in the log:\n%s", commandtest.GrepLines(logs, secret))
		}
	}
	secrets := map[string]string{
		"admin password": adminPassword, "user password": userPassword, "wrong password": wrongPassword, "token": token, "wrong token": wrongToken,
		"query": inQuery, "secret of a webhook": hookSecret, "refused secret of a webhook": shortSecret, "secret key of the store": s3test.SecretKey,
		"credential of a remote": remoteSecret, "credential for a proxy": proxySecret, "key of a client certificate": strings.Split(string(key), "\n")[1],
	}
	for i, session := range sessionTokens {
		secrets[fmt.Sprint("session token ", i)] = session
	}
	for name, secret := range secrets {
		if strings.Contains(logs, secret) {
			t.Errorf("the %s is in the log:\n%s", name, commandtest.GrepLines(logs, secret))
		}
		if strings.Contains(answers.String(), secret) {
			t.Errorf("the %s is in an answer:\n%s", name, commandtest.GrepLines(answers.String(), secret))
		}
		err := filepath.WalkDir(data, func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			raw, err := os.ReadFile(path)
			if err == nil && bytes.Contains(raw, []byte(secret)) {
				t.Errorf("the %s is in the file %s", name, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
