package oci

import (
	"encoding/json"
	"strings"
	"testing"

	"slipway/registry"
)

const (
	hexA  = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	descA = `{"mediaType":"x/y","digest":"sha256:` + hexA + `","size":1}`
)

func TestParseManifest(t *testing.T) {
	for _, c := range []struct {
		name, contentType, body string
		want                    string // type; "" is MANIFEST_INVALID, "digest" DIGEST_INVALID
	}{
		{"image", typeImage, `{"schemaVersion":2,"mediaType":"` + typeImage + `","config":` + descA + `,"layers":[` + descA + `]}`, typeImage},
		{"parameters", typeImage + "; charset=utf-8", `{"schemaVersion":2,"config":` + descA + `,"layers":[]}`, typeImage},
		{"docker", typeDockerImage, `{"schemaVersion":2,"mediaType":"` + typeDockerImage + `","config":` + descA + `,"layers":[]}`, typeDockerImage},
		{"no type, image", "", `{"schemaVersion":2,"config":` + descA + `,"layers":[]}`, typeImage},
		{"no type, index", "", `{"schemaVersion":2,"manifests":[]}`, typeIndex},
		{"type inside", "", `{"schemaVersion":2,"mediaType":"` + typeDockerIndex + `","manifests":[` + descA + `]}`, typeDockerIndex},
		{"artifact", typeArtifact, `{"mediaType":"` + typeArtifact + `","artifactType":"a/b","blobs":[` + descA + `]}`, typeArtifact},
		{"no layers", typeImage, `{"schemaVersion":2,"config":` + descA + `}`, typeImage},
		{"empty index", typeIndex, `{"schemaVersion":2,"manifests":[]}`, typeIndex},
		{"unknown keys", typeImage, `{"schemaVersion":2,"config":` + descA + `,"layers":[],"x":{"Layers":1},"org.example.X":[]}`, typeImage},
		{"odd annotations", typeImage, `{"schemaVersion":2,"config":` + descA + `,"annotations":{"a":1,"b":"c"}}`, typeImage},
		{"null subject", typeImage, `{"schemaVersion":2,"config":` + descA + `,"subject":null}`, typeImage},

		{"other type inside", typeImage, `{"schemaVersion":2,"mediaType":"` + typeIndex + `","manifests":[]}`, ""},
		{"image with manifests", typeImage, `{"schemaVersion":2,"config":` + descA + `,"manifests":[]}`, ""},
		{"index with layers", typeIndex, `{"schemaVersion":2,"manifests":[],"layers":[]}`, ""},
		{"index with config", typeDockerIndex, `{"schemaVersion":2,"manifests":[],"config":` + descA + `}`, ""},
		{"image with fsLayers", typeImage, `{"schemaVersion":2,"config":` + descA + `,"fsLayers":[]}`, ""},
		{"schema 1", typeSchema1JWS, `{"schemaVersion":1,"fsLayers":[]}`, ""},
		{"schema 1 hidden", typeImage, `{"schemaVersion":1,"config":` + descA + `}`, ""},
		{"schema 3", typeImage, `{"schemaVersion":3,"config":` + descA + `}`, ""},
		{"schema text", typeImage, `{"schemaVersion":"2","config":` + descA + `}`, ""},
		{"type of nothing", "application/json", `{"schemaVersion":2,"config":` + descA + `}`, ""},
		{"broken type", "; /", `{"schemaVersion":2,"config":` + descA + `}`, ""},
		{"neither", "", `{"schemaVersion":2}`, ""},
		{"no config", typeImage, `{"schemaVersion":2,"layers":[]}`, ""},
		{"config is text", typeImage, `{"schemaVersion":2,"config":"x"}`, ""},
		{"layers are no list", typeImage, `{"schemaVersion":2,"config":` + descA + `,"layers":{}}`, ""},
		{"layer is text", typeImage, `{"schemaVersion":2,"config":` + descA + `,"layers":["x"]}`, ""},
		{"no digest", typeImage, `{"schemaVersion":2,"config":{"size":1}}`, ""},
		{"no size", typeImage, `{"schemaVersion":2,"config":{"digest":"sha256:` + hexA + `"}}`, ""},
		{"negative size", typeImage, `{"schemaVersion":2,"config":{"size":-1,"digest":"sha256:` + hexA + `"}}`, ""},
		{"size in words", typeImage, `{"schemaVersion":2,"config":{"size":"1","digest":"sha256:` + hexA + `"}}`, ""},
		{"upper case digest", typeImage, `{"schemaVersion":2,"config":{"size":1,"digest":"sha256:` + strings.ToUpper(hexA) + `"}}`, "digest"},
		{"short digest", typeImage, `{"schemaVersion":2,"config":{"size":1,"digest":"sha256:aa"}}`, "digest"},
		{"unknown algorithm", typeImage, `{"schemaVersion":2,"config":` + descA + `,"subject":{"size":1,"digest":"blake3:` + hexA + `"}}`, "digest"},
		{"key twice", typeImage, `{"schemaVersion":2,"config":` + descA + `,"layers":[],"layers":[` + descA + `]}`, ""},
		{"key in another case", typeImage, `{"schemaVersion":2,"config":` + descA + `,"Layers":[` + descA + `]}`, ""},
		{"digest in another case", typeImage, `{"schemaVersion":2,"config":{"Digest":"sha256:` + hexA + `","size":1}}`, ""},
		{"two documents", typeImage, `{"schemaVersion":2,"config":` + descA + `}{}`, ""},
		{"rubbish behind", typeImage, `{"schemaVersion":2,"config":` + descA + `} x`, ""},
		{"braces behind", typeIndex, `{"schemaVersion":2,"manifests":[]}}`, ""},
		{"a bracket behind", typeIndex, `{"schemaVersion":2,"manifests":[]}]`, ""},
		{"a brace and rubbish behind", typeIndex, `{"schemaVersion":2,"manifests":[]} } x`, ""},
		{"a line behind", typeIndex, `{"schemaVersion":2,"manifests":[]}` + "\r\n", typeIndex},
		{"a list", typeImage, `[]`, ""},
		{"nothing", typeImage, ``, ""},
		{"cut", typeImage, `{"schemaVersion":2,`, ""},
		{"not JSON", typeImage, "\x1f\x8b", ""},
	} {
		m, err := parseManifest(c.contentType, []byte(c.body))
		got := m.mediaType
		if err != nil {
			got = map[string]string{"MANIFEST_INVALID": "", "DIGEST_INVALID": "digest"}[codeOf(registry.AsError(err)).name]
		}
		if (err != nil) != (c.want == "" || c.want == "digest") || got != c.want {
			t.Errorf("%s: type %q, %v", c.name, m.mediaType, err)
		}
	}
	many := strings.Repeat(descA+",", maxManifestEntries)
	for body, ok := range map[string]bool{many + descA: false, strings.TrimSuffix(many, ","): true} {
		if _, err := parseManifest(typeIndex, []byte(`{"manifests":[`+body+`]}`)); (err == nil) != ok {
			t.Errorf("an index of many: %v", err)
		}
	}
}

func TestAbsentLayers(t *testing.T) {
	for layer, absent := range map[string]bool{
		`"mediaType":"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"`:                true,
		`"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"`:                   true,
		`"mediaType":"application/vnd.oci.image.layer.v1.tar+zstd"`:                                 false,
		`"mediaType":"application/vnd.oci.image.layer.v1.tar","urls":["https://files.example.com"]`: true,
	} {
		m, err := parseManifest(typeImage, []byte(`{"config":`+descA+`,"layers":[{"digest":"sha256:`+hexA+`","size":1,`+layer+`}]}`))
		if err != nil || m.blobs[1].absent != absent || m.blobs[0].absent {
			t.Errorf("%s: %v, %+v", layer, err, m.blobs)
		}
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add(typeImage, []byte(`{"schemaVersion":2,"config":`+descA+`,"layers":[`+descA+`],"subject":`+descA+`}`))
	f.Add("", []byte(`{"manifests":[`+descA+`],"annotations":{"a":"b"}}`))
	f.Add(typeArtifact+"; x=y", []byte(`{"blobs":[]}`))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		m, err := parseManifest(contentType, body)
		if err != nil {
			if registry.KindOf(err) != registry.Invalid {
				t.Fatalf("%v is no refusal", err)
			}
			return
		}
		if !json.Valid(body) {
			t.Fatalf("%q is no JSON", body)
		}
		again, err := parseManifest(m.mediaType, body)
		if err != nil || again.mediaType != m.mediaType || len(again.blobs) != len(m.blobs) {
			t.Fatalf("read again under its own type: %v", err)
		}
		for _, d := range append(append([]descriptor{}, m.blobs...), m.children...) {
			if d.digest.Validate() != nil || d.size < 0 {
				t.Fatalf("descriptor %+v", d)
			}
		}
		describe(registry.Version{Descriptor: body, MediaType: m.mediaType})
	})
}
