package upstreams

import (
	"encoding/json"
	"testing"
	"time"

	"slipway/internal/origin"
	"slipway/metadata"
)

// TestNetworkSettings: what an administrator says of how a remote is asked reaches its client.
func TestNetworkSettings(t *testing.T) {
	var v Settings
	if err := json.Unmarshal([]byte(`{"timeouts":{"connect":"1s","document":"2s","file":"3s","idle":"4s"},"concurrency":5,"rate":6.5,"max_document":7,"max_file":8,
		"user_agent":"nine","redirects":["same-origin"],"offline":true,"forbidden_is_missing":true,"tls":{"ca":"ca","certificate":"c","key":true},
		"proxy":"socks5://proxy.example.com","proxy_auth":{"user":"me","secret":true},"auth":{"type":"basic","user":"ci","secret":true}}`), &v); err != nil {
		t.Fatal(err)
	}
	got, err := (&remotes{}).network(metadata.Upstream{Name: "up", URL: "https://registry.example.com/"}, v, secrets{ofAuth: "one", ofTLS: "two", ofProxy: "three"})
	if err != nil {
		t.Fatal(err)
	}
	want := origin.Timeouts{Connect: time.Second, Document: 2 * time.Second, File: 3 * time.Second, Idle: 4 * time.Second}
	if got.Timeouts != want || got.Concurrency != 5 || got.Rate != 6.5 || got.MaxDocument != 7 || got.MaxFile != 8 || got.UserAgent != "nine" ||
		got.Redirects.Mode != origin.RedirectSameOrigin || !got.Offline || !got.ForbiddenIsMissing {
		t.Errorf("%+v", got)
	}
	secret, err := got.Auth.Secret(false)
	if err != nil || got.Auth.Kind != origin.AuthBasic || got.Auth.User != "ci" || secret != "one" {
		t.Errorf("auth: %+v, %q, %v", got.Auth, secret, err)
	}
	if string(got.TLS.CA) != "ca" || string(got.TLS.Certificate) != "c" || string(got.TLS.Key) != "two" || got.Proxy.URL.String() != "socks5://me:three@proxy.example.com" {
		t.Errorf("tls %q, proxy %v", got.TLS, got.Proxy)
	}
	if got, err = (&remotes{}).network(metadata.Upstream{Name: "up", URL: "https://registry.example.com/"}, Settings{}, nil); err != nil || !got.Proxy.Inherit {
		t.Errorf("without settings: %+v, %v", got, err)
	}
}
