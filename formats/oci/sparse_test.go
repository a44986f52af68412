package oci_test

import (
	"net/http"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/formats/oci"
	"slipway/registry"
	"slipway/web/api"
)

// TestO4: an index may come before its images, or without some of them, unless the repository refuses it.
func TestO4(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	const image = "main/team/app"
	amd, arm := s.image(image, `{"architecture":"amd64"}`, "amd layer"), s.image(image, `{"architecture":"arm64"}`, "arm layer")
	s.push(image, "", amd)
	index := man{SchemaVersion: 2, MediaType: indexType, Manifests: []desc{amd.desc(), arm.desc()}}
	layered := index
	layered.Manifests = append(layered.Manifests, content(layerType, []byte("absent")))
	bare := s.image(image, `{}`, "there")
	bare.Layers = append(bare.Layers, content(layerType, []byte("follows")))
	put := func(tag string, m man, accepted bool) {
		t.Helper()
		if !accepted {
			s.refused(http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN", admin, http.MethodPut, image+"/manifests/"+tag, m.bytes())
			return
		}
		res := s.want(http.StatusCreated, admin, http.MethodPut, image+"/manifests/"+tag, m.bytes())
		if w := res.Header.Get("Warning"); !strings.HasPrefix(w, "299 - ") || !strings.Contains(w, "does not hold") {
			t.Errorf("%s: warning %q", tag, w)
		}
	}
	s.Set(map[string]any{"oci_sparse": "refuse"})
	put("all", index, false)
	s.Set(map[string]any{"oci_sparse": "indexes"})
	put("all", index, true)
	put("layers", layered, false)
	put("bare", bare, false)
	s.push(image, "", arm) // it follows
	s.closure(image, "all")
	if res := s.want(http.StatusCreated, admin, http.MethodPut, image+"/manifests/again", index.bytes()); res.Header.Get("Warning") != "" {
		t.Errorf("a whole index: %v", res.Header)
	}

	s.Set(map[string]any{"oci_sparse": "allow"})
	put("layers", layered, true)
	put("bare", bare, true)
	s.blob(image, []byte("follows"))
	s.push(image, "bare", bare) // again, as every push ends with its manifest
	s.DropLeases(registry.Name{Repository: "main", Format: "oci", Package: "team/app"})
	s.collect()
	s.closure(image, "bare")
	s.MustFsck(t)
	if _, err := s.Core.UpdateRepository(s.Admin, "main", registry.RepositoryChange{Settings: map[string]any{"oci_sparse": "perhaps"}}); registry.KindOf(err) != registry.Invalid {
		t.Errorf("another word: %v", err)
	}
}

// TestO5: the deletion of an image that a tagged index needs says so, or is refused where the repository keeps such images.
func TestO5(t *testing.T) {
	s := &server{formatstest.NewServer(t, formatstest.Options{}, oci.New(), api.New(api.Options{})), t}
	const image = "main/team/app"
	platform := func(arch string) man {
		m := s.image(image, `{"architecture":"`+arch+`"}`, arch)
		s.push(image, "", m)
		return m
	}
	amd, arm, s390 := platform("amd64"), platform("arm64"), platform("s390x")
	inner := man{SchemaVersion: 2, MediaType: indexType, Manifests: []desc{amd.desc(), arm.desc()}}
	s.push(image, "", inner)
	s.push(image, "1.0", man{SchemaVersion: 2, MediaType: indexType, Manifests: []desc{inner.desc()}})
	s.push(image, "", man{SchemaVersion: 2, MediaType: indexType, Manifests: []desc{s390.desc()}})
	remove := func(m man) string { return image + "/manifests/" + m.desc().Digest.String() }
	common := "/api/v1/repositories/main/packages/oci/team%2Fapp/versions/"

	s.Set(map[string]any{"oci_sparse": "refuse"})
	res := s.refused(http.StatusForbidden, "DENIED", admin, http.MethodDelete, remove(amd), nil)
	if !strings.Contains(string(res.Body), `tag \"1.0\" needs it`) {
		t.Errorf("the refusal does not say why: %v", res)
	}
	s.want(http.StatusConflict, admin, http.MethodDelete, common+amd.desc().Digest.String(), nil)
	s.want(http.StatusOK, admin, http.MethodHead, remove(amd), nil)

	s.Set(map[string]any{"oci_sparse": "indexes"})
	for target, status := range map[string]int{remove(amd): http.StatusAccepted, common + arm.desc().Digest.String(): http.StatusNoContent} {
		res = s.want(status, admin, http.MethodDelete, target, nil)
		if w := res.Header.Get("Warning"); !strings.HasPrefix(w, `299 - "the tag \"1.0\" can't be pulled`) {
			t.Errorf("warning %q", w)
		}
	}
	if res := s.want(http.StatusAccepted, admin, http.MethodDelete, remove(s390), nil); res.Header.Get("Warning") != "" {
		t.Errorf("no tag needs it: %v", res.Header)
	}
	s.MustFsck(t)
}
