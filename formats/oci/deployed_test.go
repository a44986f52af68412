package oci_test

import (
	"net/http"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/registry"
	"slipway/registry/catalog"
	"slipway/registry/deploy"
)

// TestD3: an image that runs stays pullable by digest, with every part of it, whatever is retagged, deleted and collected;
// after another deployment it can go.
func TestD3(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	const image = "main/team/app"
	amd, arm := s.image(image, `{"architecture":"amd64"}`, "amd layer"), s.image(image, `{"architecture":"arm64"}`, "arm layer")
	parts := []string{s.push(image, "", amd).String(), s.push(image, "", arm).String()}
	index := man{SchemaVersion: 2, MediaType: indexType, Manifests: []desc{amd.desc(), arm.desc()}}
	old := s.push(image, "production", index)
	next := s.image(image, `{"next":true}`, "next layer")
	report := func(r deploy.Report) registry.Deployment {
		t.Helper()
		r.Environment, r.Service, r.Repository, r.Status = "prod", "web", "main", deploy.DeploymentSucceeded
		d, _, err := s.Deploy.ReportDeployment(s.Admin, r)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	byDigest := report(deploy.Report{Digest: old})
	if again := report(deploy.Report{PURL: byDigest.PURL}); again.VersionID != byDigest.VersionID {
		t.Errorf("by purl %+v, by digest %+v", again, byDigest)
	}

	s.push(image, "production", next)
	for _, d := range append(parts, old.String()) {
		res := s.refused(http.StatusForbidden, "DENIED", admin, http.MethodDelete, image+"/manifests/"+d, nil)
		if !strings.Contains(string(res.Body), `\"web\" runs it in environment \"prod\" since 20`) {
			t.Errorf("the refusal does not say why: %v", res)
		}
	}
	s.DropLeases(registry.Name{Repository: "main", Format: "oci", Package: "team/app"})
	s.collect()
	s.closure(image, old.String())

	report(deploy.Report{Digest: digestOf(next.bytes())})
	for _, d := range append([]string{old.String()}, parts...) {
		s.want(http.StatusAccepted, admin, http.MethodDelete, image+"/manifests/"+d, nil)
	}
	s.DropLeases(registry.Name{Repository: "main", Format: "oci", Package: "team/app"})
	if r := s.collect(); r.Blobs == 0 {
		t.Errorf("nothing was collected: %+v", r)
	}
	s.closure(image, "production")
	s.MustFsck(t)
}

// TestIndexFacts: an index says of its origin what its platforms agree on, so that a query by commit finds it.
func TestIndexFacts(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	const image = "main/app"
	const commit = "0123456789abcdef0123456789abcdef01234567"
	part := func(arch, created string, notes map[string]string) man {
		m := s.image(image, `{"architecture":"`+arch+`","created":"`+created+`"}`)
		m.Annotations = notes
		s.push(image, "", m)
		return m
	}
	source := map[string]string{"org.opencontainers.image.revision": commit, "org.opencontainers.image.source": "https://git.example.com/acme/app"}
	amd, arm := part("amd64", "2026-01-02T03:04:05Z", source), part("arm64", "2026-01-02T03:04:06Z", source)
	attestation := part("unknown", "", nil)
	other := part("s390x", "2026-01-02T03:04:07Z", map[string]string{"org.opencontainers.image.revision": "fedcba9876543210fedcba9876543210fedcba98"})
	index := func(notes map[string]string, parts ...man) man {
		m := man{SchemaVersion: 2, MediaType: indexType, Annotations: notes}
		for _, p := range parts {
			m.Manifests = append(m.Manifests, p.desc())
		}
		return m
	}
	own := map[string]string{"org.opencontainers.image.revision": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}
	for tag, c := range map[string]struct {
		m    man
		want string // commit, and where it was read
	}{
		"agree":  {index(nil, amd, arm, attestation), commit + " oci:manifests"},
		"differ": {index(nil, amd, arm, other), ""},
		"own":    {index(own, amd, arm), own["org.opencontainers.image.revision"] + " oci:annotation"},
		"silent": {index(nil, attestation), ""},
	} {
		d := s.push(image, tag, c.m)
		detail, err := s.Catalog.VersionDetail(s.Admin, registry.Name{Repository: "main", Format: "oci", Package: "app"}.At(d.String()))
		if err != nil {
			t.Fatal(err)
		}
		got, repository, finished := "", "", ""
		for _, f := range detail.Facts {
			switch f.Key {
			case registry.FactSourceCommit:
				got += f.Value + " " + f.Source
			case registry.FactSourceRepository:
				repository = f.Value
			case registry.FactBuildFinishedAt:
				finished = f.Value
			}
		}
		if got != c.want || finished != "" || tag == "agree" && repository != source["org.opencontainers.image.source"] {
			t.Errorf("%s: commit %q, want %q; repository %q, finished %q", tag, got, c.want, repository, finished)
		}
	}
	hits, err := s.History.Search(s.Admin, catalog.VersionSearch{Query: "commit:" + commit[:12] + " tag:agree"})
	if err != nil || len(hits) != 1 {
		t.Errorf("by commit: %d versions, %v", len(hits), err)
	}
	s.MustFsck(t)
}
