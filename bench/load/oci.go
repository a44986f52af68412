package load

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// OCI is the units of images.
type OCI struct {
	Repository string
	Image      string
	Layers     int
	Bytes      int // of a layer
	Tags       int // of the image that is read
	Chunked    bool
}

const (
	ociManifest = "application/vnd.oci.image.manifest.v1+json"
	ociConfig   = "application/vnd.oci.image.config.v1+json"
	ociLayer    = "application/vnd.oci.image.layer.v1.tar"
)

func (p OCI) root(image string) string { return "/v2/" + p.Repository + "/" + image + "/" }

func (p OCI) read() string { return p.Image + "/read" }

// Push pushes an image of layers that the server does not have yet, and a tag: as containerd, buildkit and oras do (POST,
// then PUT with the body), or chunked, as docker does (also PATCH, and HEAD before and behind).
func (p OCI) Push(ctx context.Context, w *Worker) (int64, error) {
	image, tag := p.Image+"/push", fmt.Sprintf("1.0.%d", w.Serial())
	layers := make([]string, p.Layers)
	for i := range layers {
		var err error
		if layers[i], err = p.blob(ctx, w, image, ociLayer, stamped(w.bytes(p.Bytes), w.Serial())); err != nil {
			return 0, err
		}
	}
	config, err := p.blob(ctx, w, image, ociConfig, fmt.Appendf(w.bytes(256)[:0], ociConfigText, w.Serial()))
	if err != nil {
		return 0, err
	}
	return int64(p.Layers * p.Bytes), p.manifest(ctx, w, image, tag, config, layers)
}

const ociConfigText = `{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},"config":{"Labels":{"serial":"%d"}}}`

// manifest pushes a manifest of descriptors that the image holds, made unique by an annotation.
func (p OCI) manifest(ctx context.Context, w *Worker, image, tag, config string, layers []string) error {
	body := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"%s","config":%s,"layers":[%s],"annotations":{"org.opencontainers.image.version":"%s"}}`,
		ociManifest, config, strings.Join(layers, ","), tag)
	_, err := w.Do(ctx, Request{Method: "PUT", Path: p.root(image) + "manifests/" + tag, Header: "Content-Type: " + ociManifest + "\r\n", Body: []byte(body)})
	return err
}

// blob uploads one blob and returns its descriptor.
func (p OCI) blob(ctx context.Context, w *Worker, image, mediaType string, body []byte) (string, error) {
	sum := sha256.Sum256(body)
	size := len(body)
	d := "sha256:" + hex.EncodeToString(sum[:])
	at := p.root(image) + "blobs/"
	if p.Chunked {
		if a, err := w.Do(ctx, Request{Method: "HEAD", Path: at + d}); err != nil && a.Status != 404 {
			return "", err
		}
	}
	a, err := w.Do(ctx, Request{Method: "POST", Path: at + "uploads/"})
	if err != nil {
		return "", err
	}
	if p.Chunked {
		if a, err = w.Do(ctx, Request{Method: "PATCH", Path: a.Location, Header: "Content-Type: application/octet-stream\r\n", Body: body}); err != nil {
			return "", err
		}
		body = nil
	}
	if _, err := w.Do(ctx, Request{
		Method: "PUT", Path: a.Location + "?digest=" + d, Header: "Content-Type: application/octet-stream\r\n", Body: body,
	}); err != nil {
		return "", err
	}
	if p.Chunked {
		if _, err = w.Do(ctx, Request{Method: "HEAD", Path: at + d}); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf(`{"mediaType":"%s","digest":"%s","size":%d}`, mediaType, d, size), nil
}

// Prepare pushes the image that is read, small, with a manifest of its own under each tag.
func (p OCI) Prepare(ctx context.Context, w *Worker) error {
	const layerBytes = 4 << 10
	p.Chunked = false
	layer, err := p.blob(ctx, w, p.read(), ociLayer, stamped(w.bytes(layerBytes), w.Serial()))
	if err != nil {
		return err
	}
	config, err := p.blob(ctx, w, p.read(), ociConfig, fmt.Appendf(w.bytes(256)[:0], ociConfigText, w.Serial()))
	for i := 0; i < p.Tags && err == nil; i++ {
		err = p.manifest(ctx, w, p.read(), fmt.Sprintf("v%d", i), config, []string{layer})
	}
	return err
}

// Manifest asks for a manifest by tag as clients do: HEAD, then GET.
func (p OCI) Manifest(ctx context.Context, w *Worker) (int64, error) {
	rq := p.ManifestRequest(w.Rand.IntN(p.Tags))
	rq.Method = "HEAD"
	if _, err := w.Do(ctx, rq); err != nil {
		return 0, err
	}
	rq.Method = "GET"
	a, err := w.Do(ctx, rq)
	return a.Bytes, err
}

// ManifestRequest is the GET of Manifest, for the tag of this number.
func (p OCI) ManifestRequest(tag int) Request {
	return Request{
		Method: "GET", Path: fmt.Sprintf("%smanifests/v%d", p.root(p.read()), tag), Header: "Accept: " + ociManifest + "\r\n",
	}
}
