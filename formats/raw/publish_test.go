package raw_test

import (
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/staging"
)

// TestPublishTogether: files of a publish are there for nobody before its commit, which checks them all.
func TestPublishTogether(t *testing.T) {
	srv := newServer(t)
	const header, id = "X-Slipway-Publish", "release:1"
	token := srv.Token("main", access.Publish)
	send := func(path, content, id string, status int, words string) {
		t.Helper()
		res := srv.Do(formatstest.As(token), put(path, content, header, id))
		if res.Status != status || !strings.Contains(string(res.Body), words) {
			t.Fatalf("%s: %v, want %d with %q", path, res, status, words)
		}
	}
	send("tool/1.0/a", "hello", id, 201, "")
	send("tool/1.0/a.sha256", hexOf("hello"), id, 201, "")
	send("tool/1.0/a.sha256", hexOf("other"), id, 400, "sidecar")
	send("tool/1.0/b", "x", id, 201, "")
	send("tool/1.0/b", "b", id, 201, "")
	send("data/7/c", "c", id, 201, "")
	want(t, srv, get("tool/1.0/a"), 404)
	if _, err := srv.Staging.CommitPublish(srv.Admin, staging.Which{ID: id}); registry.KindOf(err) != registry.NotFound {
		t.Errorf("the commit of another caller: %v", err)
	}
	ci := srv.Login(access.Credentials{Token: token})
	published, err := srv.Staging.CommitPublish(ci, staging.Which{ID: id})
	if err != nil || len(published) != 2 || published[0].Version.PURL != "pkg:generic/data@7" || !published[1].Created {
		t.Fatalf("%+v, %v", published, err)
	}
	want(t, srv, get("tool/1.0/a"), 200, "hello")
	want(t, srv, get("tool/1.0/b"), 200, "b")
	send("tool/1.0/b", "other", "next", 409, "other content")
	// A condition holds until the commit, unless the file is sent again without it.
	srv.Set(map[string]any{"raw_redeploy": true})
	send("tool/1.0/new", "staged", "condition", 201, "")
	must := func(id string, header, value string) {
		t.Helper()
		res := srv.Do(formatstest.As(token), put("tool/1.0/new", "staged", "X-Slipway-Publish", id, header, value))
		if res.Status != 201 {
			t.Fatalf("%s %s: %v", header, value, res)
		}
	}
	must("condition", "If-None-Match", "*")
	want(t, srv, put("tool/1.0/new", "of somebody else"), 201)
	if _, err := srv.Staging.CommitPublish(ci, staging.Which{Repository: "main", ID: "condition"}); registry.KindOf(err) != registry.PreconditionFailed {
		t.Errorf("If-None-Match of a file that came meanwhile: %v", err)
	}
	want(t, srv, get("tool/1.0/new"), 200, "of somebody else")
	must("match", "If-Match", `"`+hexOf("of somebody else")+`"`)
	if _, err := srv.Staging.CommitPublish(ci, staging.Which{Repository: "main", ID: "match"}); err != nil {
		t.Errorf("If-Match that holds: %v", err)
	}
	send("tool/1.0/new", "staged", "condition", 201, "")
	if _, err := srv.Staging.CommitPublish(ci, staging.Which{Repository: "main", ID: "condition"}); err != nil {
		t.Errorf("without a condition: %v", err)
	}
	res := srv.Do(formatstest.As(token), put("tool/1.0/new", "x", header, "long", "If-Match", strings.Repeat(`"x", `, 1000)+`"`+hexOf("staged")+`"`))
	if res.Status != 400 {
		t.Errorf("a condition of some KiB: %v", res)
	}
	// One name can't be file and folder, whichever comes first.
	send("tree/1/a/b", "x", "tree", 201, "")
	send("tree/1/a", "x", "tree", 201, "")
	if _, err := srv.Staging.CommitPublish(ci, staging.Which{Repository: "main", ID: "tree"}); registry.KindOf(err) != registry.Conflict {
		t.Errorf("file and folder: %v", err)
	}
	srv.MustFsck(t)
}
