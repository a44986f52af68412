package ui_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/metadata"
)

// TestDependents: a package names who needs it, in the repositories that the visitor may read, by what the newest version that is there declares;
// what was published before there was such a list is on it too.
func TestDependents(t *testing.T) {
	s := wares(t)
	s.publishNPM("left-pad", "1.3.0", map[string]any{})
	s.publishNPM("@acme/old", "1.0.0", map[string]any{"dependencies": map[string]string{"left-pad": "^0.9"}})
	s.publishNPM("@acme/old", "2.0.0", map[string]any{"devDependencies": map[string]string{"left-pad": "^1.0"}})
	s.publishNPM("@acme/none", "1.0.0", map[string]any{"dependencies": map[string]string{"right-pad": "*"}})
	page := func(as formatstest.As, path string) string { return s.page(as, "/r/main/"+path+"/-/dependencies") }
	check := func(what, page string, has, lacks []string) {
		t.Helper()
		_, page, _ = strings.Cut(page, `id="dependents"`)
		for _, text := range has {
			if !strings.Contains(page, text) {
				t.Errorf("%s: no %q", what, text)
			}
		}
		for _, text := range lacks {
			if strings.Contains(page, text) {
				t.Errorf("%s has %q", what, text)
			}
		}
	}
	check("npm", page(formatstest.Admin, "npm/left-pad"), []string{">@acme/web<", "^1.3.0", ">@acme/old<", "v/2.0.0", "^1.0", "development"}, []string{"^0.9", "@acme/none"})
	if own := page(formatstest.Admin, "npm/@acme/web"); !strings.Contains(own, "^1.3.0") || !strings.Contains(own, ">mocha<") {
		t.Error("the dependencies of the newest version are missing")
	}
	s.send(http.MethodDelete, "/api/v1/repositories/main/packages/npm/@acme%2Fold/versions/2.0.0", "", http.StatusNoContent)
	check("after a deletion", page(formatstest.Admin, "npm/left-pad"), []string{"v/1.0.0", "^0.9"}, []string{"v/2.0.0"})
	s.publishWheel("consumer-1.0-py3-none-any.whl", "Metadata-Version: 2.4\nName: consumer\nVersion: 1.0\nRequires-Dist: Acme.Tool>=2\n")
	check("pypi, in another spelling", page(formatstest.Admin, "pypi/acme-tool"), []string{">consumer<", "&gt;=2"}, nil)
	s.publishSdist("consumer", "1.1", "Metadata-Version: 2.4\nName: consumer\nVersion: 1.1\nRequires-Dist: acme-tool>=2.1\n")
	check("pypi, a newer version", page(formatstest.Admin, "pypi/acme-tool"), []string{"v/1.1", "&gt;=2.1"}, []string{"v/1.0"})
	pom := func(version, dependencies string) {
		s.put(fmt.Sprintf("/maven/other/com/acme/shop/%s/shop-%s.pom", version, version), fmt.Appendf(nil, `<project><groupId>com.acme</groupId><artifactId>shop</artifactId><version>%s</version><packaging>pom</packaging><dependencies>%s</dependencies></project>`, version, dependencies),
			"application/xml", http.StatusCreated)
	}
	s.send(http.MethodPatch, "/api/v1/repositories/other", `{"settings":{"maven_immediate":true}}`, http.StatusOK)
	pom("1", "<dependency><groupId>com.acme</groupId><artifactId>lib</artifactId><version>3.2.1</version><scope>test</scope></dependency>")
	check("maven, of another repository", page(formatstest.Admin, "maven/com.acme:lib"), []string{">com.acme:shop<", "in other", "3.2.1", "<td>test"}, nil)
	ann := formatstest.As(s.ReadToken("main"))
	check("maven, to who may not read it", page(ann, "maven/com.acme:lib"), []string{"None that you may see."}, []string{"shop", "other"})
	res := s.Do(ann, formatstest.Request{Path: "/api/v1/repositories/main/packages/maven/com.acme:lib/dependents"})
	if res.Status != http.StatusOK || strings.Contains(string(res.Body), "shop") {
		t.Errorf("by the API: %v", res)
	}
	// Old data: the list begins anew from the log, in more than one step.
	for i := range 60 {
		s.publishNPM(fmt.Sprintf("many-%02d", i), "1.0.0", map[string]any{"dependencies": map[string]string{"right-pad": "*"}})
	}
	if err := s.Metadata.Update(t.Context(), func(tx metadata.Tx) error { return tx.Settings().PutSetting("dependents.entries", "0") }); err != nil {
		t.Fatal(err)
	}
	if err := s.Dependents.Index(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := page(formatstest.Admin, "npm/@acme/none")
	check("of a package that nobody needs", first, []string{"None that you may see."}, nil)
	s.publishNPM("right-pad", "1.0.0", map[string]any{})
	check("many, page by page", page(formatstest.Admin, "npm/right-pad"), []string{"@acme/none", "many-48", `rel="next"`}, []string{"many-59"})
	s.MustFsck(t)
}
