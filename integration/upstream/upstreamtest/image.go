package upstreamtest

import (
	"archive/tar"
	"bytes"
	"fmt"
	"strings"
)

const (
	indexType    = "application/vnd.oci.image.index.v1+json"
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar+gzip"

	dockerListType     = "application/vnd.docker.distribution.manifest.list.v2+json"
	dockerManifestType = "application/vnd.docker.distribution.manifest.v2+json"
	dockerConfigType   = "application/vnd.docker.container.image.v1+json"
	dockerLayerType    = "application/vnd.docker.image.rootfs.diff.tar.gzip"

	emptyType = "application/vnd.oci.empty.v1+json"
)

// ImageSpec is what an image has besides its name.
type ImageSpec struct {
	// Platforms such as "linux/arm64" make an index; none: one image for linux/amd64 without an index.
	Platforms []string
	// Layers are sizes of further layers, which are computed while they are sent.
	Layers []int64
	// Docker uses Docker's media types.
	Docker bool
	// Text is in a file of the first layer: another text makes another image.
	Text string
	// Labels are in the config.
	Labels map[string]string
}

// Image is an image that was published.
type Image struct {
	Digest    string
	Manifest  *File // what the tag points to: an index, or the only manifest
	Platforms map[string]PlatformImage
}

// PlatformImage is the image for one platform.
type PlatformImage struct {
	Manifest, Config *File
	Layers           []*File
}

// OCI publishes an image under a tag. Without platforms it is one for linux/amd64 without an index.
func (u *Server) OCI(repository, tag string, platforms ...string) Image {
	return u.OCIImage(repository, tag, ImageSpec{Platforms: platforms})
}

// OCIImage publishes an image under a tag, which moves if it is there; tag "" is none.
func (u *Server) OCIImage(repository, tag string, spec ImageSpec) Image {
	u.mu.Lock()
	defer u.mu.Unlock()
	r := u.ociRepository(repository)
	image := Image{Platforms: map[string]PlatformImage{}}
	platforms := spec.Platforms
	if len(platforms) == 0 {
		platforms = []string{"linux/amd64"}
	}
	var children []map[string]any
	for _, platform := range platforms {
		made := u.platformImage(repository, tag, platform, spec)
		image.Platforms[platform], image.Manifest = made, made.Manifest
		child := descriptor(made.Manifest)
		os, arch, _ := strings.Cut(platform, "/")
		arch, variant, _ := strings.Cut(arch, "/")
		about := map[string]string{"os": os, "architecture": arch}
		if variant != "" {
			about["variant"] = variant
		}
		child["platform"] = about
		children = append(children, child)
	}
	if len(spec.Platforms) > 0 {
		list := index(children)
		if spec.Docker {
			list["mediaType"] = dockerListType
		}
		image.Manifest = u.manifest(repository, list)
	}
	image.Digest = image.Manifest.Digest()
	if tag != "" {
		r.tags[tag] = image.Digest
	}
	return image
}

// platformImage publishes blobs and manifest of one platform. The caller holds mu.
func (u *Server) platformImage(repository, tag, platform string, spec ImageSpec) PlatformImage {
	types := [3]string{manifestType, configType, layerType}
	if spec.Docker {
		types = [3]string{dockerManifestType, dockerConfigType, dockerLayerType}
	}
	about := fmt.Sprintf("%s:%s for %s\n%s\n", repository, tag, platform, spec.Text)
	plain := tarred(map[string]string{"app/about.txt": about})
	first := u.blob(repository, fixed(gzipped(plain)))
	image := PlatformImage{Layers: []*File{first}}
	diffs := []string{sumsOf(fixed(plain)).Digest()}
	layers := []map[string]any{{"mediaType": types[2], "digest": first.Digest(), "size": first.Size()}}
	for i, size := range spec.Layers {
		big := bigTar(fmt.Sprintf("app/data-%d.bin", i), seedOf(about)+uint64(i), size)
		f := u.blob(repository, storedGzip(big))
		image.Layers, diffs = append(image.Layers, f), append(diffs, sumsOf(big).Digest())
		layers = append(layers, map[string]any{"mediaType": types[2], "digest": f.Digest(), "size": f.Size()})
	}
	os, arch, _ := strings.Cut(platform, "/")
	arch, variant, _ := strings.Cut(arch, "/")
	config := map[string]any{
		"os": os, "architecture": arch, "created": stamp(Epoch), "config": map[string]any{"Cmd": []string{"/app/run"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": diffs},
	}
	if variant != "" {
		config["variant"] = variant
	}
	if len(spec.Labels) > 0 {
		config["config"] = map[string]any{"Cmd": []string{"/app/run"}, "Labels": spec.Labels}
	}
	image.Config = u.blob(repository, fixed(marshal(config)))
	image.Manifest = u.manifest(repository, map[string]any{
		"schemaVersion": 2, "mediaType": types[0], "layers": layers,
		"config": map[string]any{"mediaType": types[1], "digest": image.Config.Digest(), "size": image.Config.Size()},
	})
	return image
}

// bigTar is a tar file with one big file in it.
func bigTar(name string, seed uint64, size int64) content {
	var header bytes.Buffer
	check(tar.NewWriter(&header).WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size, ModTime: packed, Typeflag: tar.TypeReg}))
	const block = 512
	end := make([]byte, (block-size%block)%block+2*block)
	return joined{fixed(header.Bytes()), generated{seed, size}, fixed(end)}
}

func index(manifests []map[string]any) map[string]any {
	return map[string]any{"schemaVersion": 2, "mediaType": indexType, "manifests": manifests}
}

func descriptor(f *File) map[string]any {
	return map[string]any{"mediaType": f.media, "digest": f.Digest(), "size": f.Size()}
}

// blob publishes bytes under their digest. The caller holds mu.
func (u *Server) blob(repository string, c content) *File {
	digest := sumsOf(c).Digest()
	return u.add(BlobPath(repository, digest), "application/octet-stream", c)
}

// manifest publishes a manifest under its digest. The caller holds mu.
func (u *Server) manifest(repository string, m map[string]any) *File {
	media, _ := m["mediaType"].(string)
	return u.rawManifest(repository, media, marshal(m))
}

func (u *Server) rawManifest(repository, media string, b []byte) *File {
	digest := sumsOf(fixed(b)).Digest()
	return u.add(OCIPath(repository, digest), media, fixed(b))
}

// OCIManifest publishes any bytes as a manifest; tag "" is none.
func (u *Server) OCIManifest(repository, tag, media string, b []byte) *File {
	u.mu.Lock()
	defer u.mu.Unlock()
	r, f := u.ociRepository(repository), u.rawManifest(repository, media, b)
	if tag != "" {
		r.tags[tag] = f.Digest()
	}
	return f
}

// OCIBlob publishes any bytes as a blob.
func (u *Server) OCIBlob(repository string, b []byte) *File {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ociRepository(repository)
	return u.blob(repository, fixed(b))
}

// OCIAttach publishes a payload that refers to a digest, such as a signature or an SBOM, and returns its manifest. While the
// referrers API is off, the fallback tag names it.
func (u *Server) OCIAttach(repository, subject, artifactType string, payload []byte) *File {
	u.mu.Lock()
	defer u.mu.Unlock()
	r := u.ociRepository(repository)
	target := u.files[OCIPath(repository, subject)]
	if target == nil {
		panic("upstreamtest: no manifest " + subject)
	}
	empty, layer := u.blob(repository, fixed([]byte("{}"))), u.blob(repository, fixed(payload))
	f := u.manifest(repository, map[string]any{
		"schemaVersion": 2, "mediaType": manifestType, "artifactType": artifactType, "subject": descriptor(target),
		"config": map[string]any{"mediaType": emptyType, "digest": empty.Digest(), "size": empty.Size()},
		"layers": []map[string]any{{"mediaType": artifactType, "digest": layer.Digest(), "size": layer.Size()}},
	})
	d := descriptor(f)
	d["artifactType"] = artifactType
	r.attachments = append(r.attachments, attachment{subject, artifactType, d})
	if !u.oci.referrers {
		var all []map[string]any
		for _, x := range r.attachments {
			if x.subject == subject {
				all = append(all, x.descriptor)
			}
		}
		r.tags[strings.Replace(subject, ":", "-", 1)] = u.manifest(repository, index(all)).Digest()
	}
	return f
}
