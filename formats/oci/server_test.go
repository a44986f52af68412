package oci_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/formats/formatstest"
	"slipway/formats/oci"
	"slipway/registry/access"
)

const (
	tokenPath = "/token"

	imageType       = "application/vnd.oci.image.manifest.v1+json"
	indexType       = "application/vnd.oci.image.index.v1+json"
	artifactType    = "application/vnd.oci.artifact.manifest.v1+json"
	dockerImageType = "application/vnd.docker.distribution.manifest.v2+json"
	dockerIndexType = "application/vnd.docker.distribution.manifest.list.v2+json"
	configType      = "application/vnd.oci.image.config.v1+json"
	layerType       = "application/vnd.oci.image.layer.v1.tar+gzip"
)

var emptyJSON = []byte("{}")

func digestOf(b []byte) digest.Digest { return digest.FromBytes(b) }

func emptyIndex(seed string) []byte {
	return fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"manifests":[],"annotations":{"seed":%q}}`, indexType, seed)
}

// registry is a server with requests of this protocol.
type server struct {
	*formatstest.Server
	t testing.TB
}

func newServer(t testing.TB, o formatstest.Options) *server {
	t.Helper()
	return &server{formatstest.NewServer(t, o, oci.New()), t}
}

// call sends a request as admin unless as says otherwise. target is a path behind /v2/, or a whole one.
func (s *server) call(as formatstest.As, method, target string, body []byte, header ...string) formatstest.Response {
	s.t.Helper()
	if !strings.HasPrefix(target, "/") {
		target = "/v2/" + target
	}
	q := formatstest.Request{Method: method, Path: target, Body: body}
	for i := 0; i < len(header); i += 2 {
		q = q.With(header[i], header[i+1])
	}
	return s.Do(as, q)
}

func (s *server) want(status int, as formatstest.As, method, target string, body []byte, header ...string) formatstest.Response {
	s.t.Helper()
	res := s.call(as, method, target, body, header...)
	if res.Status != status {
		s.t.Errorf("%s %s: %v, want %d", method, target, res, status)
	}
	return res
}

// code is the first error code of an answer.
func code(res formatstest.Response) string {
	var b struct {
		Errors []struct {
			Code, Message string
			Detail        any
		}
	}
	if json.Unmarshal(res.Body, &b) != nil || len(b.Errors) == 0 || b.Errors[0].Message == "" {
		return ""
	}
	return b.Errors[0].Code
}

func (s *server) refused(status int, want string, as formatstest.As, method, target string, body []byte, header ...string) formatstest.Response {
	s.t.Helper()
	res := s.call(as, method, target, body, header...)
	if res.Status != status || code(res) != want || res.Header.Get("Content-Type") != "application/json" {
		s.t.Errorf("%s %s: %v, want %d %s", method, target, res, status, want)
	}
	return res
}

// blob pushes a blob and returns its digest.
func (s *server) blob(image string, content []byte) digest.Digest {
	s.t.Helper()
	d := digestOf(content)
	s.want(http.StatusCreated, formatstest.Admin, http.MethodPost, image+"/blobs/uploads/?digest="+d.String(), content)
	return d
}

type desc struct {
	MediaType    string            `json:"mediaType"`
	Digest       digest.Digest     `json:"digest"`
	Size         int               `json:"size"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	URLs         []string          `json:"urls,omitempty"`
}

// man is a manifest to be pushed. Config is a pointer: an artifact manifest and an index have none.
type man struct {
	SchemaVersion int               `json:"schemaVersion,omitempty"`
	MediaType     string            `json:"mediaType,omitempty"`
	ArtifactType  string            `json:"artifactType,omitempty"`
	Config        *desc             `json:"config,omitempty"`
	Layers        []desc            `json:"layers,omitempty"`
	Blobs         []desc            `json:"blobs,omitempty"`
	Manifests     []desc            `json:"manifests,omitempty"`
	Subject       *desc             `json:"subject,omitempty"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

func (m man) bytes() []byte {
	raw, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	return raw
}

func (m man) desc() desc {
	return desc{MediaType: m.MediaType, Digest: digestOf(m.bytes()), Size: len(m.bytes())}
}

func content(mediaType string, b []byte) desc {
	return desc{MediaType: mediaType, Digest: digestOf(b), Size: len(b)}
}

// image makes a manifest of a config and layers, whose bytes are pushed.
func (s *server) image(image, config string, layers ...string) man {
	s.t.Helper()
	s.blob(image, []byte(config))
	c := content(configType, []byte(config))
	m := man{SchemaVersion: 2, MediaType: imageType, Config: &c}
	for _, l := range layers {
		s.blob(image, []byte(l))
		m.Layers = append(m.Layers, content(layerType, []byte(l)))
	}
	return m
}

// push puts a manifest under a reference; "" is its digest.
func (s *server) push(image, ref string, m man) digest.Digest {
	s.t.Helper()
	raw := m.bytes()
	d := digestOf(raw)
	if ref == "" {
		ref = d.String()
	}
	res := s.want(http.StatusCreated, formatstest.Admin, http.MethodPut, image+"/manifests/"+ref, raw, "Content-Type", m.MediaType)
	if res.Header.Get("Docker-Content-Digest") != d.String() {
		s.t.Errorf("push of %s: digest %q, want %s", ref, res.Header.Get("Docker-Content-Digest"), d)
	}
	return d
}

// token makes a token of the admin.
func (s *server) token(repository string, actions ...access.Action) formatstest.As {
	return formatstest.As(s.Token(repository, actions...))
}

func parse(t testing.TB, raw []byte) (m man) {
	t.Helper()
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Errorf("%.200s: %v", raw, err)
	}
	return m
}
