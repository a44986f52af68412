package oci

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/url"
	"strings"

	"github.com/opencontainers/go-digest"

	"slipway/formats"
	"slipway/registry"
	"slipway/registry/publish"
	"slipway/registry/upstreams"
)

var _ upstreams.Images = format{}

// manifestAccept are the types of manifests that are asked for. Without the types of indexes, registries choose an image themselves.
var manifestAccept = strings.Join([]string{typeIndex, typeDockerIndex, typeImage, typeDockerImage, typeArtifact}, ", ")

// Document implements upstreams.Source: nothing lists the manifests of an image.
func (format) Document(registry.Name) (upstreams.Ask, bool) { return upstreams.Ask{}, false }

// Parse implements upstreams.Source.
func (format) Parse(registry.Name, string, io.Reader) (upstreams.Index, error) {
	return upstreams.Index{}, badManifest("an image has no document that lists its versions")
}

// Root implements upstreams.Images. What follows v2 in the path is the beginning of names, and so is a path without it, as in the names
// that clients write.
func (format) Root(u *url.URL) (*url.URL, string) {
	root := *u
	before, prefix, found := strings.Cut(strings.TrimSuffix(u.Path, "/")+"/", "/v2/")
	if !found {
		before, prefix = "", strings.TrimPrefix(before, "/")
	}
	root.Path, root.RawPath = before+"/v2/", ""
	return &root, prefix
}

// hubService begins what the registry calls itself whose images with names of one segment lie in the folder library.
const hubService = "registry.docker."

// Named implements upstreams.Images.
func (format) Named(image string, library bool, service func() string) string {
	if !strings.Contains(image, "/") && (library || strings.HasPrefix(service(), hubService)) {
		return "library/" + image
	}
	return image
}

func ask(image, path, accept string) upstreams.Ask {
	return upstreams.Ask{URL: image + "/" + path, Accept: accept, Scope: "repository:" + image + ":pull"}
}

// Manifest implements upstreams.Images.
func (format) Manifest(image, reference string) upstreams.Ask {
	return ask(image, "manifests/"+reference, manifestAccept)
}

// tagsAsked is how many tags a page is asked to have.
const tagsAsked = "1000"

// Tags implements upstreams.Images.
func (format) Tags(image string) upstreams.Ask {
	return ask(image, "tags/list?n="+tagsAsked, "application/json")
}

// ParseTags implements upstreams.Images. Names that are no tags are left out.
func (format) ParseTags(doc []byte) ([]string, error) {
	var list struct {
		Tags []string `json:"tags"`
	}
	if err := json.Unmarshal(doc, &list); err != nil {
		return nil, badManifest("the list of tags can't be read: %v", err)
	}
	out := list.Tags[:0]
	for _, tag := range list.Tags {
		if registry.CheckTag(tag) == nil {
			out = append(out, tag)
		}
	}
	return out, nil
}

// Referrers implements upstreams.Images.
func (format) Referrers(image string, d digest.Digest) (upstreams.Ask, string) {
	return ask(image, "referrers/"+d.String(), typeIndex), strings.Replace(d.String(), ":", "-", 1)
}

// ParseReferrers implements upstreams.Images: an index, as the API and the fallback tag have it.
func (format) ParseReferrers(doc []byte) ([]registry.Version, error) {
	o, err := parseObject(doc)
	if err != nil {
		return nil, badManifest("the index can't be read: %s", err)
	}
	if !o.has("manifests") {
		return nil, badManifest("the index has no manifests")
	}
	list, err := o.list("manifests")
	if err != nil || len(list) > maxManifestEntries {
		return nil, badManifest("the index has too many manifests, or some that can't be read")
	}
	out := make([]registry.Version, len(list))
	for i, in := range list {
		d, err := parseDescriptor("manifests", in)
		if err != nil {
			return nil, err
		}
		ref := referrer{MediaType: d.mediaType, Digest: d.digest, Size: int(d.size), Annotations: in.strings("annotations")}
		ref.ArtifactType, _ = in.text("artifactType")
		raw, err := json.Marshal(ref)
		if err != nil {
			return nil, err
		}
		out[i] = registry.Version{Name: d.digest.String(), Digest: d.digest, MediaType: d.mediaType, Descriptor: raw}
	}
	return out, nil
}

// File implements upstreams.Source: a blob, which a manifest names.
func (format) File(at registry.Coordinate, path string, e *upstreams.Entry) (upstreams.Ask, error) {
	if e == nil {
		return upstreams.Ask{}, registry.Errorf(registry.Invalid, registry.AboutBlob, "no manifest of %s names %s", at.Package, formats.Clip(path))
	}
	return ask(at.Package, "blobs/"+path, ""), nil
}

// Check implements upstreams.Source: a blob may be anything, and its digest says whether it is the right one.
func (format) Check(string, []byte) error { return nil }

// Mutable implements upstreams.Source.
func (format) Mutable(registry.Coordinate, string) bool { return false }

// Blob implements upstreams.Images.
func (format) Blob(v registry.Version, d digest.Digest) *upstreams.Entry {
	m, err := parseManifest(v.MediaType, v.Descriptor)
	if err != nil {
		return nil
	}
	for _, b := range m.named() {
		if b.digest != d {
			continue
		}
		return entryOf(v, b)
	}
	return nil
}

// entryOf is what a manifest says of a blob that it names.
func entryOf(v registry.Version, b descriptor) *upstreams.Entry {
	e := &upstreams.Entry{Version: v.Name, Path: b.digest.String(), MediaType: b.mediaType, Size: b.size, Pinned: true}
	if b.digest.Algorithm() == digest.SHA256 {
		e.Sums.SHA256 = b.digest
	} else {
		e.Sums.SHA512, _ = hex.DecodeString(b.digest.Encoded()) // parseManifest has checked it
	}
	return e
}

// named are the blobs that a manifest names: config and layers and, of an index, what is no manifest, as in build caches.
func (m manifest) named() []descriptor {
	out := m.blobs
	for _, c := range m.children {
		if !isManifest(c.mediaType) {
			out = append(out[:len(out):len(out)], c)
		}
	}
	return out
}

// Enter implements upstreams.Source: a manifest enters alone, with what it names and says.
func (format) Enter(ctx context.Context, e upstreams.Entered) (publish.Release, error) {
	r, err := e.Open(ctx)
	if err != nil {
		return publish.Release{}, err
	}
	defer func() { _ = r.Close() }() // only read from
	body, err := io.ReadAll(r)
	if err != nil {
		return publish.Release{}, err
	}
	m, err := parseManifest(e.Entry.MediaType, body)
	if err != nil {
		return publish.Release{}, err
	}
	d := digest.Digest(e.At.Version)
	rel := publish.Release{
		Version: d.String(), Digest: d, PURL: purl("", e.At.Name, d), Mode: publish.Create, Descriptor: body, MediaType: m.mediaType,
		SortKey: binary.BigEndian.AppendUint64(nil, uint64(e.Now.UnixMicro())), Attached: m.subject != nil || attachments(e.Tags), Cached: &publish.Cached{},
	}
	if m.subject != nil {
		rel.References = append(rel.References, publish.Reference{Kind: registry.RefSubject, Digest: m.subject.digest})
	}
	for _, c := range m.children {
		rel.References = append(rel.References, publish.Reference{Kind: registry.RefChild, Digest: c.digest})
	}
	seen := map[digest.Digest]bool{}
	for _, b := range m.named() {
		if !seen[b.digest] {
			seen[b.digest] = true
			rel.Cached.Parts = append(rel.Cached.Parts, publish.Part{Digest: b.digest, MediaType: b.mediaType})
		}
	}
	var f factList
	f.from("oci:annotation", m.annotations)
	if raw := labelled(ctx, e, m); raw != nil {
		f.config(raw)
	}
	rel.Facts = f.out
	return rel, nil
}

// labelled is the config of an image, which has its labels. nil: it has none, or the registry does not give it now.
func labelled(ctx context.Context, e upstreams.Entered, m manifest) []byte {
	if e.Beside == nil || m.config == nil || m.config.mediaType != typeConfig && m.config.mediaType != typeDockerConfig || m.config.size > maxConfigBytes {
		return nil
	}
	raw, err := e.Beside(ctx, entryOf(registry.Version{Name: e.At.Version}, *m.config))
	if err != nil {
		return nil // an image is pulled without its labels rather than not at all
	}
	return raw
}
