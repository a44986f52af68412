package npm

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/registrytest"
	"slipway/registry/upstreams"
)

// faulty is a server whose repository "mirror" answers from a registry that fails on demand. Its clock stands still until the test moves it.
type faulty struct {
	*env
	u     *upstreamtest.Server
	t     *testing.T
	as    formatstest.As
	core  []registrytest.Option
	clock *formatstest.Clock
}

func newFaulty(t *testing.T, o formatstest.Options) *faulty {
	t.Helper()
	m := &faulty{u: upstreamtest.New(t, upstreamtest.Options{}), clock: formatstest.NewClock(), t: t}
	o.Core = append(o.Core, m.clock.Option())
	m.core = o.Core
	m.env = newEnv(t, o)
	m.Remote("mirror", formatName, m.u.NPMURL())
	m.later(0)
	return m
}

// restart puts a new server over the stores of the one that serves.
func (m *faulty) restart() {
	m.t.Helper()
	m.env = newEnv(m.t, formatstest.Options{Core: m.core, After: m.Server})
	m.later(0)
}

// later moves the clock.
func (m *faulty) later(d time.Duration) {
	m.clock.Later(d)
	m.as = formatstest.As(m.Token("*", access.Read))
}

// ask sends a request for a path of "mirror".
func (m *faulty) ask(method, path string) formatstest.Response {
	m.t.Helper()
	return m.Do(m.as, formatstest.Request{Method: method, Path: "/npm/mirror" + path})
}

func (m *faulty) wants(status int, path string) formatstest.Response {
	m.t.Helper()
	return m.want(status, "", m.ask(http.MethodGet, path))
}

func tarballOf(name, version string) string {
	return "/" + name + "/-/" + name[strings.LastIndex(name, "/")+1:] + "-" + version + ".tgz"
}

// TestRemoteDocumentOnce: callers who want one document at once cause one request.
func TestRemoteDocumentOnce(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{})
	m.u.On(upstreamtest.NPMPath("left-pad"), upstreamtest.Delay(50*time.Millisecond))
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			res, err := m.Try(m.as, formatstest.Request{Method: http.MethodGet, Path: "/npm/mirror/left-pad"})
			if err != nil || res.Status != http.StatusOK {
				t.Errorf("%v %v", res, err)
			}
		})
	}
	group.Wait()
	m.u.AskedOnce(t, "", "**")
}

// TestRemoteWrongBytes: wrong bytes are never stored; of a short file, not one leaves.
func TestRemoteWrongBytes(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	m.u.NPM("short", "1.0.0", upstreamtest.NPMVersion{})
	m.u.NPM("long", "1.0.0", upstreamtest.NPMVersion{Size: 2 << 20})
	m.u.NPM("shasum", "1.0.0", upstreamtest.NPMVersion{NoIntegrity: true})
	m.u.NPM("integrity", "1.0.0", upstreamtest.NPMVersion{NoShasum: true})
	rule := m.u.On("**.tgz", upstreamtest.Flip(-1))
	for _, name := range []string{"short", "shasum", "integrity"} {
		m.want(http.StatusBadGateway, "wrong", m.ask(http.MethodGet, tarballOf(name, "1.0.0")))
	}
	if res, err := m.Try(m.as, formatstest.Request{Method: http.MethodGet, Path: "/npm/mirror" + tarballOf("long", "1.0.0")}); err == nil {
		t.Errorf("a long file with wrong bytes ended well: %d, %d bytes", res.Status, len(res.Body))
	}
	rule.Stop()
	m.u.Origin.Down()
	for _, name := range []string{"short", "shasum", "integrity", "long"} {
		m.wants(http.StatusServiceUnavailable, tarballOf(name, "1.0.0"))
	}
	m.u.Origin.Up(t)
	m.later(time.Minute)
	for _, name := range []string{"short", "shasum", "integrity", "long"} {
		m.wants(http.StatusOK, tarballOf(name, "1.0.0"))
	}
	m.MustFsck(t)
}

// TestRemoteHang: while a registry hangs, a document that is here is answered after two seconds at most.
func TestRemoteHang(t *testing.T) {
	t.Parallel() // it takes these two seconds
	m := newFaulty(t, formatstest.Options{})
	m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{})
	m.wants(http.StatusOK, "/left-pad")
	m.u.On("**", upstreamtest.Hang())
	for _, age := range []time.Duration{10 * time.Minute, 2 * time.Hour} {
		m.later(age)
		start := time.Now()
		m.wants(http.StatusOK, "/left-pad")
		if took := time.Since(start); took > 2500*time.Millisecond {
			t.Errorf("a document of age %v took %v", age, took)
		}
	}
}

// TestRemoteAbsence: an absence is remembered for a minute, and is none while the registry can't tell.
func TestRemoteAbsence(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	m.wants(http.StatusNotFound, "/left-pad")
	m.wants(http.StatusNotFound, "/left-pad")
	m.u.AskedOnce(t, "", "**")
	m.later(61 * time.Second)
	m.u.Origin.Down()
	m.wants(http.StatusServiceUnavailable, "/left-pad")
	m.u.Origin.Up(t)
	m.later(11 * time.Second)
	m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{})
	m.wants(http.StatusOK, "/left-pad")
}

// TestRemoteBusy: a registry that asks for a pause gets it; what is not here is 503 meanwhile.
func TestRemoteBusy(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{})
	m.u.NPM("other", "1.0.0", upstreamtest.NPMVersion{})
	m.wants(http.StatusOK, "/left-pad")
	m.u.Reset()
	rule := m.u.On("**", upstreamtest.Status(http.StatusTooManyRequests), upstreamtest.RetryAfter("20"))
	for range 3 {
		if res := m.wants(http.StatusServiceUnavailable, "/other"); res.Header.Get("Retry-After") != "2" {
			t.Errorf("Retry-After is %q", res.Header.Get("Retry-After"))
		}
		m.wants(http.StatusOK, "/left-pad")
	}
	m.u.AskedOnce(t, "", "**")
	rule.Stop()
	m.later(21 * time.Second)
	m.wants(http.StatusOK, "/other")
}

// TestRemoteBreaker: a registry that fails is left alone, and asked again after ten seconds. Absence is no failure.
func TestRemoteBreaker(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	for range 20 {
		m.later(61 * time.Second)
		m.wants(http.StatusNotFound, "/none")
	}
	m.u.Asked(t, 20, "", "**")
	m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{})
	m.later(time.Hour)
	m.u.Reset()
	rule := m.u.On("**", upstreamtest.Status(http.StatusInternalServerError))
	for range 20 {
		m.wants(http.StatusServiceUnavailable, "/left-pad")
	}
	if n := m.u.Count("", "**"); n < 5 || n > 7 {
		t.Errorf("%d requests to a registry that fails", n)
	}
	rule.Stop()
	m.later(11 * time.Second)
	m.wants(http.StatusOK, "/left-pad")
}

// TestRemoteNothingNew: a registry that says for ever that nothing is new is asked for the whole document after a day.
func TestRemoteNothingNew(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{})
	m.wants(http.StatusOK, "/left-pad")
	m.u.On("**", upstreamtest.NotModified())
	m.u.NPM("left-pad", "1.1.0", upstreamtest.NPMVersion{})
	for range 2 {
		m.later(2 * time.Hour)
		if res := m.wants(http.StatusOK, "/left-pad"); strings.Contains(string(res.Body), `"1.1.0"`) {
			t.Fatal("304 had a document")
		}
	}
	m.later(24 * time.Hour)
	if res := m.wants(http.StatusOK, "/left-pad"); !strings.Contains(string(res.Body), `"1.1.0"`) {
		t.Errorf("after a day: %s", res.Body)
	}
}

// TestRemoteUnreadable: a document that can't be right is 502, and the copy that is here is served on.
func TestRemoteUnreadable(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{})
	m.u.NPM("other", "1.0.0", upstreamtest.NPMVersion{})
	m.SetRemote("mirror", `{"timeouts":{"document":"12s","stale_after":"12s"}}`) // making and reading the bomb may take long
	m.wants(http.StatusOK, "/left-pad")
	for name, fault := range map[string]upstreamtest.Fault{
		"a page":         upstreamtest.HTML(),
		"a gzip bomb":    upstreamtest.GzipBomb(72 << 20),
		"another name":   upstreamtest.ReplaceText(`"left-pad"`, `"wrong"`, `"other"`, `"wrong"`),
		"nested objects": upstreamtest.Answer(http.StatusOK, "application/json", []byte(strings.Repeat(`{"a":`, 100_000))),
	} {
		rule := m.u.On("**", fault)
		m.later(3 * time.Hour)
		if res := m.ask(http.MethodGet, "/left-pad"); res.Status != http.StatusOK {
			t.Errorf("%s over a copy: %v", name, res)
		}
		if res := m.ask(http.MethodGet, "/other"); res.Status != http.StatusBadGateway {
			t.Errorf("%s without a copy: %v", name, res)
		}
		rule.Stop()
	}
	m.wants(http.StatusOK, "/other")
}

// TestRemoteAnonymousDocument: a caller without credentials reads what is here and causes no request.
func TestRemoteAnonymousDocument(t *testing.T) {
	m := newFaulty(t, formatstest.Options{AnonymousRead: true})
	m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{})
	m.u.NPM("left-pad", "1.1.0", upstreamtest.NPMVersion{})
	m.u.NPM("other", "1.0.0", upstreamtest.NPMVersion{})
	m.wants(http.StatusOK, "/left-pad")
	m.wants(http.StatusOK, tarballOf("left-pad", "1.0.0"))
	m.u.Reset()
	m.later(24 * time.Hour)
	for path, status := range map[string]int{"/left-pad": http.StatusOK, tarballOf("left-pad", "1.0.0"): http.StatusOK, tarballOf("left-pad", "1.1.0"): http.StatusUnauthorized,
		tarballOf("left-pad", "9.0.0"): http.StatusNotFound, "/other": http.StatusUnauthorized, tarballOf("other", "1.0.0"): http.StatusUnauthorized} {
		if res := m.Do(formatstest.Anonymous, formatstest.Request{Method: http.MethodGet, Path: "/npm/mirror" + path}); res.Status != status {
			t.Errorf("%s: %v, want %d", path, res, status)
		}
	}
	m.u.NeverAsked(t, "**")
}

// TestRemoteGuard: a name that is published here, or claimed, is never asked of a registry, whoever asks for what.
func TestRemoteGuard(t *testing.T) {
	m := newFaulty(t, formatstest.Options{AnonymousRead: true})
	m.publish(pub{name: "@corp/secret", version: "1.0.0"})
	for _, name := range []string{"@corp/secret", "@own/claimed"} {
		m.u.NPM(name, "99.0.0", upstreamtest.NPMVersion{})
	}
	_, err := m.Upstreams.AddClaim(m.Admin, upstreams.Claim{Claim: metadata.Claim{Format: formatName, Pattern: "@own/**"}})
	registrytest.Must(t, err)
	for _, order := range []string{"first", "last"} {
		group := "group-" + order
		_, err := m.Core.CreateRepository(m.Admin, group, registry.RepositoryChange{})
		registrytest.Must(t, err)
		members := []string{registry.DefaultRepository, "mirror"}
		if order == "last" {
			members = []string{"mirror", registry.DefaultRepository}
		}
		for _, member := range members {
			_, err := m.Upstreams.Add(m.Admin, group, upstreams.NewUpstream{Type: metadata.UpstreamRepository, Repository: member})
			registrytest.Must(t, err)
		}
		blind := formatstest.As(m.UserToken("blind-"+order, time.Hour, access.Grant{Repository: group, Actions: []access.Action{access.Read}},
			access.Grant{Repository: "mirror", Actions: []access.Action{access.Read}}))
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			for _, as := range []formatstest.As{m.as, blind, formatstest.Anonymous} {
				for _, path := range []string{"/@own%2fclaimed", tarballOf("@own/claimed", "99.0.0"), "/@own%2fclaimed/latest", "/-/package/@own%2fclaimed/dist-tags", tarballOf("@corp/secret", "99.0.0")} {
					if res := m.Do(as, formatstest.Request{Method: method, Path: "/npm/" + group + path}); res.Status != http.StatusNotFound {
						t.Errorf("%s %s of %s: %v", method, path, group, res)
					}
				}
			}
			if res := m.Do(m.as, formatstest.Request{Method: method, Path: "/npm/" + group + "/@corp%2fsecret"}); res.Status != http.StatusOK || strings.Contains(string(res.Body), "99.0.0") {
				t.Errorf("%s of what is published: %v", method, res)
			}
		}
		if res := m.Do(m.as, formatstest.Request{Method: http.MethodGet, Path: "/npm/" + group + tarballOf("@corp/secret", "1.0.0")}); res.Status != http.StatusOK {
			t.Errorf("the tarball of what is published: %v", res)
		}
	}
	m.u.NeverAsked(t, "**")
}

// TestRemoteGuardUnseen: a name that a member owns which the caller may not read is absent, and not asked of a registry.
func TestRemoteGuardUnseen(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	m.publish(pub{name: "@corp/secret", version: "1.0.0"})
	m.u.NPM("@corp/secret", "99.0.0", upstreamtest.NPMVersion{})
	_, err := m.Upstreams.Add(m.Admin, "mirror", upstreams.NewUpstream{Type: metadata.UpstreamRepository, Repository: registry.DefaultRepository})
	registrytest.Must(t, err)
	blind := m.UserToken("blind", time.Hour, access.Grant{Repository: "mirror", Actions: []access.Action{access.Read}})
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		for _, path := range []string{"/@corp%2fsecret", tarballOf("@corp/secret", "99.0.0"), tarballOf("@corp/secret", "1.0.0"), "/@corp%2fsecret/latest"} {
			if res := m.Do(blind, formatstest.Request{Method: method, Path: "/npm/mirror" + path}); res.Status != http.StatusNotFound {
				t.Errorf("%s %s: %v", method, path, res)
			}
		}
	}
	m.u.NeverAsked(t, "**")
}
