package oci_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/formats/oci"
	"slipway/registry"
	"slipway/registry/catalog"
	"slipway/web/api"
)

// TestO2: signatures, attestations and SBOMs of an image are no versions of their own: not in lists, not the newest, and no
// event that hooks of deployments listen to tells of them, neither when they are pushed nor when they go.
func TestO2(t *testing.T) {
	s := &server{formatstest.NewServer(t, formatstest.Options{}, oci.New(), api.New(api.Options{})), t}
	const image = "main/team/app"
	var out struct {
		Items []struct {
			Version, Latest string
			Versions        int
			Attached        any // a number of packages, a flag of versions
		}
	}
	list := func(path string) int {
		t.Helper()
		out.Items = nil
		res := s.want(http.StatusOK, admin, http.MethodGet, "/api/v1/repositories/main/packages"+path, nil)
		if err := json.Unmarshal(res.Body, &out); err != nil {
			t.Fatal(err)
		}
		return len(out.Items)
	}
	const versions = "/oci/team%2Fapp/versions"
	early := man{SchemaVersion: 2, MediaType: imageType, Config: ptr(content(configType, emptyJSON)), Subject: ptr(content(imageType, []byte("later")))}
	s.blob(image, emptyJSON)
	s.push(image, "", early) // before any image
	if n := list(""); n != 1 || out.Items[0].Latest != "" || out.Items[0].Versions != 0 || out.Items[0].Attached != 1. {
		t.Errorf("a referrer alone: %+v", out.Items)
	}
	app := s.image(image, `{"architecture":"amd64"}`, "layer")
	d := s.push(image, "1.0", app)
	before := len(s.events())

	prefix := "sha256-" + d.Encoded()
	signed := func(note string, subject bool) man {
		m := s.image(image, "{}", note)
		m.Annotations = map[string]string{"note": note}
		if subject {
			m.Subject = ptr(app.desc())
		}
		return m
	}
	var pushed []string
	for _, tag := range []string{prefix, prefix + ".sig", prefix + ".att", prefix + ".sbom"} {
		pushed = append(pushed, s.push(image, tag, signed(tag, false)).String())
	}
	byDigest := signed("by digest, then tagged", false)
	s.push(image, "", byDigest)
	pushed = append(pushed, s.push(image, prefix+".sig", byDigest).String())
	for _, tag := range []string{"", "latest", "signature"} { // with a subject, whatever tags it has
		pushed = append(pushed, s.push(image, tag, signed("referrer "+tag, true)).String())
	}

	if n := list(versions); n != 1 || out.Items[0].Version != d.String() {
		t.Errorf("versions: %+v", out.Items)
	}
	if n := list(versions + "?attached=true"); n != 2+len(pushed) {
		t.Errorf("all versions: %d", n)
	}
	if list(""); out.Items[0].Latest != d.String() || out.Items[0].Versions != 1 || out.Items[0].Attached != float64(1+len(pushed)) {
		t.Errorf("package: %+v", out.Items)
	}
	for query, want := range map[string]int{"name:team/app": 1, "is:attached": 1 + len(pushed), "digest:" + pushed[0]: 1, "tag:" + prefix + "*": 4, "name:team/app -is:attached": 1} {
		if hits, err := s.History.Search(s.Admin, catalog.VersionSearch{Query: query}); err != nil || len(hits) != want {
			t.Errorf("%s finds %d, %v", query, len(hits), err)
		}
	}
	if res := s.want(http.StatusOK, admin, http.MethodGet, image+"/tags/list", nil); !strings.Contains(string(res.Body), prefix+".sig") {
		t.Errorf("clients look for the tags: %s", res.Body)
	}

	s.want(http.StatusAccepted, admin, http.MethodDelete, image+"/manifests/"+prefix+".att", nil)
	s.want(http.StatusAccepted, admin, http.MethodDelete, image+"/manifests/"+pushed[len(pushed)-1], nil)
	kinds := map[string]int{}
	for _, e := range s.events()[before:] {
		kinds[strings.TrimSuffix(strings.TrimPrefix(e.Type, registry.EventTypePrefix), registry.EventTypeSuffix)]++
	}
	// What is pushed by its digest, without a subject, may be a part of something.
	if got := fmt.Sprint(kinds); got != "map[artifact.stored:1 attachment.deleted:1 attachment.stored:7 attachment.tagged:7 attachment.untagged:2]" {
		t.Errorf("events: %s", got)
	}

	// A tag of its own makes a version of what has no subject.
	before = len(s.events())
	s.push(image, "copy", signed(prefix+".sbom", false))
	if n := list(versions); n != 2 {
		t.Errorf("versions: %+v", out.Items)
	}
	if e := s.events()[before:]; len(e) != 2 || !strings.Contains(e[0].Type, "artifact.published") || !strings.Contains(e[1].Type, "tag.set") {
		t.Errorf("events: %+v", e)
	}
	s.MustFsck(t)
}
