package oci_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/registry/access"
	"slipway/registry/catalog"
)

const chartType = "application/vnd.cncf.helm.config.v1+json"

// TestHelm is acceptance 46 to 48: charts by Helm 3 and 4, with their provenance files and with what their annotations say.
func TestHelm(t *testing.T) {
	long(t)
	s := newServer(t, formatstest.Options{})
	for _, helm := range []string{"helm", "helm-3"} {
		t.Run(helm, func(t *testing.T) {
			m := newMachine(t, s)
			m.recordsAs("Helm", helm, "registry login, push, show, pull by versions and ranges, provenance, logout", "version", "--short")
			repository := "charts-" + helm
			charts := "oci://" + s.Addr + "/main/" + repository
			chart := func(version string) string {
				t.Helper()
				m.file("hello/Chart.yaml", []byte("apiVersion: v2\nname: hello\nversion: "+version+"\nappVersion: \"7\"\ndescription: says hello\nsources: [https://git.example.com/team/hello]\n"+
					"annotations:\n  org.opencontainers.image.revision: 0123456789abcdef0123456789abcdef01234567\n"))
				m.file("hello/templates/note.yaml", []byte("kind: ConfigMap\n"))
				m.ok(helm, "package", "hello")
				return "hello-" + version + ".tgz"
			}
			first, second, built := chart("1.2.0"), chart("1.3.0"), chart("2.0.0+build.7")
			provenance := []byte("provenance of hello\n")
			m.file(first+".prov", provenance)
			m.fails("denied|unauthorized|401", helm, "push", "--plain-http", first, charts)
			m.fails("unauthorized|401", helm, "registry", "login", "--plain-http", "-u", "ci", "-p", "slp_wrong", s.Addr)
			m.ok(helm, "registry", "login", "--plain-http", "-u", "ci", "-p", string(s.token("main", access.Read, access.Publish)), s.Addr)
			for _, file := range []string{first, second, built} {
				m.ok(helm, "push", "--plain-http", file, charts)
			}
			m.ok(helm, "push", "--plain-http", second, charts) // again
			if out := m.ok(helm, "show", "chart", "--plain-http", charts+"/hello", "--version", "1.2.0"); !strings.Contains(out, "description: says hello") {
				t.Errorf("show chart: %s", out)
			}
			pulled := filepath.Join(m.home, "pulled")
			must(t, os.MkdirAll(pulled, 0o700))
			m.ok(helm, "pull", "--plain-http", charts+"/hello", "--version", "1.2.0", "--prov", "-d", pulled)
			m.ok(helm, "pull", "--plain-http", charts+"/hello", "--version", "~1.3", "-d", pulled) // from the list of tags
			m.ok(helm, "pull", "--plain-http", charts+"/hello", "-d", pulled)                      // the newest
			for _, file := range []string{first, first + ".prov", second, built} {
				got, err := os.ReadFile(filepath.Join(pulled, file))
				must(t, err)
				if want, err := os.ReadFile(filepath.Join(m.home, file)); err != nil || string(got) != string(want) {
					t.Errorf("%s: pulled %d bytes, pushed %d, %v", file, len(got), len(want), err)
				}
			}
			var manifest man
			must(t, json.Unmarshal(s.want(http.StatusOK, admin, http.MethodGet, "main/"+repository+"/hello/manifests/2.0.0_build.7", nil).Body, &manifest))
			if manifest.Config.MediaType != chartType || manifest.Annotations["org.opencontainers.image.source"] != "https://git.example.com/team/hello" {
				t.Errorf("manifest: %+v", manifest)
			}
			if hits, err := s.History.Search(s.Admin, catalog.VersionSearch{Query: "commit:0123456789abcdef name:" + repository + "/hello"}); err != nil || len(hits) != 3 {
				t.Errorf("charts of the commit: %d, %v", len(hits), err)
			}
			m.ok(helm, "registry", "logout", s.Addr)
			m.fails("unauthorized|401|not found", helm, "pull", "--plain-http", charts+"/hello", "--version", "1.2.0")
			m.file(".config/helm/registry/config.json", m.auths(string(s.token("main", access.Read)))) // as slipway login helm writes it
			m.ok(helm, "pull", "--plain-http", charts+"/hello", "--version", "1.2.0", "-d", t.TempDir())
			m.fails("denied|403", helm, "push", "--plain-http", first, charts)
		})
	}
	s.MustFsck(t)
}
