package oci

import (
	"encoding/json"
	"errors"
	"mime"
	"strings"

	"github.com/opencontainers/go-digest"

	"slipway/formats"
	"slipway/internal/httpserver"
	"slipway/registry"
)

// maxManifestBytes bounds a manifest: what the specification asks registries to take (distribution-spec, "Pushing Manifests").
const maxManifestBytes = 4 << 20

// manifestFactor is how many bytes of memory a byte of a manifest costs while it is checked and stored; measured.
const manifestFactor = 6

// maxManifestEntries bounds the descriptors of one manifest: each costs a look-up.
const maxManifestEntries = 20_000

// Accepted types of manifests. Configs, layers and artifacts may have any type.
const (
	typeImage       = "application/vnd.oci.image.manifest.v1+json"
	typeIndex       = "application/vnd.oci.image.index.v1+json"
	typeArtifact    = "application/vnd.oci.artifact.manifest.v1+json" // withdrawn, but still in use
	typeDockerImage = "application/vnd.docker.distribution.manifest.v2+json"
	typeDockerIndex = "application/vnd.docker.distribution.manifest.list.v2+json"
	typeSchema1     = "application/vnd.docker.distribution.manifest.v1+json"
	typeSchema1JWS  = "application/vnd.docker.distribution.manifest.v1+prettyjws"
)

// Types of configs that have labels.
const (
	typeConfig       = "application/vnd.oci.image.config.v1+json"
	typeDockerConfig = "application/vnd.docker.container.image.v1+json"
)

// manifest has the parsed parts of a manifest; the rest is kept as bytes only.
type manifest struct {
	mediaType    string
	artifactType string
	config       *descriptor
	blobs        []descriptor // config, layers
	children     []descriptor // of an index
	subject      *descriptor
	annotations  map[string]string
}

// descriptor names content, image-spec "Descriptor".
type descriptor struct {
	mediaType string
	digest    digest.Digest
	size      int64
	absent    bool // it need not be in the image
}

func badManifest(format string, args ...any) error {
	return registry.Errorf(registry.Invalid, aboutManifest, format, args...)
}

// parseManifest reads and checks a manifest. contentType is that of the request. Invalid, about the manifest or a digest.
func parseManifest(contentType string, body []byte) (manifest, error) {
	if httpserver.TooDeep(body) {
		return manifest{}, badManifest("the manifest nests deeper than %d levels", httpserver.MaxJSONDepth)
	}
	o, err := parseObject(body)
	if err != nil {
		return manifest{}, badManifest("the manifest can't be read: %s", err)
	}
	m := manifest{annotations: o.strings("annotations")}
	if m.mediaType, err = typeOf(contentType, o); err != nil {
		return m, err
	}
	if err := confused(m.mediaType, o); err != nil {
		return m, err
	}
	var ok bool
	if m.artifactType, ok = o.text("artifactType"); !ok {
		return m, badManifest("artifactType is not text")
	}
	if o.has("subject") {
		if m.subject, err = one(o, "subject"); err != nil {
			return m, err
		}
	}
	switch m.mediaType {
	case typeIndex, typeDockerIndex:
		m.children, err = many(o, "manifests")
	case typeArtifact:
		m.blobs, err = many(o, "blobs")
	default:
		if m.config, err = one(o, "config"); err != nil {
			return m, err
		}
		m.blobs, err = many(o, "layers")
		m.blobs = append([]descriptor{*m.config}, m.blobs...)
	}
	return m, err
}

// typeOf decides the type of a manifest: the types in request and body must agree, and without both the keys decide.
func typeOf(contentType string, o object) (string, error) {
	inside, ok := o.text("mediaType")
	if !ok {
		return "", badManifest("mediaType is not text")
	}
	outside := ""
	if contentType != "" {
		t, _, err := mime.ParseMediaType(contentType)
		if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
			return "", badManifest("the Content-Type %q can't be read", formats.Clip(contentType))
		}
		outside = t
	}
	var version int
	if o.has("schemaVersion") && json.Unmarshal(o["schemaVersion"], &version) != nil {
		return "", badManifest("schemaVersion is not a number")
	}
	switch {
	case version == 1 || outside == typeSchema1 || outside == typeSchema1JWS || inside == typeSchema1 || inside == typeSchema1JWS:
		return "", badManifest("schema 1 manifests are refused: nobody can verify them; push with a current client")
	case o.has("schemaVersion") && version != 2:
		return "", badManifest("schemaVersion is %d, not 2", version)
	case outside != "" && inside != "" && !strings.EqualFold(outside, inside):
		return "", badManifest("the Content-Type is %q, but the manifest says %q", formats.Clip(outside), formats.Clip(inside))
	case inside == "" && outside == "" && o.has("manifests"):
		inside = typeIndex
	case inside == "" && outside == "" && o.has("config"):
		inside = typeImage
	case inside == "":
		inside = outside
	}
	if isManifest(inside) {
		return inside, nil
	}
	return "", badManifest("%q is not the type of a manifest", formats.Clip(inside))
}

// isManifest reports whether content of a type is a manifest.
func isManifest(mediaType string) bool {
	switch mediaType {
	case typeImage, typeIndex, typeArtifact, typeDockerImage, typeDockerIndex:
		return true
	}
	return false
}

// confused refuses a manifest that one reader takes for an image and another for an index, as containerd does when it pulls.
func confused(mediaType string, o object) error {
	wrong := []string{"manifests", "fsLayers"}
	switch mediaType {
	case typeIndex, typeDockerIndex:
		wrong = []string{"config", "layers", "fsLayers"}
	}
	for _, key := range wrong {
		if o.has(key) {
			return badManifest("%q does not belong into a manifest of type %s", key, mediaType)
		}
	}
	return nil
}

func one(o object, key string) (*descriptor, error) {
	if !o.has(key) {
		return nil, badManifest("%s is missing", key)
	}
	in, err := parseObject(o[key])
	if err != nil {
		return nil, badManifest("%s can't be read: %s", key, err)
	}
	d, err := parseDescriptor(key, in)
	return &d, err
}

func many(o object, key string) ([]descriptor, error) {
	list, err := o.list(key)
	if err != nil {
		return nil, badManifest("%s", err)
	}
	if len(list) > maxManifestEntries {
		return nil, badManifest("%s has %d entries; at most %d are taken", key, len(list), maxManifestEntries)
	}
	out := make([]descriptor, len(list))
	for i, in := range list {
		if out[i], err = parseDescriptor(key, in); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func parseDescriptor(key string, o object) (descriptor, error) {
	var d descriptor
	var ok bool
	if d.mediaType, ok = o.text("mediaType"); !ok {
		return d, badManifest("%s has a mediaType that is not text", key)
	}
	text, ok := o.text("digest")
	if !ok || text == "" {
		return d, badManifest("%s has a descriptor without digest", key)
	}
	var err error
	if d.digest, err = parseDigest(text); err != nil {
		return d, err
	}
	if !o.has("size") || json.Unmarshal(o["size"], &d.size) != nil || d.size < 0 {
		return d, badManifest("the size of %s in %s is missing or not a number", d.digest, key)
	}
	// Layers that may not be distributed are not pushed, and those with URLs may lie elsewhere.
	d.absent = key == "layers" && (strings.Contains(d.mediaType, ".nondistributable.") || strings.Contains(d.mediaType, ".foreign.") || o.has("urls"))
	return d, nil
}
