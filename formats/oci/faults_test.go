package oci_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/formats/oci"
	"slipway/web/api"
)

// faultClient pushes as a container client does.
type faultClient struct{ *formatstest.Client }

func (c faultClient) image() string { return "/v2/main/" + c.Package }

// blob asks for a blob and uploads it in so many chunks; docker makes one.
func (c faultClient) blob(content []byte, chunks int) error {
	d := digestOf(content).String()
	res, err := c.Send(formatstest.Request{Method: http.MethodHead, Path: c.image() + "/blobs/" + d}, http.StatusOK, http.StatusNotFound)
	if err != nil || res.Status == http.StatusOK {
		return err
	}
	res, err = c.Send(formatstest.Request{Method: http.MethodPost, Path: c.image() + "/blobs/uploads/"}, http.StatusAccepted)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(content, (len(content)+chunks-1)/chunks) {
		res, err = c.Send(formatstest.Request{Method: http.MethodPatch, Path: target(res), Body: chunk}, http.StatusAccepted)
		if err != nil {
			return err
		}
	}
	_, err = c.Send(formatstest.Request{Method: http.MethodPut, Path: target(res) + "?digest=" + d}, http.StatusCreated)
	return err
}

// target is the path of a Location.
func target(res formatstest.Response) string {
	location := res.Header.Get("Location")
	if i := strings.Index(location, "/v2/"); i > 0 {
		location = location[i:]
	}
	return location
}

func (c faultClient) manifest(ref string, m man) error {
	if ref == "" {
		ref = m.desc().Digest.String()
	}
	_, err := c.Send(formatstest.Request{Method: http.MethodPut, Path: c.image() + "/manifests/" + ref, Body: m.bytes()}.With("Content-Type", m.MediaType), http.StatusCreated)
	return err
}

// of makes an image of a config and a layer, which is shared with nobody.
func (c faultClient) of(seed string) (m man, config, layer []byte) {
	config, layer = []byte(`{"of":"`+c.Package+" "+seed+`"}`), []byte("layer of "+c.Package+" "+seed)
	d := content(configType, config)
	return man{SchemaVersion: 2, MediaType: imageType, Config: &d, Layers: []desc{content(layerType, layer)}}, config, layer
}

func (c faultClient) push(ref, seed string) error {
	m, config, layer := c.of(seed)
	if err := c.blob(layer, 1); err != nil {
		return err
	}
	if err := c.blob(config, 2); err != nil {
		return err
	}
	return c.manifest(ref, m)
}

// has reports whether a reference leads to an image, all of it.
func (c faultClient) has(ref, seed string) bool {
	m, config, layer := c.of(seed)
	if ref == "" {
		ref = m.desc().Digest.String()
	}
	if !c.Has(c.image()+"/manifests/"+ref, m.bytes()) {
		return false
	}
	return c.AllOf(true, c.Has(c.image()+"/blobs/"+digestOf(config).String(), config), c.Has(c.image()+"/blobs/"+digestOf(layer).String(), layer))
}

// TestFaults lets every call of a backend fail in turn.
func TestFaults(t *testing.T) {
	index := func(c faultClient) man {
		m := man{SchemaVersion: 2, MediaType: indexType}
		for _, arch := range []string{"amd64", "arm64"} {
			child, _, _ := c.of(arch)
			m.Manifests = append(m.Manifests, child.desc())
		}
		return m
	}
	versions := formatstest.Versions{
		Format: "oci",
		Publish: func(c *formatstest.Client, version string) (string, error) {
			m, _, _ := faultClient{c}.of(version)
			return m.desc().Digest.String(), faultClient{c}.push(version, version)
		},
	}
	formatstest.RunFaults(t, formatstest.Faults{
		Mounts:  func() []formatstest.Mounter { return []formatstest.Mounter{oci.New(), api.New(api.Options{})} },
		Refusal: refusal,
		Changes: []formatstest.Change{
			versions.MoveTag(),
			versions.Read(func(c *formatstest.Client, version string) map[string][]byte {
				m := faultClient{c}
				image, config, layer := m.of(version)
				return map[string][]byte{
					m.image() + "/manifests/" + version: image.bytes(), m.image() + "/tags/list": nil,
					m.image() + "/blobs/" + digestOf(config).String(): config, m.image() + "/blobs/" + digestOf(layer).String(): layer,
				}
			}),
			{
				Name: "push",
				Do:   func(c *formatstest.Client) error { return faultClient{c}.push("1.0", "one") },
				Done: func(c *formatstest.Client) bool {
					return c.AllOf(faultClient{c}.has("1.0", "one"), faultClient{c}.has("", "one"))
				},
				Events: []string{"artifact.published", "tag.set"},
			},
			{
				Name: "push an index",
				Before: func(c *formatstest.Client) error {
					return errors.Join(faultClient{c}.push("", "amd64"), faultClient{c}.push("", "arm64"))
				},
				Do: func(c *formatstest.Client) error { return faultClient{c}.manifest("all", index(faultClient{c})) },
				Done: func(c *formatstest.Client) bool {
					m := faultClient{c}
					if !m.has("", "amd64") || !m.has("", "arm64") {
						c.Halfway("a part of the index is gone")
					}
					return c.Has(m.image()+"/manifests/all", index(m).bytes())
				},
				Events: []string{"artifact.published", "tag.set"},
			},
			{
				Name: "push over a tag",
				Before: func(c *formatstest.Client) error {
					return errors.Join(faultClient{c}.push("latest", "one"), faultClient{c}.push("2", "two"))
				},
				Do: func(c *formatstest.Client) error {
					two, _, _ := faultClient{c}.of("two")
					return faultClient{c}.manifest("latest", two)
				},
				Done: func(c *formatstest.Client) bool {
					two, _, _ := faultClient{c}.of("two")
					res := c.Do(formatstest.Admin, formatstest.Request{Method: http.MethodGet, Path: faultClient{c}.image() + "/manifests/latest"})
					if string(res.Body) == string(two.bytes()) {
						return true
					}
					if !(faultClient{c}).has("latest", "one") {
						c.Halfway("the tag leads to %v", res)
					}
					return false
				},
				Events: []string{"tag.set"},
			},
			{
				Name:   "delete by digest",
				Before: func(c *formatstest.Client) error { return faultClient{c}.push("1.0", "one") },
				Do: func(c *formatstest.Client) error {
					one, _, _ := faultClient{c}.of("one")
					_, err := c.Send(formatstest.Request{Method: http.MethodDelete, Path: faultClient{c}.image() + "/manifests/" + one.desc().Digest.String()},
						http.StatusAccepted, http.StatusNotFound)
					return err
				},
				Done: func(c *formatstest.Client) bool {
					return !c.AllOf(faultClient{c}.has("1.0", "one"), faultClient{c}.has("", "one"))
				},
				Events: []string{"artifact.deleted", "tag.removed"},
			},
			{
				Name:   "delete a tag",
				Before: func(c *formatstest.Client) error { return faultClient{c}.push("1.0", "one") },
				Do: func(c *formatstest.Client) error {
					_, err := c.Send(formatstest.Request{Method: http.MethodDelete, Path: faultClient{c}.image() + "/manifests/1.0"}, http.StatusAccepted, http.StatusNotFound)
					return err
				},
				Done: func(c *formatstest.Client) bool {
					if !(faultClient{c}).has("", "one") {
						c.Halfway("the image went with its tag")
					}
					return !faultClient{c}.has("1.0", "one")
				},
				Events: []string{"tag.removed"},
			},
		},
	})
}

// refusal reports why an answer is not an error in the form of the protocol.
func refusal(res formatstest.Response) error {
	if code(res) == "" {
		return errors.New("no error of distribution-spec's form")
	}
	return nil
}
