package maven

import (
	"fmt"
	"strings"
	"testing"

	"slipway/registry"
	"slipway/registry/content"
	"slipway/registry/staging"
)

// TestReleaseOfAnother: files are added to a release by its publisher only, also when it appeared after they were looked at.
func TestReleaseOfAnother(t *testing.T) {
	e := newEnv(t, Options{})
	at := registry.Name{Repository: "main", Format: formatName, Package: "com.acme:lib", Display: "com.acme:lib"}.At("1.0")
	p, err := e.Publisher.Begin(e.Admin, at.Name)
	must(t, err)
	defer p.Abort()
	st, err := p.Stage(e.Admin, content.StageFile{Path: "lib-1.0-extra.jar"}, strings.NewReader("x"))
	must(t, err)
	rel, err := assembly{Assembly: staging.Assembly{Open: e.Content.OpenBlob, At: at, Files: []registry.StagedFile{
		{Format: formatName, Package: at.Package, Version: at.Version, Path: st.Path, Blob: st.Blob}}}}.release(e.Admin)
	must(t, err)
	rel.Files = nil
	e.deploy(e.publisher(), "1.0", "of somebody else")
	if _, err := p.Commit(e.Admin, rel); registry.KindOf(err) != registry.AlreadyExists {
		t.Errorf("a file for another's release: %v", err)
	}
	e.get(e.reader(), "com/acme/lib/1.0/lib-1.0-extra.jar", 404)
}

// snapshotOf is metadata of a snapshot version with n pairs.
func snapshotOf(n int) []byte {
	var b strings.Builder
	b.WriteString(`<metadata><versioning><snapshotVersions>`)
	for i := range n {
		fmt.Fprintf(&b, `<snapshotVersion><classifier>a.b%d</classifier><extension>c.d</extension><value>1</value></snapshotVersion>`, i)
	}
	b.WriteString(`</snapshotVersions></versioning></metadata>`)
	return []byte(b.String())
}

// TestMergeCost: what the transaction of a deploy costs does not grow with the client's metadata, which is bounded.
func TestMergeCost(t *testing.T) {
	if _, err := parseMetadata(snapshotOf(maxPairs + 1)); registry.KindOf(err) != registry.Invalid {
		t.Errorf("too many pairs: %v", err)
	}
	doc, err := parseMetadata(snapshotOf(maxPairs))
	must(t, err)
	at := registry.Name{Repository: "main", Format: formatName, Package: "com.acme:lib"}.At("1-SNAPSHOT")
	a := assembly{known: doc.pairs, Assembly: staging.Assembly{At: at}}
	const files = 200
	for i := range files {
		a.Files = append(a.Files, registry.StagedFile{Format: formatName, Package: at.Package, Version: at.Version,
			Path: fmt.Sprintf("lib-1-20260102.030405-1-a.b%d.c.d", maxPairs-1-i)})
	}
	rel, err := a.release(t.Context())
	must(t, err)
	var raw []byte
	if n := testing.AllocsPerRun(1, func() { raw, err = rel.Merge([]byte(`{"pairs":{"old":["a","b"]}}`)) }); n > 20*files {
		t.Errorf("%.0f allocations for %d files", n, files)
	}
	must(t, err)
	if d := readDescriptor(raw); len(d.Pairs) != files+1 || d.Pairs[a.Files[0].Path] != [2]string{fmt.Sprintf("a.b%d", maxPairs-1), "c.d"} {
		t.Errorf("%d pairs: %v", len(d.Pairs), d.Pairs[a.Files[0].Path])
	}
}
