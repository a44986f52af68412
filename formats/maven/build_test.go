package maven

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/registry"
	"slipway/registry/registrytest"
)

// TestLatest: which file stands for a pair.
func TestLatest(t *testing.T) {
	tg, err := parsePath("/maven/main/com/acme/lib/1-SNAPSHOT/maven-metadata.xml")
	must(t, err)
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	for want, files := range map[string][]registry.File{
		"lib-1-20260102.000000-2.jar": {{Path: "lib-1-20260101.000000-1.jar"}, {Path: "lib-1-20260102.000000-2.jar"}},
		"lib-1-20260101.000000-1.jar": {{Path: "lib-1-20260101.000000-1.jar"}, {Path: "lib-1-20260101.000000-1.pom"}, {Path: "lib-1-20260102.000000-2.jar"}},
		"lib-1-20260103.000000-3.jar": {{Path: "lib-1-20260101.000000-1.pom"}, {Path: "lib-1-20260102.000000-2.jar"}, {Path: "lib-1-20260103.000000-3.jar"}},
		"lib-1-SNAPSHOT.jar":          {{Path: "lib-1-20260101.000000-1.jar", AddedAt: day(1)}, {Path: "lib-1-SNAPSHOT.jar", AddedAt: day(2)}},
		"lib-1-20260104.000000-4.jar": {{Path: "lib-1-20260104.000000-4.jar", AddedAt: day(4)}, {Path: "lib-1-SNAPSHOT.jar", AddedAt: day(2)}},
	} {
		if got := latest(builds(tg, files, nil))[pair{"", "jar"}].Path; got != want {
			t.Errorf("%s of %v, want %s", got, files, want)
		}
	}
	// A version of many files, each with a classifier of its own, takes one pass, some times as long as to group them. One pass for
	// each pair takes hundreds of times as long.
	var files []registry.File
	const many = 10_000
	for i := range many {
		files = append(files, registry.File{Path: fmt.Sprintf("lib-1-20260102.030405-1-c%d.jar", i)})
	}
	start := time.Now()
	bs := builds(tg, files, nil)
	grouped := time.Now()
	if m := snapshotDocument(tg, registry.Version{Name: "1-SNAPSHOT"}, bs); len(m.Versioning.SnapshotVers.SnapshotVersion) != many {
		t.Errorf("%d files", len(m.Versioning.SnapshotVers.SnapshotVersion))
	}
	if group, rest := grouped.Sub(start), time.Since(grouped); rest > 50*group+time.Second {
		t.Errorf("%d files are grouped in %v, but their document takes %v", many, group, rest)
	}
}

// TestLiteralCost: a literal snapshot name is looked for among all builds once, and again when there is another one.
func TestLiteralCost(t *testing.T) {
	var rows atomic.Int64
	e := newEnvOn(t, Options{}, formatstest.Options{Core: []registrytest.Option{registrytest.CountRows(&rows)}})
	const builds, name = 100, "com/acme/lib/1-SNAPSHOT/lib-1-SNAPSHOT.jar"
	for i := range builds {
		e.put(formatstest.Admin, fmt.Sprintf("com/acme/lib/1-SNAPSHOT/lib-1-20260102.%06d-%d.jar", i, i+1), fmt.Sprint("build ", i), 201)
		e.put(formatstest.Admin, "com/acme/lib/1-SNAPSHOT/maven-metadata.xml", `<metadata/>`, 201)
		if i < builds-2 {
			continue
		}
		e.get(formatstest.Admin, name, 200, fmt.Sprint("build ", i))
		before := rows.Load()
		e.get(formatstest.Admin, name, 200, fmt.Sprint("build ", i))
		if n := rows.Load() - before; n > builds/2 {
			t.Errorf("%d records for a name that was asked for before", n)
		}
	}
}
