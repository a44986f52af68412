package raw_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/instance"
	"slipway/registry/registrytest"
	"slipway/registry/upstreams"
)

// set changes the settings of the remote as JSON does.
func (m *mirrored) set(raw string) {
	m.t.Helper()
	m.SetRemote("mirror", raw)
}

// row is the remote as the database has it.
func (m *mirrored) row() (row metadata.Upstream) {
	m.t.Helper()
	registrytest.Must(m.t, m.Core.Store.View(m.t.Context(), func(tx metadata.Tx) error {
		list, err := tx.Upstreams().Upstreams()
		for _, u := range list {
			if u.Name == "up" {
				row = u
			}
		}
		return err
	}))
	return row
}

// TestRemoteCredentials: a remote gets the credentials of its settings at its own origin, and nothing gets those of clients. They are in no
// answer, and sealed in the database.
func TestRemoteCredentials(t *testing.T) {
	m := mirror(t, formatstest.Options{Wrap: formatstest.NoLeaks(t, "canary-").Wrap})
	kinds := map[string]struct {
		settings string
		require  func()
	}{
		"basic":  {`{"auth":{"type":"basic","user":"ci","secret":"canary-1"}}`, func() { m.u.RequireBasic("ci", "canary-1") }},
		"bearer": {`{"auth":{"type":"bearer","secret":"canary-2"}}`, func() { m.u.RequireBearer("canary-2") }},
		"header": {`{"auth":{"type":"header","header":"X-Api-Key","secret":"canary-3"}}`, func() { m.u.RequireHeader("X-Api-Key", "canary-3") }},
	}
	for kind, c := range kinds {
		m.u.Raw(kind+"/1/f", []byte(kind))
		m.u.Raw("elsewhere/"+kind+"/f", []byte(kind))
		m.u.On("origin:"+upstream("elsewhere/"+kind+"/f"), upstreamtest.RedirectTo(m.u.CDN, http.StatusFound, "sig=1"))
		m.set(c.settings)
		c.require()
		for _, name := range []string{kind + "/1/f", "elsewhere/" + kind + "/f"} {
			if res := m.get(name); res.Status != http.StatusOK || string(res.Body) != kind {
				t.Errorf("%s: %v", name, res)
			}
		}
		row := m.row()
		if kept := append(row.Settings, row.Secret...); bytes.Contains(kept, []byte("canary-")) || !bytes.Contains(kept, []byte(`"secret":true`)) {
			t.Errorf("%s: the row has %s", kind, kept)
		}
		shown, err := m.Upstreams.Get(m.Admin, "mirror", "up")
		registrytest.Must(t, err)
		if text := fmt.Sprintf("%+v %#v", shown, shown); strings.Contains(text, "canary-") || shown.Secret != nil || shown.Settings.Auth.Type != kind {
			t.Errorf("%s: shown as %s", kind, text)
		}
		m.set(`{"ttl":"1m"}`) // what is not named stays, the secret too
		m.u.Raw(kind+"/2/f", []byte("2"))
		if res := m.get(kind + "/2/f"); res.Status != http.StatusOK {
			t.Errorf("%s after another change: %v", kind, res)
		}
	}
	m.u.NoCredential(t, "cdn:/**")
	m.u.NoSecret(t, "**", string(m.as))
	m.set(`{"auth":{"type":"none"}}`)
	if row := m.row(); len(row.Secret) > 0 {
		t.Error("the secret stays when the credentials are taken out")
	}
	m.MustFsck(t)
}

// TestRemoteRefuses: 401, 403 and 407 of a remote are 502 with words for an administrator, never a status that makes a client log in; what
// is here is served.
func TestRemoteRefuses(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	m.u.Raw("tool/1/f", []byte("x"))
	if res := m.get("tool/1/f"); res.Status != http.StatusOK {
		t.Fatal(res)
	}
	m.set(`{"auth":{"type":"basic","user":"ci","secret":"wrong"}}`)
	for i, status := range []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired} {
		rule := m.u.On(upstream("**"), upstreamtest.Status(status))
		res := m.get(fmt.Sprintf("tool/%d/g", i))
		if res.Status != http.StatusBadGateway || !strings.Contains(string(res.Body), "upstream up refuses our credentials") || strings.Contains(res.String(), "Www-Authenticate") {
			t.Errorf("%d: %v", status, res)
		}
		if res := m.get("tool/1/f"); res.Status != http.StatusOK {
			t.Errorf("%d, cached: %v", status, res)
		}
		rule.Stop()
	}
}

// TestRemoteSecretFile: a secret in a file is read again when it changes, and once when it is refused.
func TestRemoteSecretFile(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) {
		registrytest.Must(t, os.WriteFile(filepath.Join(dir, "token"), []byte(text+"\n"), 0o600))
	}
	m := mirror(t, formatstest.Options{Core: []registrytest.Option{registrytest.With(func(c *instance.Config) { c.Upstreams.SecretsDir = dir })}})
	write("one")
	m.set(`{"auth":{"type":"bearer","file":"token"}}`)
	for i, token := range []string{"one", "two"} {
		write(token)
		m.u.RequireBearer(token)
		name := fmt.Sprintf("tool/%d/f", i)
		m.u.Raw(name, []byte(token))
		if res := m.get(name); res.Status != http.StatusOK {
			t.Errorf("with %s: %v", token, res)
		}
	}
	if row := m.row(); len(row.Secret) > 0 {
		t.Error("the secret of a file is in the database")
	}
	registrytest.Must(t, os.Remove(filepath.Join(dir, "token")))
	m.u.Raw("tool/3/f", []byte("3"))
	if res := m.get("tool/3/f"); res.Status != http.StatusBadGateway || strings.Contains(string(res.Body), dir) {
		t.Errorf("without the file: %v", res)
	}
}

// TestRemoteMoves: at another address a remote is another one. Its secrets do not go there unless they are given with it, and what came from
// the former is served, as it was.
func TestRemoteMoves(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	other := upstreamtest.New(t, upstreamtest.Options{})
	for _, u := range []*upstreamtest.Server{m.u, other} {
		u.RequireBasic("ci", "canary")
		u.Raw("tool/2/f", []byte("of "+u.URL))
	}
	m.u.Raw("tool/1/f", []byte("first"))
	m.set(`{"auth":{"type":"basic","user":"ci","secret":"canary"}}`)
	if res := m.get("tool/1/f"); res.Status != http.StatusOK {
		t.Fatal(res)
	}
	before := m.row()
	move := func(url, settings string) error { return m.MoveRemote("mirror", url, settings) }
	for _, settings := range []string{`{}`, `{"auth":{"type":"basic","user":"ci","secret":true}}`} {
		if err := move(other.RawURL(), settings); registry.KindOf(err) != registry.Invalid || !strings.Contains(err.Error(), "another host") {
			t.Errorf("to another host with %s: %v", settings, err)
		}
	}
	other.NeverAsked(t, "**")
	registrytest.Must(t, move(m.u.URL+"/raw", `{}`)) // of the same host
	if now := m.row(); now.ID == before.ID || !bytes.Equal(now.Secret, before.Secret) || now.Position != before.Position {
		t.Errorf("another path: %+v, before %+v", now, before)
	}
	registrytest.Must(t, move(other.RawURL(), `{"auth":{"type":"basic","user":"ci","secret":"canary"}}`))
	for name, want := range map[string]string{"tool/1/f": "first", "tool/2/f": "of " + other.URL} {
		if res := m.get(name); string(res.Body) != want {
			t.Errorf("%s: %v", name, res)
		}
	}
	m.MustFsck(t)
}

// TestRemoteRights: administrators of a repository change what does not lead elsewhere; a list of theirs keeps the rest as it is. Those who
// read it see nothing of the connection.
func TestRemoteRights(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	m.set(`{"auth":{"type":"bearer","secret":"canary"}}`)
	as := func(actions ...access.Action) context.Context {
		return access.With(m.Admin, access.Actor{Type: access.TypeUser, Name: "jane", Grants: []access.Grant{{Repository: "mirror", Actions: actions}}})
	}
	admin, reader := as(access.Read, access.Admin), as(access.Read)
	change := func(raw string) error {
		_, err := m.Upstreams.Change(admin, "mirror", "up", func(now upstreams.Settings) (upstreams.Settings, error) {
			return m.Upstreams.ParseSettings(now, json.RawMessage(raw))
		})
		return err
	}
	if err := change(`{"ttl":"1m","offline":false}`); err != nil {
		t.Errorf("ttl: %v", err)
	}
	for _, settings := range []string{`{"auth":{"type":"none"}}`, `{"auth":{"type":"bearer","secret":"mine"}}`, `{"redirects":["example.com"]}`} {
		if err := change(settings); registry.KindOf(err) != registry.Denied || err == nil {
			t.Errorf("%s by an administrator of the repository: %v", settings, err)
		}
	}
	if _, err := m.Upstreams.Move(admin, "mirror", "up", "https://example.com/", func(v upstreams.Settings) (upstreams.Settings, error) { return v, nil }); registry.KindOf(err) != registry.Denied {
		t.Errorf("another address: %v", err)
	}
	before := m.row()
	_, err := m.Core.UpdateRepository(admin, "mirror", registry.RepositoryChange{Also: m.Upstreams.Replacing(admin, []upstreams.NewUpstream{{
		Name: "up", Type: metadata.UpstreamRemote, Format: "raw", URL: m.u.RawURL(), Settings: upstreams.Settings{Redirects: []string{"127.0.0.1"}}}})})
	registrytest.Must(t, err)
	if now := m.row(); now.ID != before.ID || !bytes.Equal(now.Secret, before.Secret) || !bytes.Contains(now.Settings, []byte(`"bearer"`)) {
		t.Errorf("after a list without credentials: %s, before %s", now.Settings, before.Settings)
	}
	u, err := m.Upstreams.Get(reader, "mirror", "up")
	registrytest.Must(t, err)
	if u.URL != "" || u.Settings.Auth.Type != "" || u.Settings.Redirects != nil || len(u.Secret)+len(u.Upstream.Settings) > 0 {
		t.Errorf("a reader sees %+v", u)
	}
}
