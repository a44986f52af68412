package oci_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/formats/formatstest"
	"slipway/registry"
	"slipway/registry/maintain"
)

// collect removes what nothing needs, without any grace.
func (s *server) collect() maintain.CollectReport {
	s.t.Helper()
	report, err := s.Maintain.Collect(s.Admin, maintain.CollectOptions{Force: true})
	if err != nil {
		s.t.Error(err)
	}
	return report
}

// closure reads everything that a reference leads to, and its referrers.
func (s *server) closure(image, ref string) {
	s.t.Helper()
	res := s.want(http.StatusOK, admin, http.MethodGet, image+"/manifests/"+ref, nil)
	d := digest.Digest(res.Header.Get("Docker-Content-Digest"))
	if d.Validate() != nil || d.Algorithm().FromBytes(res.Body) != d {
		s.t.Errorf("%s: the bytes are not of %s", ref, d)
	}
	m := parse(s.t, res.Body)
	blobs := append(m.Layers, m.Blobs...)
	if m.Config != nil {
		blobs = append(blobs, *m.Config)
	}
	for _, b := range blobs {
		s.readBlob(image, b)
	}
	for _, c := range m.Manifests {
		if s.call(admin, http.MethodHead, image+"/manifests/"+c.Digest.String(), nil).Status == http.StatusOK {
			s.closure(image, c.Digest.String())
		} else {
			s.readBlob(image, c)
		}
	}
	for _, r := range parse(s.t, s.want(http.StatusOK, admin, http.MethodGet, image+"/referrers/"+d.String(), nil).Body).Manifests {
		s.closure(image, r.Digest.String())
	}
}

func (s *server) readBlob(image string, b desc) {
	s.t.Helper()
	if res := s.want(http.StatusOK, admin, http.MethodGet, image+"/blobs/"+b.Digest.String(), nil); b.Digest.Algorithm().FromBytes(res.Body) != b.Digest {
		s.t.Errorf("the bytes of blob %s are others", b.Digest)
	}
}

// TestD1: the collector goes by what was recorded when a manifest was pushed, not by what it understands: manifests of
// every form that is taken stay whole, whatever their configs, layers and artifacts are.
func TestD1(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	const image = "main/corpus"
	odd := func(kind string, layers ...string) man {
		m := s.image(image, `{"of":"`+kind+`"}`, layers...)
		m.Config.MediaType = "application/vnd.example." + kind + "+json"
		for i := range m.Layers {
			m.Layers[i].MediaType = "application/x-unheard-of"
		}
		return m
	}
	s.blob(image, []byte("artifact file"))
	artifact := man{MediaType: artifactType, ArtifactType: "application/vnd.example.x", Blobs: []desc{content("a/b", []byte("artifact file"))}}
	compose := odd("compose", "a compose file")
	docker := s.image(image, `{"docker":true}`, "docker layer")
	docker.MediaType = dockerImageType
	for _, m := range []man{artifact, compose, docker} {
		s.push(image, "", m)
	}
	s.blob(image, []byte("cache config"))
	s.blob(image, []byte("cached layer"))
	cache := man{SchemaVersion: 2, MediaType: indexType, Manifests: []desc{content(layerType, []byte("cached layer")), content("application/vnd.buildkit.cacheconfig.v0", []byte("cache config"))}}
	nested := man{SchemaVersion: 2, MediaType: indexType, Manifests: []desc{cache.desc(), compose.desc()}}
	dockerList := man{SchemaVersion: 2, MediaType: dockerIndexType, Manifests: []desc{docker.desc()}}
	bare := s.image(image, `{"config":"only"}`)
	tags := map[string]man{"artifact": artifact, "compose": compose, "docker": docker, "cache": cache, "nested": nested, "list": dockerList, "bare": bare}
	for _, tag := range []string{"artifact", "compose", "docker", "cache", "nested", "list", "bare"} {
		s.push(image, tag, tags[tag])
	}
	signature := odd("signature", "a signature")
	signature.Subject = ptr(compose.desc())
	s.push(image, "", signature)
	attestation := man{SchemaVersion: 2, MediaType: imageType, Config: ptr(signature.Layers[0]), Subject: ptr(signature.desc())}
	s.push(image, "", attestation)
	s.DropLeases(registry.Name{Repository: "main", Format: "oci", Package: strings.TrimPrefix(image, "main/")})
	s.collect()
	for tag := range tags {
		s.closure(image, tag)
	}
	// A deletion takes what it alone needed, and nothing else.
	s.want(http.StatusAccepted, admin, http.MethodDelete, image+"/manifests/"+docker.desc().Digest.String(), nil)
	s.DropLeases(registry.Name{Repository: "main", Format: "oci", Package: strings.TrimPrefix(image, "main/")}) // closure looked at each
	if r := s.collect(); r.Blobs != 2 {
		t.Errorf("after the deletion of an image with a config and a layer: %+v", r)
	}
	for tag := range tags {
		if tag != "docker" && tag != "list" {
			s.closure(image, tag)
		}
	}
	s.MustFsck(t)
}

// TestD2: a collection after every single request of a push of an index takes nothing that a later one needs, and every
// tag's closure can be read at any time.
func TestD2(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	const image = "main/index"
	var parts []desc
	for _, arch := range []string{"amd64", "arm64", "unknown"} {
		for _, b := range []string{`{"arch":"` + arch + `"}`, "base", "layer " + arch} {
			path := s.start(admin, image)
			s.collect()
			s.want(http.StatusAccepted, admin, http.MethodPatch, path, []byte(b))
			s.collect()
			s.want(http.StatusCreated, admin, http.MethodPut, path+"?digest="+digestOf([]byte(b)).String(), nil)
			s.collect()
		}
		m := man{SchemaVersion: 2, MediaType: imageType, Config: ptr(content(configType, []byte(`{"arch":"`+arch+`"}`))),
			Layers: []desc{content(layerType, []byte("base")), content(layerType, []byte("layer "+arch))}}
		s.push(image, "", m)
		s.collect()
		parts = append(parts, m.desc())
		s.push(image, "latest", man{SchemaVersion: 2, MediaType: indexType, Manifests: parts})
		s.collect()
		s.closure(image, "latest")
	}
	// The tag moves on; what it named stays whole under its digest.
	first := man{SchemaVersion: 2, MediaType: indexType, Manifests: parts[:1]}
	s.push(image, "latest", first)
	s.DropLeases(registry.Name{Repository: "main", Format: "oci", Package: strings.TrimPrefix(image, "main/")})
	s.collect()
	for _, ref := range []string{"latest", (man{SchemaVersion: 2, MediaType: indexType, Manifests: parts}).desc().Digest.String()} {
		s.closure(image, ref)
	}
	s.MustFsck(t)
}

// TestD4: ten clients push images that share layers, some by mount, while others delete them and the collector runs
// without pause and without grace. Every push is taken, and what was answered with 201 can be pulled whole until somebody
// deletes it. D-5 is with it: mounts and blobs that are told to exist are on their way when the collector comes.
func TestD4(t *testing.T) {
	formatstest.Stores(t, func(t *testing.T, o formatstest.Options) { newServer(t, o).raceCollector() })
}

func (s *server) raceCollector() {
	const clients, rounds, layers = 10, 8, 4
	stop := make(chan struct{})
	var collector, pushers sync.WaitGroup
	collector.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				s.collect()
			}
		}
	})
	for client := range clients {
		pushers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(client), 1))
			for round := range rounds {
				s.pushRace(client, round, layers, r)
			}
		})
	}
	pushers.Wait()
	close(stop)
	collector.Wait()
	for client := range clients {
		s.closure(raceImage(client), "last")
	}
	s.MustFsck(s.t)
}

func raceImage(client int) string { return "main/race/" + strconv.Itoa(client) }

func (s *server) pushRace(client, round, layers int, r *rand.Rand) {
	image := raceImage(client)
	m := man{SchemaVersion: 2, MediaType: imageType}
	for i := range layers + 1 {
		body := bytes.Repeat(fmt.Appendf(nil, "shared layer %d ", r.IntN(6)), 1000)
		if i == 0 {
			body = fmt.Appendf(nil, `{"client":%d,"round":%d}`, client, round)
		}
		d := content(layerType, body)
		s.ensure(image, raceImage(r.IntN(10)), d, body)
		if i == 0 {
			m.Config = &d
		} else {
			m.Layers = append(m.Layers, d)
		}
	}
	d := s.push(image, "last", m)
	s.closure(image, "last")
	if round%3 == 2 {
		s.want(http.StatusAccepted, admin, http.MethodDelete, image+"/manifests/"+d.String(), nil)
		s.want(http.StatusNotFound, admin, http.MethodHead, image+"/manifests/last", nil)
		for _, l := range m.Layers {
			s.call(admin, http.MethodDelete, image+"/blobs/"+l.Digest.String(), nil)
		}
		// What is gone is uploaded anew: nothing says that it is there still.
		for i, l := range append([]desc{*m.Config}, m.Layers...) {
			body := fmt.Appendf(nil, `{"client":%d,"round":%d}`, client, round)
			if i > 0 {
				for n := range 6 {
					if b := bytes.Repeat(fmt.Appendf(nil, "shared layer %d ", n), 1000); digestOf(b) == l.Digest {
						body = b
					}
				}
			}
			s.ensure(image, raceImage(r.IntN(10)), l, body)
		}
		s.push(image, "last", m)
	}
}

// ensure does what clients do: it asks for the blob, tries to mount it, and uploads it.
func (s *server) ensure(image, from string, d desc, body []byte) {
	s.t.Helper()
	if s.call(admin, http.MethodHead, image+"/blobs/"+d.Digest.String(), nil).Status == http.StatusOK {
		return
	}
	res := s.call(admin, http.MethodPost, image+"/blobs/uploads/?mount="+d.Digest.String()+"&from="+from, nil)
	switch res.Status {
	case http.StatusCreated:
		return
	case http.StatusAccepted:
	default:
		s.t.Errorf("mount: %v", res)
		return
	}
	path := res.Header.Get("Location")
	s.want(http.StatusAccepted, admin, http.MethodPatch, path, body)
	s.want(http.StatusCreated, admin, http.MethodPut, path+"?digest="+d.Digest.String(), nil)
}

// TestD7: bytes that the store lost under the server's feet are not there for who is about to push them, by a look or by a
// mount, so that a push of the same image brings them back.
func TestD7(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	const image, other = "main/lost", "main/mounts"
	m := s.image(image, `{"lost":true}`, "lost layer")
	d := s.push(image, "1", m)
	for _, lost := range []digest.Digest{d, m.Config.Digest, m.Layers[0].Digest} {
		if err := s.Blobs.Delete(t.Context(), lost); err != nil {
			t.Fatal(err)
		}
	}
	layer := m.Layers[0].Digest.String()
	s.want(http.StatusNotFound, admin, http.MethodHead, image+"/blobs/"+layer, nil)
	for _, from := range []string{"&from=" + image, ""} {
		s.want(http.StatusAccepted, admin, http.MethodPost, other+"/blobs/uploads/?mount="+layer+from, nil)
	}
	s.ensure(image, image, *m.Config, []byte(`{"lost":true}`))
	s.ensure(image, image, m.Layers[0], []byte("lost layer"))
	s.push(image, "1", m)
	s.closure(image, "1")
	s.MustFsck(t)
}
