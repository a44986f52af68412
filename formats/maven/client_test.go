package maven

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"slipway/formats"
	"slipway/formats/formatstest"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/registry/publish"
	"slipway/registry/upstreams"
)

// logged counts the requests of a method and status in the server's log.
func (e *env) logged(method, status string) int {
	n := 0
	for line := range strings.Lines(e.Log()) {
		if strings.Contains(line, "msg=request ") && strings.Contains(line, "method="+method+" ") && strings.Contains(line, "status="+status+" ") {
			n++
		}
	}
	return n
}

// TestMavenRelease: a build of a parent and two modules, deployed, used elsewhere, deployed again, and refused when changed.
func TestMavenRelease(t *testing.T) {
	e := newEnv(t, Options{})
	token := string(e.publisher())
	dir := project(t, "project", "1.0")
	ci := newMachine(t, e.repo(), token, "")
	out := ci.run(dir, "deploy", "-Dslipway.url="+e.repo())
	if strings.Contains(out, "[WARNING]") {
		t.Errorf("warnings:\n%s", out)
	}
	for _, path := range []string{"parent/1.0/parent-1.0.pom", "api/1.0/api-1.0.jar", "core/1.0/core-1.0-sources.jar", "core/1.0/core-1.0.pom.sha512"} {
		e.get(e.reader(), "com/acme/"+path, 200)
	}
	if got := says(t, e.repo(), e.ReadToken("main"), "1.0"); got != "hello, world" {
		t.Errorf("the consumer says %q", got)
	}
	if n := len(e.events()); n != 3 {
		t.Errorf("%d events: %v", n, e.events())
	}
	// The same through a repository that answers from this one, by a consumer who may read only that.
	through := upstreams.NewUpstream{Type: upstreams.TypeRepository, Repository: "main", Settings: upstreams.Settings{Through: true}}
	_, err := e.Core.CreateRepository(e.Admin, "all", registry.RepositoryChange{Also: e.Upstreams.Replacing(e.Admin, []upstreams.NewUpstream{through})})
	must(t, err)
	if got := says(t, strings.Replace(e.repo(), "/maven/main", "/maven/all", 1), e.ReadToken("all"), "1.0"); got != "hello, world" {
		t.Errorf("the consumer says %q through another repository", got)
	}
	facts := e.want(e.do(e.reader(), http.MethodGet, "/api/v1/repositories/main/packages/maven/com.acme:parent/versions/1.0", ""), "facts", 200)
	for _, w := range []string{"pkg:maven/com.acme/parent@1.0", "https://git.example.com/acme/lib", "Jenkins"} {
		if !strings.Contains(string(facts.Body), w) {
			t.Errorf("no %q in %s", w, facts.Body)
		}
	}
	// Again: the same bytes are no failure, others are, in words that Maven prints.
	ci.run(dir, "deploy", "-Dslipway.url="+e.repo())
	before := e.released()
	greeting(t, dir, "goodbye")
	ci.fail(dir, "com.acme:api:1.0 is already released with other content", "deploy", "-Dslipway.url="+e.repo())
	if after := e.released(); after != before {
		t.Errorf("after the refusal consumers get\n%s, before\n%s", after, before)
	}
	if n := len(e.events()); n != 3 {
		t.Errorf("%d events: %v", n, e.events())
	}
	name := registry.Name{Repository: "main", Format: "maven", Package: "com.acme:core"}
	must(t, e.Publisher.Edit(e.Admin, name, publish.Rights{access.Admin}, func(ed *publish.Edit) error { _, err := ed.SetTag("production", "1.0", ""); return err }))
	e.MustFsck(t)
}

// released is the sums of all that a consumer of the build downloads.
func (e *env) released() string {
	e.t.Helper()
	var sums strings.Builder
	for _, path := range []string{"parent/1.0/parent-1.0.pom", "api/1.0/api-1.0.pom", "api/1.0/api-1.0.jar", "core/1.0/core-1.0.pom", "core/1.0/core-1.0.jar", "core/1.0/core-1.0-sources.jar"} {
		res := e.want(e.do(e.reader(), http.MethodHead, "com/acme/"+path, ""), path, 200)
		fmt.Fprintf(&sums, "%s %s\n", path, res.Header.Get("X-Checksum-Sha256"))
	}
	return sums.String()
}

// TestMavenGroupWrites: one URL takes releases and snapshots, which two repositories keep, and serves both.
func TestMavenGroupWrites(t *testing.T) {
	e := newEnv(t, Options{})
	_, err := e.Core.CreateRepository(e.Admin, "snapshots", registry.RepositoryChange{})
	must(t, err)
	_, err = e.Core.CreateRepository(e.Admin, "all", registry.RepositoryChange{Also: e.Upstreams.Replacing(e.Admin, []upstreams.NewUpstream{
		{Type: upstreams.TypeRepository, Repository: "main", Settings: upstreams.Settings{Writes: true, WritesVersions: upstreams.Releases}},
		{Type: upstreams.TypeRepository, Repository: "snapshots", Settings: upstreams.Settings{Writes: true, WritesVersions: upstreams.Snapshots}},
	})})
	must(t, err)
	all := strings.Replace(e.repo(), "/maven/main", "/maven/all", 1)
	may := func(user string, actions []access.Action, repositories ...string) string {
		var grants []access.Grant
		for _, r := range repositories {
			grants = append(grants, access.Grant{Repository: r, Actions: actions})
		}
		return string(e.UserToken(user, 0, grants...))
	}
	publish := []access.Action{access.Read, access.Publish}
	ci := newMachine(t, all, may("ci", publish, "all", "main", "snapshots"), "")
	ci.run(project(t, "project", "1.0"), "deploy", "-Dslipway.url="+all)
	// Who may publish snapshots alone deploys them.
	dev := newMachine(t, all, may("dev", publish, "all", "snapshots"), "")
	snapshots := project(t, "project", "1.1-SNAPSHOT")
	dev.run(snapshots, "deploy", "-Dslipway.url="+all)
	dev.fail(project(t, "project", "1.2"), "403", "deploy", "-Dslipway.url="+all)
	secret := may("reader", []access.Action{access.Read}, "all", "main", "snapshots")
	if got := says(t, all, secret, "1.0"); got != "hello, world" {
		t.Errorf("the release says %q", got)
	}
	if got := e.names("main") + " " + e.names("snapshots") + " " + e.names("all"); got != "[1.0] [1.1-SNAPSHOT] []" {
		t.Errorf("versions: %s", got)
	}
	e.MustFsck(t)
}

// names are the versions of com.acme:core that a repository itself has.
func (e *env) names(repository string) string {
	list, err := e.Catalog.Versions(e.Admin, registry.Name{Repository: repository, Format: formatName, Package: "com.acme:core"}, catalog.VersionQuery{})
	if registry.KindOf(err) == registry.NotFound {
		err = nil
	}
	must(e.t, err)
	names := []string{}
	for _, v := range list {
		names = append(names, v.Name)
	}
	return fmt.Sprint(names)
}

// TestMavenSnapshots: every deploy is a build of its own, and consumers get the newest.
func TestMavenSnapshots(t *testing.T) {
	e := newEnv(t, Options{})
	ci := newMachine(t, e.repo(), string(e.publisher()), "")
	dir := project(t, "project", "1.1-SNAPSHOT")
	for i, text := range []string{"one", "two"} {
		if i > 0 {
			must(t, replace(filepath.Join(dir, "api/src/main/java/com/acme/api/Greeting.java"), `"one"`, `"two"`))
		} else {
			greeting(t, dir, text)
		}
		ci.run(dir, "-q", "deploy", "-Dslipway.url="+e.repo())
		e.get(e.reader(), "com/acme/core/1.1-SNAPSHOT/maven-metadata.xml", 200, fmt.Sprintf("<buildNumber>%d</buildNumber>", i+1), "<classifier>sources</classifier>")
		if got := says(t, e.repo(), e.ReadToken("main"), "1.1-SNAPSHOT"); got != text+", world" {
			t.Errorf("build %d: the consumer says %q", i+1, got)
		}
	}
	e.MustFsck(t)
}

// TestMavenOldPlugin: deploy plugin 2.7 sends sources behind the metadata.
func TestMavenOldPlugin(t *testing.T) {
	e := newEnv(t, Options{})
	ci := newMachine(t, e.repo(), string(e.publisher()), "")
	dir := project(t, "project", "1.0")
	ci.run(dir, "-q", "-Ddeploy.plugin=2.7", "deploy", "-Dslipway.url="+e.repo())
	e.get(e.reader(), "com/acme/core/1.0/core-1.0-sources.jar", 200)
	if got := says(t, e.repo(), e.ReadToken("main"), "1.0"); got != "hello, world" {
		t.Errorf("the consumer says %q", got)
	}
	if e.logged("PUT", "409") > 0 {
		t.Error("a late file was refused")
	}
}

// TestMavenRefused: wrong password, and a token that may only read.
func TestMavenRefused(t *testing.T) {
	e := newEnv(t, Options{})
	dir := project(t, "project", "1.0")
	newMachine(t, e.repo(), "wrong", "").fail(dir, "status: 401", "-N", "deploy", "-Dslipway.url="+e.repo())
	newMachine(t, e.repo(), e.ReadToken("main"), "").fail(dir, "may not publish in repository", "-N", "deploy", "-Dslipway.url="+e.repo())
	e.get(formatstest.Admin, "com/acme/parent/1.0/parent-1.0.pom", 404)
	// A token without the right to read is enough for a deploy.
	writer := newMachine(t, e.repo(), e.Token("main", access.Publish), "")
	writer.run(dir, "-q", "-N", "deploy", "-Dslipway.url="+e.repo())
	e.get(e.reader(), "com/acme/parent/1.0/parent-1.0.pom", 200)
}

// TestMavenKilled: a deploy that dies half way leaves nothing of the module it died in; the next one is whole.
func TestMavenKilled(t *testing.T) {
	e := newEnv(t, Options{})
	ci := newMachine(t, e.repo(), string(e.publisher()), "")
	dir := project(t, "project", "1.0")
	cmd, cancel := ci.command(dir, "deploy")
	defer cancel()
	reached, gone := make(chan struct{}, 1), make(chan struct{})
	url := e.proxy(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, "/core-1.0.pom") {
			return false
		}
		select {
		case reached <- struct{}{}:
		default: // it tries again
		}
		<-gone // nothing is read of the body, so the context does not tell
		return true
	}) + "/maven/main"
	cmd.Args = append(cmd.Args, "-Dslipway.url="+url)
	must(t, cmd.Start())
	<-reached
	must(t, cmd.Process.Kill())
	err := cmd.Wait()
	close(gone)
	if err == nil {
		t.Fatal("it was not killed")
	}
	for _, path := range []string{"core-1.0.jar", "core-1.0.pom"} {
		e.get(e.reader(), "com/acme/core/1.0/"+path, 404)
	}
	e.get(e.reader(), "com/acme/core/maven-metadata.xml", 404)
	e.get(e.reader(), "com/acme/api/1.0/api-1.0.jar", 200) // its own deploy was over
	ci.run(dir, "-q", "deploy", "-Dslipway.url="+e.repo())
	if got := says(t, e.repo(), e.ReadToken("main"), "1.0"); got != "hello, world" {
		t.Errorf("the consumer says %q", got)
	}
}

// TestMavenDamaged: a proxy damages one checksum. Maven only warns of that, so the deploy fails at its metadata.
func TestMavenDamaged(t *testing.T) {
	e := newEnv(t, Options{})
	ci := newMachine(t, e.repo(), string(e.publisher()), "")
	dir := project(t, "project", "1.0")
	var damage atomic.Bool
	damage.Store(true)
	url := e.proxy(func(_ http.ResponseWriter, r *http.Request) bool {
		if damage.Load() && r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/parent-1.0.pom.sha1") {
			r.Body = io.NopCloser(strings.NewReader(strings.Repeat("0", 40)))
		}
		return false
	}) + "/maven/main"
	// httputil's proxy writes standard reason phrases, so the sentence is not in Maven's output here.
	ci.fail(dir, "maven-metadata.xml, status: 409", "-N", "deploy", "-Dslipway.url="+url)
	e.get(e.reader(), "com/acme/parent/1.0/parent-1.0.pom", 404)
	damage.Store(false)
	ci.run(dir, "-q", "-N", "deploy", "-Dslipway.url="+url)
	e.get(e.reader(), "com/acme/parent/1.0/parent-1.0.pom", 200)
}

// TestMavenPublish: a header in settings.xml holds all modules until they are committed as one.
func TestMavenPublish(t *testing.T) {
	e := newEnv(t, Options{})
	token := e.publisher()
	ci := newMachine(t, e.repo(), string(token), formats.PublishHeader+": release-7")
	dir := project(t, "project", "1.0")
	ci.run(dir, "-q", "deploy", "-Dslipway.url="+e.repo())
	for _, path := range []string{"parent/1.0/parent-1.0.pom", "api/1.0/api-1.0.jar", "core/maven-metadata.xml"} {
		e.get(e.reader(), "com/acme/"+path, 404)
	}
	e.want(e.do(token, http.MethodPost, "/api/v1/publishes/release-7/commit", ""), "commit", 200, "pkg:maven/com.acme/core@1.0")
	if got := says(t, e.repo(), e.ReadToken("main"), "1.0"); got != "hello, world" {
		t.Errorf("the consumer says %q", got)
	}
}

// TestMavenParallel: several Mavens deploy versions of one artifact at once.
func TestMavenParallel(t *testing.T) {
	const deploys = 4
	e := newEnv(t, Options{})
	token := string(e.publisher())
	var wg sync.WaitGroup
	for i := range deploys {
		version := fmt.Sprintf("1.%d", i)
		dir := project(t, "project", version)
		ci := newMachine(t, e.repo(), token, "")
		wg.Go(func() {
			cmd, cancel := ci.command(dir, "-q", "-N", "deploy", "-Dslipway.url="+e.repo())
			defer cancel()
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", version, err, out)
			}
		})
	}
	wg.Wait()
	doc := string(e.get(e.reader(), "com/acme/parent/maven-metadata.xml", 200).Body)
	for i := range deploys {
		if !strings.Contains(doc, fmt.Sprintf("<version>1.%d</version>", i)) {
			t.Errorf("1.%d is not in\n%s", i, doc)
		}
	}
}

// TestCurl: single PUTs are seen by others once they are complete and quiet.
func TestCurl(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		missing(t, "curl is not installed")
	}
	e := newEnv(t, Options{Quiet: quiet})
	token := string(e.publisher())
	dir := t.TempDir()
	for name, body := range map[string]string{"lib-1.0.jar": "bytes", "lib-1.0.pom": pomOf("lib", "1.0", "")} {
		file := filepath.Join(dir, name)
		must(t, os.WriteFile(file, []byte(body), 0o600))
		out, err := exec.Command("curl", "-fsS", "-u", "ci:"+token, "-T", file, e.repo()+"/com/acme/lib/1.0/"+name).CombinedOutput()
		if err != nil {
			t.Fatalf("curl: %v\n%s", err, out)
		}
	}
	e.get(formatstest.As(token), "com/acme/lib/1.0/lib-1.0.jar", 200)
	e.eventually(e.reader(), "com/acme/lib/1.0/lib-1.0.jar", 200)
}

// TestMavenOrder compares the order of versions with Maven's own.
func TestMavenOrder(t *testing.T) {
	jars, err := filepath.Glob(filepath.Join(m2(t), "org/apache/maven/maven-artifact/4.*/maven-artifact-4.*.jar"))
	must(t, err)
	if len(jars) == 0 {
		missing(t, "maven-artifact is not there")
	}
	var list []string
	for _, row := range ascending {
		list = append(list, row...)
	}
	out, err := exec.Command("java", append([]string{"-cp", jars[0], "org.apache.maven.artifact.versioning.ComparableVersion"}, list...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	found := regexp.MustCompile(`(?m)^   (\S*) (<|==|>) (\S+)$`).FindAllStringSubmatch(string(out), -1)
	if len(found) != len(list)-1 {
		t.Fatalf("%d comparisons of %d versions:\n%s", len(found), len(list), out)
	}
	for _, m := range found {
		a, _ := versionKey(m[1])
		b, _ := versionKey(m[3])
		want := map[string]int{"<": -1, "==": 0, ">": 1}[m[2]]
		if got := strings.Compare(string(a), string(b)); got != want {
			t.Errorf("Maven says %q %s %q; ours is %d", m[1], m[2], m[3], got)
		}
	}
}
