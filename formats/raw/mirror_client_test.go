package raw_test

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"slipway/formats/formatstest"
	"slipway/formats/raw"
	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/upstreams"
)

// TestCurlMirror: curl gets files from a web server elsewhere, each in one transfer however many ask for it, and again while that server
// is down; what is published or reserved here comes from here alone. No answer names that server's address.
func TestCurlMirror(t *testing.T) {
	t.Parallel()
	u := upstreamtest.New(t, upstreamtest.Options{})
	srv := formatstest.NewServer(t, formatstest.Options{Local: true, Wrap: formatstest.NoLeaks(t, u.Origin.Addr, u.CDN.Addr).Wrap}, raw.New())
	list := []upstreams.NewUpstream{{Type: metadata.UpstreamRepository, Repository: "main", Settings: upstreams.Settings{Through: true}},
		{Name: "up", Type: metadata.UpstreamRemote, Format: "raw", URL: u.RawURL()}}
	if _, err := srv.Core.CreateRepository(srv.Admin, "all", registry.RepositoryChange{Also: srv.Upstreams.Replacing(srv.Admin, list)}); err != nil {
		t.Fatal(err)
	}
	if _, err := srv.Upstreams.AddClaim(srv.Admin, upstreams.Claim{Repository: "main", Claim: metadata.Claim{Format: "raw", Pattern: "corp*"}}); err != nil {
		t.Fatal(err)
	}
	c := &curl{t: t, srv: srv, dir: t.TempDir(), url: srv.URL + "/raw/all/"}
	netrc := func(token string) { c.write(".netrc", "machine 127.0.0.1 login ci password "+token+"\n") }
	file := u.RawGenerated("tool/1.0/tool-1.0.tar.gz", 8<<20)
	for _, path := range []string{"own/9.0/f", "corp-tool/1.0/f"} {
		u.Raw(path, []byte("theirs"))
	}
	c.write("f", "ours\n")
	netrc(srv.Token("main", access.Read, access.Publish))
	c.want("201", "-T", "f", srv.URL+"/raw/main/own/1.0/f")

	netrc(srv.ReadToken("all"))
	same := func(name string) {
		t.Helper()
		if got, err := os.ReadFile(filepath.Join(c.dir, name)); err != nil || !bytes.Equal(got, file.Bytes()) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	var all sync.WaitGroup
	for _, name := range []string{"one", "two", "three"} {
		all.Go(func() {
			if out, code := c.run(nil, "curl", "--fail", "-o", name, c.url+"tool/1.0/tool-1.0.tar.gz"); code != 0 {
				t.Errorf("exit %d: %s", code, out)
			}
			same(name)
		})
	}
	all.Wait()
	c.write("half", string(file.Bytes()[:5<<20]))
	if out, code := c.run(nil, "curl", "--fail", "-C", "-", "-o", "half", c.url+"tool/1.0/tool-1.0.tar.gz"); code != 0 {
		t.Errorf("resumed: exit %d: %s", code, out)
	}
	same("half")
	u.AskedOnce(t, "GET", file.Path)
	c.want("200", c.url+"own/1.0/f")
	for _, path := range []string{"own/9.0/f", "corp-tool/1.0/f", "tool/2.0/f"} {
		c.want("404", c.url+path)
		c.want("404", "-I", c.url+path)
	}
	u.NeverAsked(t, "/raw/own/**")
	u.NeverAsked(t, "/raw/corp**")
	u.Origin.Down()
	if out, code := c.run(nil, "curl", "--fail", "-o", "down", c.url+"tool/1.0/tool-1.0.tar.gz"); code != 0 {
		t.Errorf("while it is down: exit %d: %s", code, out)
	}
	same("down")
	c.want("503", c.url+"tool/3.0/f")
	srv.MustFsck(t)
}
