package client_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/api"
	"slipway/api/client"
	"slipway/formats/formatstest"
	"slipway/formats/raw"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/registrytest"
	webapi "slipway/web/api"
)

// served is a server with the raw package tool, whose versions 1.0 and 1.1 have a file each and 2.0 two, and an
// administrator's client of it with the client's token.
func served(t testing.TB) (*formatstest.Server, *client.Client, string) {
	t.Helper()
	s := formatstest.NewServer(t, formatstest.Options{}, raw.New(), webapi.New(webapi.Options{}))
	token := s.Token("*", access.Admin)
	for path, body := range map[string]string{"1.0/tool": "one", "1.1/tool": "two", "2.0/bin/tool": "three", "2.0/read me?": "text"} {
		put(t, s.URL+"/raw/main/tool/"+strings.NewReplacer(" ", "%20", "?", "%3F").Replace(path), token, body, "")
	}
	cl, err := client.New(s.URL, client.Options{Token: token})
	if err != nil {
		t.Fatal(err)
	}
	return s, cl, token
}

// put stores a file, or stages it under the id of a publish.
func put(t testing.TB, url, token, body, publish string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("x", token)
	if publish != "" {
		req.Header.Set("X-Slipway-Publish", publish)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode > 299 {
		t.Fatalf("PUT %s: %s", url, res.Status)
	}
}

var tool = client.Package{Repository: "main", Format: "raw", Name: "tool"}

// must returns the value of a call that must succeed.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// all are the items of a list.
func all[T any](t testing.TB, list iter.Seq2[T, error]) []T {
	t.Helper()
	var out []T
	for item, err := range list {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, item)
	}
	return out
}

func ptr[T any](v T) *T { return &v }

func TestAccess(t *testing.T) {
	_, cl, _ := served(t)
	ctx := t.Context()
	if who := must(cl.WhoAmI(ctx))(t); who.Name != "admin" || len(who.Permissions) != 1 {
		t.Errorf("%+v", who)
	}
	made := must(cl.CreateToken(ctx, api.TokenRequest{Name: "ci", ExpiresIn: ptr("30m"),
		Permissions: []api.Permission{{Repository: "main", Actions: []api.Action{api.ActionRead}}}}))(t)
	if made.Secret == "" || made.ExpiresAt == nil || made.Permissions[0].Actions[0] != api.ActionRead {
		t.Errorf("%+v", made)
	}
	check(t, cl.RevokeToken(ctx, made.ID))
	tokens := all(t, cl.Tokens(ctx))
	if last := tokens[len(tokens)-1]; last.ID != made.ID || last.RevokedAt == nil {
		t.Errorf("%+v", last)
	}
	if valid := all(t, cl.TokensLike(ctx, client.TokenFilter{User: "admin", Valid: true})); len(valid) != len(tokens)-1 {
		t.Errorf("%+v", valid)
	}
	if jane := must(cl.CreateUser(ctx, api.NewUser{Name: "jane", Password: ptr("a good password")}))(t); jane.Name != "jane" || jane.Disabled {
		t.Errorf("%+v", jane)
	}
	if jane := must(cl.ChangeUser(ctx, "jane", api.UserChange{Disabled: ptr(true)}))(t); !jane.Disabled {
		t.Errorf("%+v", jane)
	}
	if users := all(t, cl.Users(ctx)); len(users) != 2 {
		t.Errorf("%+v", users)
	}
}

func TestSessions(t *testing.T) {
	s, cl, _ := served(t)
	ctx := t.Context()
	var made registry.Session
	for range 3 {
		_, last, err := s.Accounts.StartSession(ctx, accounts.SessionRequest{User: accounts.AdminUser, Password: registrytest.AdminPassword})
		check(t, err)
		made = last
	}
	check(t, cl.EndSession(ctx, fmt.Sprint(made.ID)))
	if left := all(t, cl.Sessions(ctx, accounts.AdminUser)); len(left) != 2 || left[0].User != accounts.AdminUser || left[0].LastUsedAt == "" {
		t.Errorf("%+v", left)
	}
	check(t, cl.EndSessions(ctx, accounts.AdminUser))
	if left := all(t, cl.Sessions(ctx, accounts.AdminUser)); len(left) != 0 {
		t.Errorf("%+v", left)
	}
}

func TestRepositories(t *testing.T) {
	_, cl, _ := served(t)
	ctx := t.Context()
	made := must(cl.CreateRepository(ctx, api.NewRepository{Name: "team", Description: ptr("what it builds")}))(t)
	if made.Description != "what it builds" || must(cl.Repository(ctx, "team"))(t).CreatedAt != made.CreatedAt {
		t.Errorf("%+v", made)
	}
	if changed := must(cl.ChangeRepository(ctx, "team", api.RepositoryChange{Description: ptr("more")}))(t); changed.Description != "more" {
		t.Errorf("%+v", changed)
	}
	if list := all(t, cl.Repositories(ctx)); len(list) != 3 {
		t.Errorf("%+v", list)
	}
	check(t, cl.DeleteRepository(ctx, "team"))
	if packages := all(t, cl.Packages(ctx, "main", client.PackageFilter{Format: "raw", Part: "oo"})); len(packages) != 1 || packages[0].Versions != 3 {
		t.Errorf("%+v", packages)
	}
	if packages := all(t, cl.Packages(ctx, "main", client.PackageFilter{Part: "x"})); len(packages) != 0 {
		t.Errorf("%+v", packages)
	}
	if report := must(cl.Collect(ctx, api.CollectionRequest{DryRun: true}))(t); !report.DryRun {
		t.Errorf("%+v", report)
	}
	if p := must(cl.Package(ctx, tool))(t); p.Versions != 3 || p.Name != tool.Name {
		t.Errorf("%+v", p)
	}
	if sum := must(cl.Check(ctx, api.CheckRequest{Quick: true}, func(api.CheckReport) {}))(t); sum.Wrong != 0 || sum.Versions == 0 {
		t.Errorf("%+v", sum)
	}
	settings := must(cl.Settings(ctx))(t)
	if !slices.ContainsFunc(settings, func(s client.Setting) bool {
		return s.Name == "allow_reuse" && s.Type == "boolean" && s.Description != ""
	}) {
		t.Errorf("%+v", settings)
	}
}

func TestVersions(t *testing.T) {
	_, cl, _ := served(t)
	ctx := t.Context()
	if list := all(t, cl.Versions(ctx, tool, client.VersionFilter{})); len(list) != 3 || list[0].Version != "2.0" {
		t.Errorf("%+v", list)
	}
	check(t, cl.Annotate(ctx, tool, "1.0", api.DeclaredMetadata{Source: &api.Source{Commit: "4f0c2d1"}, Custom: map[string]string{"team.ticket": "A-1"}}))
	v := must(cl.Version(ctx, tool, "1.0"))(t)
	if v.Release.Source == nil || v.Release.Source.Commit != "4f0c2d1" || len(v.Facts) != 2 {
		t.Errorf("%+v", v)
	}
	if hits := all(t, cl.Search(ctx, "commit:4f0c2d1", "")); len(hits) != 1 || hits[0].Version != "1.0" {
		t.Errorf("%+v", hits)
	}
	check(t, cl.DeleteVersion(ctx, tool, "1.1", "a mistake"))
	if list := all(t, cl.Versions(ctx, tool, client.VersionFilter{Deleted: true})); len(list) != 3 || list[1].State != "deleted" {
		t.Errorf("%+v", list)
	}
	if _, err := cl.ChangeVersion(ctx, tool, "1.0", api.VersionChange{State: "published"}); err != nil && !client.IsStatus(err, http.StatusBadRequest) {
		t.Error(err)
	}
}

// TestFiles: the bytes of a file end with io.EOF only when they match its description.
func TestFiles(t *testing.T) {
	_, cl, _ := served(t)
	ctx := t.Context()
	v := must(cl.Version(ctx, tool, "2.0"))(t)
	if digest := must(client.ContentDigest(v.Files))(t); digest != v.Digest || len(v.Files) != 2 {
		t.Errorf("the files make %s, the version is %s", digest, v.Digest)
	}
	for _, f := range v.Files {
		read := func(f api.File) ([]byte, error) {
			body := must(cl.OpenFile(ctx, tool, "2.0", f))(t)
			defer body.Close()
			return io.ReadAll(body)
		}
		if content, err := read(f); err != nil || int64(len(content)) != f.Size {
			t.Errorf("%s: %q, %v", f.Path, content, err)
		}
		longer, shorter, other := f, f, f
		longer.Size++
		shorter.Size--
		other.Digest = "sha256:" + strings.Repeat("0", 64)
		for _, wrong := range []api.File{longer, other} {
			if _, err := read(wrong); !errors.Is(err, client.ErrDigest) {
				t.Errorf("%+v: %v", wrong, err)
			}
		}
		if _, err := read(shorter); err == nil || !strings.Contains(err.Error(), "sends more than") {
			t.Errorf("%+v: %v", shorter, err)
		}
	}
	if _, err := client.ContentDigest([]api.File{{Path: "x", Digest: "sha256:0"}}); err == nil {
		t.Error("a digest that is none")
	}
}

// TestContentDigest: the digest of a version is the one that the server computes.
func TestContentDigest(t *testing.T) {
	sum := func(c string) string { return strings.Repeat(c, 64) }
	for _, paths := range [][]string{{"a"}, {"a", "b"}, {"b/c", "b", "B", "a b", "ä"}} {
		var ours []api.File
		var theirs []registry.File
		for i, path := range paths {
			f := registry.File{Path: path}
			f.Blob.Digest = "sha256:" + digest.Digest(sum(string(rune('a'+i))))
			ours, theirs = append(ours, api.File{Path: path, Digest: f.Blob.Digest.String()}), append(theirs, f)
		}
		if got, want := must(client.ContentDigest(ours))(t), registry.ContentDigest(theirs); string(got) != want.String() {
			t.Errorf("%q: %s, want %s", paths, got, want)
		}
	}
}

func TestTags(t *testing.T) {
	_, cl, _ := served(t)
	ctx := t.Context()
	first := must(cl.SetTag(ctx, tool, "production", api.TagChange{Version: "1.0", Reason: "release 1"}, ptr(int64(0))))(t)
	if first.Version != "1.0" || first.Generation != 1 {
		t.Errorf("%+v", first)
	}
	_, err := cl.SetTag(ctx, tool, "production", api.TagChange{Version: "1.1"}, ptr(int64(7)))
	var problem *client.Error
	if !errors.As(err, &problem) || problem.Status != http.StatusPreconditionFailed || problem.Current == nil || problem.Current.Generation != 1 {
		t.Errorf("a lost compare-and-swap: %+v", err)
	}
	must(cl.SetTag(ctx, tool, "production", api.TagChange{Version: "1.1"}, nil))(t)
	if then := must(cl.Tag(ctx, tool, "production", first.SetAt))(t); then.Version != "1.0" {
		t.Errorf("%+v", then)
	}
	if now := must(cl.Tag(ctx, tool, "production", ""))(t); now.Version != "1.1" || len(all(t, cl.Tags(ctx, tool))) != 1 {
		t.Errorf("%+v", now)
	}
	check(t, cl.RemoveTag(ctx, tool, "production", "withdrawn", ptr(int64(2))))
	if past := all(t, cl.TagHistory(ctx, tool, "production")); len(past) != 2 {
		t.Errorf("%+v", past)
	}
}

func TestDeployments(t *testing.T) {
	_, cl, _ := served(t)
	ctx := t.Context()
	must(cl.CreateEnvironment(ctx, api.NewEnvironment{Name: "prod", Tag: ptr("production")}))(t)
	if changed := must(cl.ChangeEnvironment(ctx, "prod", api.EnvironmentChange{Description: ptr("customers")}))(t); changed.Description != "customers" {
		t.Errorf("%+v", changed)
	}
	report := api.DeploymentReport{Environment: "prod", Service: "web", Repository: "main", PURL: "pkg:generic/tool@1.0", Status: "running"}
	d := must(cl.ReportDeployment(ctx, report))(t)
	must(cl.ChangeDeployment(ctx, d.ID, api.DeploymentChange{Status: "succeeded"}))(t)
	if got := must(cl.Deployment(ctx, d.ID))(t); got.Status != "succeeded" || len(all(t, cl.Deployments(ctx, client.DeploymentFilter{Service: "web"}))) != 1 {
		t.Errorf("%+v", got)
	}
	if state := must(cl.Environment(ctx, "prod", ""))(t); len(state.Services) != 1 || state.Services[0].Running == nil || len(all(t, cl.Environments(ctx, ""))) != 1 {
		t.Errorf("%+v", state)
	}
	err := cl.DeleteVersion(ctx, tool, "1.0", "")
	var problem *client.Error
	if !errors.As(err, &problem) || problem.Status != http.StatusConflict || len(problem.Uses) != 1 || problem.Uses[0].Service != "web" {
		t.Errorf("a version that runs: %+v", err)
	}
	check(t, cl.StopService(ctx, "prod", "web"))
	if runs := all(t, cl.EnvironmentHistory(ctx, "prod", client.RunFilter{Service: "web"})); len(runs) != 1 || runs[0].Until == nil {
		t.Errorf("%+v", runs)
	}
	check(t, cl.DeleteEnvironment(ctx, "prod"))
}

func TestEvents(t *testing.T) {
	_, cl, _ := served(t)
	ctx := t.Context()
	batch := must(cl.Events(ctx, client.EventQuery{After: -1, Types: []string{"artifact.published"}}))(t)
	if len(batch.Events) != 3 {
		t.Fatalf("%d events", len(batch.Events))
	}
	last := &batch.Events[2]
	if seq := must(last.Seq())(t); seq < 2 || seq > batch.Next {
		t.Errorf("the last event is %d, go on behind %d", seq, batch.Next)
	}
	if d := must(last.Content())(t); d.Package != "tool" || !bytes.Contains(last.Raw, []byte(`"package":"tool"`)) {
		t.Errorf("%+v: %s", d, last.Raw)
	}
	if more := must(cl.Events(ctx, client.EventQuery{After: batch.Next, Limit: 1, Wait: 1}))(t); len(more.Events) != 0 || more.Next < batch.Next {
		t.Errorf("%+v", more)
	}
	if place := must(cl.PutConsumer(ctx, "prod", api.ConsumerChange{Acked: ptr(int64(1))}))(t); place.Acked != 1 {
		t.Errorf("%+v", place)
	}
	if place := must(cl.Consumer(ctx, "prod"))(t); place.Acked != 1 || len(all(t, cl.Consumers(ctx))) != 1 {
		t.Errorf("%+v", place)
	}
	check(t, cl.DeleteConsumer(ctx, "prod"))
}

func TestSubscriptions(t *testing.T) {
	_, cl, _ := served(t)
	ctx := t.Context()
	made := must(cl.CreateSubscription(ctx, api.NewSubscription{Name: ptr("ci"), URL: ptr("http://127.0.0.1:1/"), Types: &[]string{"tag.set"}}))(t)
	if !strings.HasPrefix(made.Secret, "whsec_") {
		t.Errorf("%+v", made)
	}
	if changed := must(cl.ChangeSubscription(ctx, made.ID, api.SubscriptionChange{RotateSecret: true}))(t); changed.Secret == "" || changed.Secret == made.Secret {
		t.Errorf("%+v", changed)
	}
	ping := must(cl.Ping(ctx, made.ID))(t)
	if got := must(cl.Delivery(ctx, ping.ID))(t); got.Request.URL != "http://127.0.0.1:1/" {
		t.Errorf("%+v", got)
	}
	must(cl.Redeliver(ctx, ping.ID))(t)
	must(cl.Replay(ctx, made.ID, 0))(t)
	if list := all(t, cl.Deliveries(ctx, made.ID, api.DeliveryDead)); len(list) != 0 {
		t.Errorf("%+v", list)
	}
	if got := must(cl.Subscription(ctx, made.ID))(t); got.Pending < 1 || len(all(t, cl.Subscriptions(ctx))) != 1 {
		t.Errorf("%+v", got)
	}
	check(t, cl.DeleteSubscription(ctx, made.ID))
}

// TestPublishes: files staged under an id are listed, committed and dropped.
func TestPublishes(t *testing.T) {
	s, cl, token := served(t)
	ctx := t.Context()
	put(t, s.URL+"/raw/main/set/1.0/file", token, "one", "build-1")
	if list := all(t, cl.Publishes(ctx, "")); len(list) != 1 || list[0].ID != "build-1" || list[0].WaitsFor != "its commit" || list[0].Files != 1 {
		t.Errorf("%+v", list)
	}
	if p := must(cl.Publish(ctx, client.Publish{Repository: "main", ID: "build-1"}))(t); len(p.Files) != 1 {
		t.Errorf("%+v", p)
	}
	if done := must(cl.CommitPublish(ctx, client.Publish{Repository: "main", ID: "build-1"}))(t); len(done) != 1 || !done[0].Created {
		t.Errorf("%+v", done)
	}
	put(t, s.URL+"/raw/main/set/1.1/file", token, "two", "build-2")
	check(t, cl.DropPublish(ctx, client.Publish{Repository: "main", ID: "build-2"}))
	if _, err := cl.Publish(ctx, client.Publish{Repository: "main", ID: "build-2"}); !client.IsStatus(err, http.StatusNotFound) {
		t.Errorf("%v", err)
	}
}

func TestLog(t *testing.T) {
	_, cl, _ := served(t)
	ctx := t.Context()
	check(t, cl.Ready(ctx))
	if key := must(cl.LogKey(ctx))(t); !strings.Contains(key, "+") {
		t.Errorf("%q", key)
	}
}
