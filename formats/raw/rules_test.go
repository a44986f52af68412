package raw_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/formats/formatstest"
	"slipway/metadata"
	"slipway/registry/policy"
)

// TestDeniedNames: what a rule denies is in no folder and in no list of sums: packages, versions, and files by their bytes, on however many
// pages they are. What is left keeps its order, and each page is full.
func TestDeniedNames(t *testing.T) {
	s := newServer(t)
	for _, name := range []string{"evil/1.0/tool", "tool/1.0/tool", "tool/2.0/tool"} {
		if res := s.Do(formatstest.Admin, put(name, "content of "+name)); res.Status != http.StatusCreated {
			t.Fatal(res)
		}
	}
	for i := range 9 {
		if res := s.Do(formatstest.Admin, put(fmt.Sprintf("many/1.0/dir/f%d", i), fmt.Sprint("file ", i/6))); res.Status != http.StatusCreated {
			t.Fatal(res)
		}
	}
	s.AddRule(metadata.Rule{Action: policy.Deny, Match: "pkg:generic/evil"})
	s.AddRule(metadata.Rule{Action: policy.Deny, Match: "pkg:generic/tool@2.0"})
	s.AddRule(metadata.Rule{Action: policy.Deny, Match: digest.FromString("file 0").String()})
	names := func(path string) string {
		t.Helper()
		res := s.Do(formatstest.Admin, get(path+"?format=txt"))
		if res.Status != http.StatusOK {
			t.Errorf("%s: %v", path, res)
		}
		return strings.Join(strings.Fields(string(res.Body)), " ")
	}
	for path, want := range map[string]string{"": "many/ tool/", "tool/": "1.0/", "many/1.0/": "dir/", "many/1.0/dir/": "f6 f7 f8"} {
		if got := names(path); got != want {
			t.Errorf("%q has %q, want %q", path, got, want)
		}
	}
	if res := s.Do(formatstest.Admin, get("many/1.0/dir/?format=json&limit=2")); !strings.Contains(string(res.Body), `"f7"`) || strings.Contains(string(res.Body), `"f0"`) || !strings.Contains(string(res.Body), `"next":"`) {
		t.Errorf("a page: %v", res)
	}
	if res := s.Do(formatstest.Admin, get("many/1.0/dir/SHA256SUMS")); res.Status != http.StatusOK || strings.Count(string(res.Body), "\n") != 3 {
		t.Errorf("sums: %v", res)
	}
	for _, path := range []string{"evil/", "evil/1.0/", "evil/1.0/tool", "tool/2.0/", "tool/2.0/tool.sha256", "many/1.0/dir/f0"} {
		if res := s.Do(formatstest.Admin, get(path)); res.Status != http.StatusForbidden {
			t.Errorf("%s: %v", path, res)
		}
	}
}
