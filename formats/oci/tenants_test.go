package oci_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/formats/formatstest"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/registrytest"
	"slipway/storage"
	"slipway/storage/mem"
)

// session asks the token endpoint for a token as someone.
func (s *server) session(as formatstest.As, scopes ...string) (token formatstest.As, granted string) {
	s.t.Helper()
	res := s.want(http.StatusOK, as, http.MethodGet, tokenPath+"?"+url.Values{"scope": scopes, "service": {s.Addr}}.Encode(), nil)
	var a struct {
		Token, Access_token, Refresh_token, Scope, Issued_at string //nolint:revive // as on the wire
		Expires_in                                           int
	}
	if err := json.Unmarshal(res.Body, &a); err != nil || a.Token == "" || a.Token != a.Access_token || a.Expires_in < 60 || a.Issued_at == "" || a.Refresh_token != "" {
		s.t.Errorf("token: %v %v", res, err)
	}
	return formatstest.As(a.Token), a.Scope
}

// tenants is the two-tenant fixture: the same image in "main" and in "other", with a layer that both have and one that
// only "other" has.
type tenants struct {
	*server
	shared, secret   desc
	mainTag, private man
	upload           string // of the admin, in other
}

func newTenants(t *testing.T, o formatstest.Options) *tenants {
	f := &tenants{server: newServer(t, o)}
	f.mainTag = f.image("main/app", "{}", "shared layer")
	f.push("main/app", "1", f.mainTag)
	f.private = f.image("other/app", "{}", "shared layer", "secret layer")
	f.push("other/app", "1", f.private)
	f.push("other/app", "", man{SchemaVersion: 2, MediaType: imageType, Config: f.private.Config, Subject: ptr(f.private.desc())})
	f.shared, f.secret = f.private.Layers[0], f.private.Layers[1]
	f.upload = strings.TrimPrefix(f.start(admin, "other/app"), "/v2/")
	return f
}

// requests are all that can be asked about what is in other, or absent has in its place.
func (f *tenants) requests(image string) []formatstest.Request {
	q := func(method, target string, body []byte) formatstest.Request {
		return formatstest.Request{Method: method, Path: "/v2/" + image + target, Body: body}
	}
	session := f.upload[strings.LastIndex(f.upload, "/"):]
	var out []formatstest.Request
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		for _, target := range []string{"/manifests/1", "/manifests/" + f.private.desc().Digest.String(), "/blobs/" + f.secret.Digest.String(),
			"/blobs/" + f.shared.Digest.String(), "/tags/list", "/referrers/" + f.private.desc().Digest.String(), "/blobs/uploads" + session} {
			out = append(out, q(method, target, nil))
		}
	}
	return append(out,
		q(http.MethodPost, "/blobs/uploads/", nil), q(http.MethodPost, "/blobs/uploads/?digest="+digestOf([]byte("x")).String(), []byte("x")),
		q(http.MethodPost, "/blobs/uploads/?mount="+f.secret.Digest.String()+"&from=other/app", nil), q(http.MethodPost, "/blobs/uploads/?mount="+f.secret.Digest.String(), nil),
		q(http.MethodPatch, "/blobs/uploads"+session, []byte("x")), q(http.MethodPut, "/blobs/uploads"+session+"?digest="+f.secret.Digest.String(), nil),
		q(http.MethodDelete, "/blobs/uploads"+session, nil), q(http.MethodPut, "/manifests/2", f.private.bytes()),
		q(http.MethodDelete, "/manifests/1", nil), q(http.MethodDelete, "/manifests/"+f.private.desc().Digest.String(), nil),
		q(http.MethodDelete, "/blobs/"+f.shared.Digest.String(), nil))
}

// TestS20: who has no right to a repository learns nothing of it, from any end point, by any credential, also by a session
// token that was asked for everything. S-34 is with it: referrers, lists, catalog and texts too.
func TestS20(t *testing.T) {
	f := newTenants(t, formatstest.Options{})
	reader := f.token("main", access.Read, access.Publish, access.Tag, access.Delete)
	wide := []string{"repository:other/app:*", "repository:other/app:pull,push,delete repository:absent/app:*", "registry:catalog:*"}
	ofReader, granted := f.session(reader, wide...)
	if strings.Contains(granted, "other/app") {
		t.Errorf("granted %q", granted)
	}
	ofNobody, granted := f.session(formatstest.Anonymous, wide...)
	if strings.Contains(granted, "other/app") {
		t.Errorf("granted to nobody %q", granted)
	}
	for who, c := range map[string]struct {
		as     formatstest.As
		status int
	}{
		"anonymous": {formatstest.Anonymous, 401}, "anonymous session": {ofNobody, 401}, "elsewhere": {reader, 404}, "session of elsewhere": {ofReader, 404},
	} {
		there, absent := f.requests("other/app"), f.requests("absent/app")
		for i, q := range there {
			res, other := f.Do(c.as, q), f.Do(c.as, absent[i])
			if res.Status != c.status {
				t.Errorf("%s: %s %s: %v, want %d", who, q.Method, q.Path, res, c.status)
			}
			// What exists and what does not look the same.
			if text := strings.ReplaceAll(string(res.Body), `\"other\"`, `\"absent\"`); other.Status != res.Status || text != string(other.Body) {
				t.Errorf("%s: %s %s: %v, but for what is not there %v", who, q.Method, q.Path, res, other)
			}
			if c.status == http.StatusUnauthorized && !strings.HasPrefix(res.Header.Get("WWW-Authenticate"), `Bearer realm="`+f.URL+`/token",service="`+f.Addr+`"`) {
				t.Errorf("%s: challenge %q", who, res.Header.Get("WWW-Authenticate"))
			}
		}
	}
	for as, want := range map[formatstest.As]string{reader: `["main/app"]`, ofReader: `["main/app"]`, admin: `["main/app","other/app"]`} {
		if res := f.want(http.StatusOK, as, http.MethodGet, "_catalog", nil); !strings.Contains(string(res.Body), `"repositories":`+want) {
			t.Errorf("catalog: %v, want %s", res, want)
		}
	}
	f.refused(http.StatusUnauthorized, "UNAUTHORIZED", formatstest.Anonymous, http.MethodGet, "_catalog", nil)
	f.refused(http.StatusUnauthorized, "UNAUTHORIZED", ofNobody, http.MethodGet, "_catalog", nil)
	f.MustFsck(t)
}

// TestS21: a blob that only others hold does not exist, and can't be mounted, even by its digest.
func TestS21(t *testing.T) {
	f := newTenants(t, formatstest.Options{})
	writer := f.token("main", access.Read, access.Publish)
	session, _ := f.session(writer, "repository:main/app:pull,push", "repository:other/app:pull")
	for _, as := range []formatstest.As{writer, session} {
		secret := f.secret.Digest.String()
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			f.want(http.StatusNotFound, as, method, "main/app/blobs/"+secret, nil)
		}
		for _, from := range []string{"", "&from=other/app", "&from=main/app", "&from=main/absent", "&from=other/absent"} {
			f.want(http.StatusAccepted, as, http.MethodPost, "main/app/blobs/uploads/?mount="+secret+from, nil)
		}
		f.want(http.StatusNotFound, as, http.MethodHead, "main/app/blobs/"+secret, nil)
		f.refused(http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN", as, http.MethodPut, "main/app/manifests/2", f.private.bytes())
		// Nor is it there for another image of a repository that it may read, until it is mounted.
		f.want(http.StatusNotFound, writer, http.MethodHead, "main/else/blobs/"+f.shared.Digest.String(), nil)
	}
	both := f.token("*", access.Read, access.Publish)
	f.want(http.StatusCreated, both, http.MethodPost, "main/app/blobs/uploads/?mount="+f.secret.Digest.String()+"&from=other/app", nil)
	f.want(http.StatusOK, writer, http.MethodHead, "main/app/blobs/"+f.secret.Digest.String(), nil)
}

// TestS21Timing: a digest that only others hold is refused as fast as one that nobody has, and without asking the store, whose
// answers would take longer for one of them.
func TestS21Timing(t *testing.T) {
	store := &counted{Store: mem.New()}
	f := newTenants(t, formatstest.Options{Core: []registrytest.Option{registrytest.WithBlobs(store)}})
	writer := f.token("main", access.Read, access.Publish)
	absent, secret := digestOf([]byte("nobody has this")).String(), f.secret.Digest.String()
	for name, q := range map[string]func(d string) formatstest.Request{
		"HEAD": func(d string) formatstest.Request {
			return formatstest.Request{Method: http.MethodHead, Path: "/v2/main/app/blobs/" + d}
		},
		"GET": func(d string) formatstest.Request {
			return formatstest.Request{Method: http.MethodGet, Path: "/v2/main/app/blobs/" + d}
		},
		"mount": func(d string) formatstest.Request {
			return formatstest.Request{Method: http.MethodPost, Path: "/v2/main/app/blobs/uploads/?from=other/app&mount=" + d}
		},
	} {
		before := store.asked.Load()
		differs := func() string {
			const rounds = 150
			took := map[string][]time.Duration{}
			for range rounds {
				for _, d := range []string{absent, secret} {
					start := time.Now()
					f.Do(writer, q(d))
					took[d] = append(took[d], time.Since(start))
				}
			}
			// The lower quartile leaves out what else the machine does. A look at a disk or at S3 would be seen.
			quartile := func(d string) time.Duration { slices.Sort(took[d]); return took[d][rounds/4] }
			if a, s := quartile(absent), quartile(secret); max(a, s) > 2*min(a, s)+200*time.Microsecond {
				return fmt.Sprintf("%v for what nobody has, %v for what others have", a, s)
			}
			return ""
		}
		difference := differs()
		for again := 0; difference != "" && again < 5; again++ { // one of the program comes each time, one of a busy machine does not
			difference = differs()
		}
		if difference != "" {
			t.Errorf("%s: %s", name, difference)
		}
		if asked := store.asked.Load() - before; asked > 0 {
			t.Errorf("%s: the store was asked %d times about what the caller may not see", name, asked)
		}
	}
}

// counted counts the looks at blobs.
type counted struct {
	storage.Store
	asked atomic.Int64
}

func (c *counted) Stat(ctx context.Context, d digest.Digest) (storage.Blob, error) {
	c.asked.Add(1)
	return c.Store.Stat(ctx, d)
}

func (c *counted) Open(ctx context.Context, d digest.Digest, offset, length int64) (io.ReadCloser, error) {
	c.asked.Add(1)
	return c.Store.Open(ctx, d, offset, length)
}

// TestS22: an upload is its creator's, in its image, and nobody else's.
func TestS22(t *testing.T) {
	f := newTenants(t, formatstest.Options{})
	actions := []access.Action{access.Read, access.Publish, access.Delete, access.Tag}
	callers := []formatstest.As{f.token("*", actions...), f.token("main", actions...), admin}
	body := []byte("content")
	d := digestOf(body)
	for i, creator := range callers {
		path := strings.TrimPrefix(f.start(creator, "main/uploads"), "/v2/")
		f.want(http.StatusAccepted, creator, http.MethodPatch, path, body)
		id := path[strings.LastIndex(path, "/")+1:]
		try := func(as formatstest.As, path string) {
			t.Helper()
			for _, method := range []string{http.MethodGet, http.MethodPatch, http.MethodPut, http.MethodDelete} {
				f.refused(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", as, method, path+"?digest="+d.String(), []byte("more"))
			}
		}
		for j, other := range callers {
			if i != j {
				try(other, path)
			}
		}
		try(creator, "main/another/blobs/uploads/"+id)
		session, _ := f.session(creator, "repository:main/uploads:push,pull")
		f.want(http.StatusNoContent, session, http.MethodGet, path, nil) // the same caller by another credential
		f.want(http.StatusNoContent, creator, http.MethodDelete, path, nil)
	}
}

// TestS24: every action of a token on every request, directly and by a session token that was asked for more.
func TestS24(t *testing.T) {
	f := newTenants(t, formatstest.Options{})
	for _, c := range []struct {
		actions []access.Action
		allowed map[string]bool // by method and part of the path
	}{
		{[]access.Action{access.Read}, map[string]bool{}},
		{[]access.Action{access.Deploy}, map[string]bool{}},
	} {
		token := f.token("main", c.actions...)
		session, _ := f.session(token, "repository:main/app:*")
		for _, as := range []formatstest.As{token, session} {
			for _, q := range f.requests("main/app") {
				read := q.Method == http.MethodGet || q.Method == http.MethodHead
				if read && c.actions[0] == access.Read && !strings.Contains(q.Path, "/uploads/") {
					continue
				}
				if res := f.Do(as, q); res.Status != http.StatusForbidden {
					t.Errorf("%v: %s %s: %v, want 403", c.actions, q.Method, q.Path, res)
				}
			}
		}
	}
	f.MustFsck(t)
}

// TestScopes: a session token does what it was asked for and nothing else; a 401 says what to ask for.
func TestScopes(t *testing.T) {
	f := newTenants(t, formatstest.Options{})
	pull, granted := f.session(admin, "repository:main/app:pull")
	if granted != "repository:main/app:pull" {
		t.Errorf("granted %q", granted)
	}
	f.want(http.StatusOK, pull, http.MethodGet, "main/app/manifests/1", nil)
	f.want(http.StatusOK, pull, http.MethodGet, "", nil)
	for _, q := range []struct{ method, target, scope string }{
		{http.MethodPut, "main/app/manifests/2", "repository:main/app:pull,push"},
		{http.MethodPost, "main/app/blobs/uploads/", "repository:main/app:pull,push"},
		{http.MethodDelete, "main/app/manifests/1", "repository:main/app:delete"},
		{http.MethodGet, "other/app/manifests/1", "repository:other/app:pull"},
		{http.MethodGet, "_catalog", "registry:catalog:*"},
	} {
		res := f.refused(http.StatusUnauthorized, "UNAUTHORIZED", pull, q.method, q.target, f.mainTag.bytes())
		want := fmt.Sprintf(`Bearer realm="%s/token",service="%s",scope="%s",error="insufficient_scope"`, f.URL, f.Addr, q.scope)
		if got := res.Header.Get("WWW-Authenticate"); got != want {
			t.Errorf("%s %s: challenge %s, want %s", q.method, q.target, got, want)
		}
		next, _ := f.session(admin, q.scope)
		if res := f.call(next, q.method, q.target, f.mainTag.bytes()); res.Status >= http.StatusBadRequest {
			t.Errorf("%s %s with %s: %v", q.method, q.target, q.scope, res)
		}
	}
	// Asked for, but without the right: 403, so that no client asks again and again.
	reader := f.token("main", access.Read)
	push, granted := f.session(reader, "repository:main/app:push,pull")
	if granted != "repository:main/app:pull" {
		t.Errorf("granted %q", granted)
	}
	f.refused(http.StatusForbidden, "DENIED", push, http.MethodPost, "main/app/blobs/uploads/", nil)
}

// TestS31 is the matrix of rights over tags: who may publish sets and moves tags by a push, who may tag only does so with
// what is there, and neither may take a tag away without the right to.
func TestS31(t *testing.T) {
	f := newTenants(t, formatstest.Options{})
	one, two := f.image("main/m", "{}", "one"), f.image("main/m", "{}", "two")
	fresh := func() man { return f.image("main/m", "{}", "one", "two") }
	for _, c := range []struct {
		action                                     access.Action
		newTag, sameTag, moveTag, stored, byDigest int // pushes: of what is there, and of what is not
		removeTag, removeManifest, unknownByTag    int
		asSessionToo                               bool
	}{
		{access.Read, 403, 403, 403, 403, 403, 403, 403, 403, true},
		{access.Publish, 201, 201, 201, 201, 201, 403, 403, 201, true},
		{access.Tag, 201, 201, 201, 403, 403, 202, 403, 403, true},
		{access.Delete, 403, 403, 403, 403, 403, 202, 202, 403, true},
	} {
		token := f.token("main", access.Read, c.action)
		session, _ := f.session(token, "repository:main/m:*")
		for _, as := range []formatstest.As{token, session} {
			f.push("main/m", "latest", one)
			f.push("main/m", "", two)
			f.call(admin, http.MethodDelete, "main/m/manifests/new", nil)
			f.call(admin, http.MethodDelete, "main/m/manifests/"+fresh().desc().Digest.String(), nil)
			put := func(ref string, m man, want int) {
				t.Helper()
				if res := f.call(as, http.MethodPut, "main/m/manifests/"+ref, m.bytes()); res.Status != want {
					t.Errorf("%s: PUT %.20s: %v, want %d", c.action, ref, res, want)
				}
			}
			put("new", two, c.newTag)
			put("latest", one, c.sameTag)
			put("latest", two, c.moveTag)
			put(two.desc().Digest.String(), two, c.stored)
			put(two.desc().Digest.String()+"?tag=latest", two, c.moveTag)
			put("latest", fresh(), c.unknownByTag)
			put(fresh().desc().Digest.String(), fresh(), c.byDigest)
			for _, tag := range []string{"latest", two.desc().Digest.String()} {
				want := c.removeTag
				if tag != "latest" {
					want = c.removeManifest
				}
				if res := f.call(as, http.MethodDelete, "main/m/manifests/"+tag, nil); res.Status != want {
					t.Errorf("%s: DELETE %.20s: %v, want %d", c.action, tag, res, want)
				}
			}
		}
	}
	f.MustFsck(t)
}

// TestS29: what was revoked or changed behind a session token ends it, on the next request in this process.
func TestS29(t *testing.T) {
	f := newTenants(t, formatstest.Options{})
	secret := f.token("main", access.Read)
	session, _ := f.session(secret, "repository:main/app:pull")
	f.want(http.StatusOK, session, http.MethodGet, "main/app/manifests/1", nil)
	tokens, err := f.Accounts.Tokens(f.Admin, accounts.TokenQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Accounts.RevokeToken(f.Admin, tokens[len(tokens)-1].ID); err != nil {
		t.Fatal(err)
	}
	f.refused(http.StatusUnauthorized, "UNAUTHORIZED", session, http.MethodGet, "main/app/manifests/1", nil)

	password, off := "first password", true
	change := accounts.UserChange{Password: &password, Grants: []access.Grant{{Repository: "main", Actions: []access.Action{access.Read}}}}
	if _, err := f.Accounts.CreateUser(f.Admin, "eve", change); err != nil {
		t.Fatal(err)
	}
	for name, next := range map[string]accounts.UserChange{
		"grants": {Grants: []access.Grant{{Repository: "other", Actions: []access.Action{access.Read}}}}, "password": {Password: ptr("second password")}, "disabled": {Disabled: &off},
	} {
		enabled := false
		if _, err := f.Accounts.UpdateUser(f.Admin, "eve", accounts.UserChange{Password: &password, Grants: change.Grants, Disabled: &enabled}); err != nil {
			t.Fatal(err)
		}
		res := f.want(http.StatusOK, formatstest.Anonymous, http.MethodGet, tokenPath+"?scope=repository:main/app:pull", nil,
			"Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("eve:"+password)))
		var a struct{ Token string }
		if err := json.Unmarshal(res.Body, &a); err != nil {
			t.Fatal(err)
		}
		f.want(http.StatusOK, formatstest.As(a.Token), http.MethodGet, "main/app/manifests/1", nil)
		if _, err := f.Accounts.UpdateUser(f.Admin, "eve", next); err != nil {
			t.Fatal(err)
		}
		want := http.StatusUnauthorized
		if name == "grants" {
			want = http.StatusNotFound
		}
		if res := f.call(formatstest.As(a.Token), http.MethodGet, "main/app/manifests/1", nil); res.Status != want {
			t.Errorf("%s changed: %v, want %d", name, res, want)
		}
	}
}

// TestAnonymousRead: where everybody may read, images are pulled without credentials, but /v2/ still asks for them, as
// clients decide there whether to send any; and a wrong password is no anonymous caller.
func TestAnonymousRead(t *testing.T) {
	f := newTenants(t, formatstest.Options{AnonymousRead: true})
	f.refused(http.StatusUnauthorized, "UNAUTHORIZED", formatstest.Anonymous, http.MethodGet, "", nil)
	f.refused(http.StatusUnauthorized, "UNAUTHORIZED", formatstest.Anonymous, http.MethodGet, "", nil, "Authorization", "Basic Og==")
	f.want(http.StatusOK, formatstest.Anonymous, http.MethodGet, "main/app/manifests/1", nil)
	f.want(http.StatusOK, formatstest.Anonymous, http.MethodGet, "main/app/manifests/1", nil, "Authorization", "Basic Og==")
	session, granted := f.session(formatstest.Anonymous, "repository:main/app:pull,push")
	if granted != "repository:main/app:pull" {
		t.Errorf("granted %q", granted)
	}
	f.want(http.StatusOK, session, http.MethodGet, "", nil)
	f.want(http.StatusOK, session, http.MethodGet, "main/app/blobs/"+f.shared.Digest.String(), nil)
	f.refused(http.StatusUnauthorized, "UNAUTHORIZED", session, http.MethodPost, "main/app/blobs/uploads/", nil)
	f.want(http.StatusUnauthorized, formatstest.Anonymous, http.MethodGet, tokenPath, nil, "Authorization", "Basic YWRtaW46d3Jvbmc=")
}

// TestEncodedCredentials: the token endpoint, both ways, and the routes that see to credentials themselves take a password in
// UTF-8 and in ISO-8859-1.
func TestEncodedCredentials(t *testing.T) {
	f := newTenants(t, formatstest.Options{})
	f.AddUser(t, "ann", formatstest.AccentedPassword, access.Grant{Repository: "main", Actions: []access.Action{access.Read}})
	for _, c := range []struct {
		password string
		status   int
	}{
		{formatstest.AccentedPassword, http.StatusOK}, {formatstest.Latin1(formatstest.AccentedPassword), http.StatusOK},
		{"wröng", http.StatusUnauthorized}, {formatstest.Latin1("wröng"), http.StatusUnauthorized},
	} {
		basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("ann:"+c.password))
		for _, path := range []string{"", tokenPath + "?scope=repository:main/app:pull"} {
			f.want(c.status, formatstest.Anonymous, http.MethodGet, path, nil, "Authorization", basic)
		}
		form := url.Values{"grant_type": {"password"}, "username": {"ann"}, "password": {c.password}}
		f.want(c.status, formatstest.Anonymous, http.MethodPost, tokenPath, []byte(form.Encode()), "Content-Type", "application/x-www-form-urlencoded")
	}
}

// TestTokenForm is the OAuth 2 way of the token endpoint.
func TestTokenForm(t *testing.T) {
	f := newTenants(t, formatstest.Options{})
	secret := string(f.token("main", access.Read))
	ask := func(status int, form url.Values) string {
		t.Helper()
		res := f.want(status, formatstest.Anonymous, http.MethodPost, tokenPath, []byte(form.Encode()), "Content-Type", "application/x-www-form-urlencoded")
		var a struct{ Access_token, Refresh_token string } //nolint:revive // as on the wire
		if err := json.Unmarshal(res.Body, &a); err != nil || (a.Access_token != "") != (status == 200) || a.Refresh_token != "" {
			t.Errorf("%v: %v %v", form, res, err)
		}
		return a.Access_token
	}
	scope := []string{"repository:main/app:pull"}
	password := url.Values{"grant_type": {"password"}, "username": {"anybody"}, "password": {secret}, "service": {"x"}, "scope": scope, "access_type": {"offline"}}
	session := ask(http.StatusOK, password)
	f.want(http.StatusOK, formatstest.As(session), http.MethodGet, "main/app/manifests/1", nil)
	session = ask(http.StatusOK, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {secret}, "scope": scope})
	f.want(http.StatusOK, formatstest.As(session), http.MethodGet, "main/app/manifests/1", nil)
	// S-28: neither kind of token stands in for the other.
	for _, bad := range []url.Values{
		{"grant_type": {"refresh_token"}, "refresh_token": {session}}, {"grant_type": {"refresh_token"}, "refresh_token": {""}},
		{"grant_type": {"password"}, "username": {"x"}, "password": {session}}, {"grant_type": {"password"}, "username": {"admin"}, "password": {"wrong"}},
	} {
		ask(http.StatusUnauthorized, bad)
	}
	ask(http.StatusBadRequest, url.Values{"grant_type": {"client_credentials"}})
	ask(http.StatusBadRequest, url.Values{"grant_type": {"password"}, "x": {strings.Repeat("x", 64<<10)}})
	f.want(http.StatusUnauthorized, formatstest.As(session), http.MethodGet, tokenPath, nil)
	f.want(http.StatusUnauthorized, formatstest.Anonymous, http.MethodGet, "/v2/", nil,
		"Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("x:"+session)))
}
