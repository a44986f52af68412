package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

const (
	killImageType = "application/vnd.oci.image.manifest.v1+json"
	killIndexType = "application/vnd.oci.image.index.v1+json"
)

// imageWork pushes an image by tag: a layer of its own and one that others share, the config, the manifest. Layers go in
// chunks; after a kill the client asks an upload for its offset and continues there.
type imageWork struct{}

func (imageWork) name() string   { return "image" }
func (imageWork) format() string { return "oci" }

// indexWork pushes an index of two images by tag.
type indexWork struct{}

func (indexWork) name() string   { return "index" }
func (indexWork) format() string { return "oci" }

// push is an image or an index on its way.
type push struct {
	image    string // "/v2/main/…"
	tag      string
	blobs    []*pushBlob
	children []document // manifests that are pushed by digest, before the last
	last     document
}

type document struct {
	mediaType string
	body      []byte
}

func (d document) digest() string { return "sha256:" + sha(d.body) }

// pushBlob is a blob and how far its upload is.
type pushBlob struct {
	content  []byte
	location string // of an upload that was begun
	offset   int    // bytes that were acknowledged
	ending   bool   // the upload's end was sent
	done     bool   // the end was acknowledged
}

func (b *pushBlob) digest() string { return "sha256:" + sha(b.content) }

type killDescriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

func describe(d document) killDescriptor {
	return killDescriptor{d.mediaType, d.digest(), len(d.body)}
}

// drawImage adds the blobs of an image to a push and returns its manifest.
func (p *push) drawImage(c *caller, version string) document {
	config := fmt.Appendf(nil, `{"architecture":"amd64","os":"linux","of":%q}`, fmt.Sprint(version, c.r.Uint64()))
	shared := bytes.Repeat(fmt.Appendf(nil, "shared layer %d ", c.r.IntN(4)), 2000)
	manifest := map[string]any{"schemaVersion": 2, "mediaType": killImageType,
		"config": describe(document{"application/vnd.oci.image.config.v1+json", config})}
	var layers []killDescriptor
	for _, layer := range [][]byte{c.random(64 << 10), shared} {
		layers = append(layers, describe(document{"application/vnd.oci.image.layer.v1.tar", layer}))
		p.blobs = append(p.blobs, &pushBlob{content: layer})
	}
	manifest["layers"] = layers
	p.blobs = append(p.blobs, &pushBlob{content: config})
	body, err := json.Marshal(manifest)
	if err != nil {
		c.t.Error(err)
	}
	return document{killImageType, body}
}

// tracked is the push as readers see it: the tag leads to the manifest, that to all below it.
func (p *push) tracked(pkg string) *tracked {
	v := &tracked{pkg: pkg, version: p.last.digest(), atomic: true, mustEnd: true, progress: p, files: []servedFile{
		{path: p.image + "/manifests/" + p.tag, sum: sha(p.last.body)}, {path: p.image + "/manifests/" + p.last.digest(), sum: sha(p.last.body)},
	}}
	for _, child := range p.children {
		v.files = append(v.files, servedFile{path: p.image + "/manifests/" + child.digest(), sum: sha(child.body), early: true})
	}
	for _, b := range p.blobs {
		v.files = append(v.files, servedFile{path: p.image + "/blobs/" + b.digest(), sum: sha(b.content), early: true})
	}
	v.events = [][3]string{{"oci", pkg, v.version}}
	return v
}

func (imageWork) draw(c *caller, pkg, version string) *tracked {
	p := &push{image: "/v2/main/" + pkg, tag: version}
	p.last = p.drawImage(c, version)
	return p.tracked(pkg)
}

func (indexWork) draw(c *caller, pkg, version string) *tracked {
	p := &push{image: "/v2/main/" + pkg, tag: version}
	var parts []killDescriptor
	for range 2 {
		child := p.drawImage(c, version)
		p.children = append(p.children, child)
		parts = append(parts, describe(child))
	}
	body, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": killIndexType, "manifests": parts})
	if err != nil {
		c.t.Error(err)
	}
	p.last = document{killIndexType, body}
	return p.tracked(pkg)
}

func (imageWork) publish(c *caller, v *tracked) { pushAll(c, v) }
func (indexWork) publish(c *caller, v *tracked) { pushAll(c, v) }

func pushAll(c *caller, v *tracked) {
	p, _ := v.progress.(*push)
	for _, b := range p.blobs {
		if !p.upload(c, v, b) {
			return
		}
	}
	for _, child := range p.children {
		if !p.manifest(c, child.digest(), child) {
			return
		}
	}
	c.settle(func() { v.sent, v.settled = len(v.files), false })
	if p.manifest(c, p.tag, p.last) {
		v.whole(c)
	}
}

func (p *push) manifest(c *caller, ref string, d document) bool {
	_, ok := c.send(http.MethodPut, p.image+"/manifests/"+ref, d.body, map[string]string{"Content-Type": d.mediaType}, http.StatusCreated)
	return ok
}

// upload sends the missing bytes of a blob. Acknowledged bytes are there.
func (p *push) upload(c *caller, v *tracked, b *pushBlob) bool {
	head, ok := c.send(http.MethodHead, p.image+"/blobs/"+b.digest(), nil, nil, http.StatusOK, http.StatusNotFound)
	switch {
	case !ok:
		return false
	case head.status == http.StatusOK:
		b.done = true
		return true
	case b.done:
		c.t.Errorf("%s: the blob %s was acknowledged and is lost", v.id(), b.digest())
		return false
	}
	if b.location == "" {
		begun, ok := c.send(http.MethodPost, p.image+"/blobs/uploads/", nil, nil, http.StatusAccepted)
		if !ok {
			return false
		}
		b.location = begun.header.Get("Location")
	} else if !p.resume(c, v, b) {
		return false
	}
	for b.offset < len(b.content) {
		chunk := b.content[b.offset:min(len(b.content), b.offset+max(2, len(b.content)/3))]
		sent, ok := c.send(http.MethodPatch, b.location, chunk, map[string]string{
			"Content-Range": fmt.Sprintf("%d-%d", b.offset, b.offset+len(chunk)-1)}, http.StatusAccepted)
		if !ok {
			return false
		}
		b.location, b.offset = sent.header.Get("Location"), b.offset+len(chunk)
	}
	b.ending = true
	if _, ok := c.send(http.MethodPut, b.location+"?digest="+b.digest(), nil, nil, http.StatusCreated); !ok {
		return false
	}
	b.done = true
	return true
}

// resume asks an upload for its offset.
func (p *push) resume(c *caller, v *tracked, b *pushBlob) bool {
	state, ok := c.send(http.MethodGet, b.location, nil, nil, http.StatusNoContent, http.StatusNotFound)
	if !ok {
		return false
	}
	if state.status == http.StatusNotFound {
		c.t.Errorf("%s: the upload of %s is lost with %d acknowledged bytes (its end was sent: %v)", v.id(), b.digest(), b.offset, b.ending)
		return false
	}
	last, err := strconv.Atoi(strings.TrimPrefix(state.header.Get("Range"), "0-"))
	at := last + 1
	if last == 0 {
		at = 0 // the answer is the same for one byte and none; no chunk is that small
	}
	if err != nil || at < b.offset || at > len(b.content) {
		c.t.Errorf("%s: the upload of %s stands at %q, %d bytes were acknowledged", v.id(), b.digest(), state.header.Get("Range"), b.offset)
		return false
	}
	b.location, b.offset = state.header.Get("Location"), at
	return true
}

func (imageWork) check(c *caller, v *tracked, n int) { checkTags(c, v, n) }
func (indexWork) check(c *caller, v *tracked, n int) { checkTags(c, v, n) }

func checkTags(c *caller, v *tracked, n int) {
	p, _ := v.progress.(*push)
	var list struct{ Tags []string }
	if a := c.document(p.image+"/tags/list?n=10000", nil); a.status == http.StatusOK {
		if err := json.Unmarshal(a.body, &list); err != nil {
			c.t.Error(err)
		}
	}
	listed := false
	for _, tag := range list.Tags {
		listed = listed || tag == p.tag
	}
	if listed != (n > 0) {
		c.t.Errorf("%s: the tag is listed: %v, there: %v", v.id(), listed, n > 0)
	}
}
