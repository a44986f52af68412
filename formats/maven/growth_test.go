package maven

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/registry/registrytest"
)

// TestGrowth: what a PUT reads does not grow with the files that are staged beside it, those that the version holds, or the
// builds of a snapshot.
func TestGrowth(t *testing.T) {
	var rows atomic.Int64
	e := &env{t: t, Server: formatstest.NewServer(t, formatstest.Options{Core: []registrytest.Option{registrytest.CountRows(&rows)}},
		New(Options{Quiet: time.Hour}))}
	reads := func(of func()) int64 {
		before := rows.Load()
		of()
		return rows.Load() - before
	}
	same := func(what string, few, many int64) {
		t.Helper()
		if many > few {
			t.Errorf("%s reads %d records beside few and %d beside many", what, few, many)
		}
	}
	const few, many = 10, 150
	file := func(i int) string { return fmt.Sprintf("com/acme/lib/1.0/lib-1.0-part%03d.jar", i) }
	put := func(i int) {
		sum := sha1.Sum([]byte(file(i)))
		e.put(formatstest.Admin, file(i), file(i), http.StatusCreated)
		e.put(formatstest.Admin, file(i)+".sha1", hex.EncodeToString(sum[:]), http.StatusCreated)
	}
	var staged, late, again, built [many + 1]int64
	for i := range staged {
		staged[i] = reads(func() { put(i) })
	}
	same("a staged file", staged[few], staged[many])
	e.deploy(formatstest.Admin, "1.0", "jar")
	for i := range late {
		late[i] = reads(func() { put(1000 + i) })
		again[i] = reads(func() {
			e.put(formatstest.Admin, file(1000+i), file(1000+i), http.StatusOK)
		})
	}
	same("a late file", late[few], late[many])
	same("the same file again", again[few], again[many])
	for i := range built {
		build := fmt.Sprintf("20260102.%06d-%d", i, i+1)
		at := "com/acme/lib/1.1-SNAPSHOT/"
		built[i] = reads(func() {
			e.put(formatstest.Admin, at+"lib-1.1-"+build+".jar", build, http.StatusCreated)
			e.put(formatstest.Admin, at+"lib-1.1-"+build+".pom", pomOf("lib", "1.1-SNAPSHOT", ""), http.StatusCreated)
			e.put(formatstest.Admin, at+"maven-metadata.xml", `<metadata><groupId>com.acme</groupId><artifactId>lib</artifactId><version>1.1-SNAPSHOT</version></metadata>`,
				http.StatusCreated)
			e.put(formatstest.Admin, at+"lib-1.1-"+build+"-sources.jar", build, http.StatusCreated) // late
		})
	}
	same("a build", built[few], built[many])
}
