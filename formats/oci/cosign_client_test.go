package oci_test

import (
	"net/http"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/registry/catalog"
)

// TestCosign is acceptance 49 to 52: signatures, attestations and SBOMs by a key, in tags and as referrers, without a service
// outside.
func TestCosign(t *testing.T) {
	long(t)
	s := newServer(t, formatstest.Options{Local: true})
	s.Group("all", "main")
	plain := []string{"--allow-insecure-registry", "--allow-http-registry"}
	// How it signs into tags, and into referrers.
	modes := []struct {
		mode, client  string
		sign, verify  []string
		referrersOnly bool
	}{
		{"tags", "cosign", []string{"--use-signing-config=false", "--new-bundle-format=false"}, []string{"--new-bundle-format=false"}, false},
		{"referrers", "cosign", []string{"--use-signing-config=false"}, nil, true},
		{"tags", "cosign-2", nil, nil, false},
	}
	for _, mode := range modes {
		t.Run(mode.client+" "+mode.mode, func(t *testing.T) {
			m := newMachine(t, s)
			m.publisher()
			m.recordsAs("cosign", mode.client, "sign, attest, verify, attach; in "+mode.mode, "version")
			m.env = append(m.env, "COSIGN_PASSWORD=", "COSIGN_EXPERIMENTAL=1", "SIGSTORE_NO_CACHE=1")
			run := func(args ...string) string {
				t.Helper()
				return m.ok(mode.client, append(args[:1:1], append(plain, args[1:]...)...)...)
			}
			image := "main/signed/" + mode.client + "-" + mode.mode
			m.ok("crane", "append", "--oci-empty-base", "-f", m.layer("one", mode.mode), "-t", s.Addr+"/"+image+":1.0")
			d := m.ok("crane", "digest", s.Addr+"/"+image+":1.0")
			ref := s.Addr + "/" + image + "@" + d
			before := len(s.events())

			m.ok(mode.client, "generate-key-pair")
			m.file("predicate.json", []byte(`{"spdxVersion":"SPDX-2.3"}`))
			key := []string{"--key", "cosign.key", "--tlog-upload=false", "--yes"}
			run(append(append(append([]string{"sign"}, mode.sign...), key...), ref)...)
			public := []string{"--key", "cosign.pub", "--insecure-ignore-tlog=true"}
			if out := run(append(append(append([]string{"verify"}, mode.verify...), public...), ref)...); mode.mode == "tags" && !strings.Contains(out, d) {
				t.Errorf("verify: %s", out)
			}
			tags := string(s.want(http.StatusOK, admin, http.MethodGet, image+"/tags/list", nil).Body)
			if signature := strings.Replace(d, ":", "-", 1) + ".sig"; strings.Contains(tags, signature) == mode.referrersOnly {
				t.Errorf("tags: %s", tags)
			}
			referrers := string(s.want(http.StatusOK, admin, http.MethodGet, image+"/referrers/"+d, nil).Body)
			if strings.Contains(referrers, `"artifactType"`) != mode.referrersOnly {
				t.Errorf("referrers: %s", referrers)
			}
			run(append(append(append([]string{"attest", "--type", "spdxjson", "--predicate", "predicate.json"}, mode.sign...), key...), ref)...)
			run(append(append(append([]string{"verify-attestation", "--type", "spdxjson"}, mode.verify...), public...), ref)...)
			if mode.mode == "tags" {
				m.ok(mode.client, append([]string{"attach", "sbom", "--sbom", "predicate.json", "--type", "spdx", ref}, plain...)...)
			}
			query := "name:" + strings.TrimPrefix(image, "main/") + " -is:attached"
			if hits, err := s.History.Search(s.Admin, catalog.VersionSearch{Query: query}); err != nil || len(hits) != 1 {
				t.Errorf("%s finds %d, %v", query, len(hits), err)
			}
			// Through a repository that answers from this one.
			run(append(append(append([]string{"verify"}, mode.verify...), public...), s.Addr+"/all/"+strings.TrimPrefix(image, "main/")+"@"+d)...)
			for _, e := range s.events()[before:] {
				if strings.Contains(e.Type, "artifact.") || strings.Contains(e.Type, ".tag.") {
					t.Errorf("signing is told as %s", e.Type)
				}
			}
			// A signature of the same image elsewhere does not verify with another key.
			m.ok(mode.client, "generate-key-pair", "--output-key-prefix", "other")
			out, code := m.run(mode.client, append(append(append([]string{"verify", "--key", "other.pub", "--insecure-ignore-tlog=true"}, plain...), mode.verify...), ref)...)
			if code == 0 {
				t.Errorf("another key verifies: %s", out)
			}
		})
	}
	s.MustFsck(t)
}
