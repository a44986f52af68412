package oci

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"slipway/internal/httpserver"
	"slipway/registry"
)

const typeHelmConfig = "application/vnd.cncf.helm.config.v1+json"

// maxDescribedParts bounds the parts of an index that are described: of each it is looked up whether it is here.
const maxDescribedParts = 100

// Annotations and labels that describe an image.
const (
	keyDescription = "org.opencontainers.image.description"
	keyTitle       = "org.opencontainers.image.title"
	keyLicenses    = "org.opencontainers.image.licenses"
	keyBaseName    = "org.opencontainers.image.base.name"
	keyBaseDigest  = "org.opencontainers.image.base.digest"
	// What BuildKit writes at the parts of an index that are about another part.
	keyReferenceDigest = "vnd.docker.reference.digest"
	keyReferenceType   = "vnd.docker.reference.type"
)

// describeVersion is registry.Rules.Describe: of an index its parts, and of an image what it consists of and how it is run. The config of an image, the
// only thing that is not in the manifest, is read where its bytes are here.
func describeVersion(ctx context.Context, v registry.Describing) (out registry.Description, err error) {
	o, err := parseObject(v.Version.Descriptor)
	if err != nil {
		return out, nil //nolint:nilerr // of a registry elsewhere, which has not sent it yet
	}
	m, err := parseManifest(v.Version.MediaType, v.Version.Descriptor)
	if err != nil {
		return out, nil //nolint:nilerr // as above
	}
	said := m.annotations
	if m.mediaType == typeIndex || m.mediaType == typeDockerIndex {
		out.Properties = properties(m.annotations)
		out.Parts, out.Cut, err = parts(ctx, v, o)
	} else {
		out.Image = &registry.Image{ArtifactType: m.artifactType, Annotations: properties(m.annotations), Steps: steps(v, m)}
		var labels map[string]string
		if labels, err = describeConfig(ctx, v, m, &out); labels != nil {
			said = maps.Clone(labels)
			maps.Copy(said, m.annotations)
		}
		out.Image.Base = registry.Base{Name: said[keyBaseName], Digest: said[keyBaseDigest]}
	}
	out.Summary = cmp.Or(out.Summary, said[keyDescription], said[keyTitle])
	out.License = said[keyLicenses]
	return out, err
}

// steps are the layers of an image, which its config may tell more of.
func steps(v registry.Describing, m manifest) []registry.Step {
	layers := m.blobs
	if m.config != nil {
		layers = layers[1:]
	}
	out := make([]registry.Step, min(len(layers), registry.MaxDescribed+1))
	for i := range out {
		l := layers[i]
		f, linked := v.File(func(path string) bool { return path == l.digest.String() })
		out[i] = registry.Step{Digest: l.digest.String(), MediaType: l.mediaType, Size: l.size, Here: linked && f.Blob.ID != 0}
	}
	return out
}

// parts are those of an index. cut: there are more.
func parts(ctx context.Context, v registry.Describing, o object) (out []registry.Part, cut bool, err error) {
	list, err := o.list("manifests")
	if err != nil {
		return nil, false, nil //nolint:nilerr // it was checked when it was stored
	}
	if cut = len(list) > maxDescribedParts; cut {
		list = list[:maxDescribedParts]
	}
	for _, in := range list {
		d, err := parseDescriptor("manifests", in)
		if err != nil {
			continue
		}
		p := registry.Part{Version: d.digest.String(), MediaType: d.mediaType, Size: d.size}
		p.ArtifactType, _ = in.text("artifactType")
		said := in.strings("annotations")
		if said[keyReferenceType] != "" {
			p.About, p.ArtifactType = said[keyReferenceDigest], cmp.Or(p.ArtifactType, said[keyReferenceType])
		}
		if in.has("platform") {
			if platform, err := parseObject(in["platform"]); err == nil {
				p.Platform = platformOf(platform)
			}
		}
		if p.Here, err = v.Here.Has(ctx, p.Version); err != nil {
			return nil, false, err
		}
		out = append(out, p)
	}
	return out, cut, nil
}

// platformOf is a platform as clients write it, image-spec "Image Index".
func platformOf(o object) string {
	system, _ := o.text("os")
	architecture, _ := o.text("architecture")
	variant, _ := o.text("variant")
	version, _ := o.text("os.version")
	return joinPlatform(system, architecture, variant, version)
}

func joinPlatform(system, architecture, variant, version string) string {
	if system == "unknown" && architecture == "unknown" {
		return ""
	}
	var words []string
	for _, w := range []string{system, architecture, variant} {
		if w != "" {
			words = append(words, w)
		}
	}
	text := strings.Join(words, "/")
	if version != "" && text != "" {
		text += " (" + version + ")"
	}
	return text
}

// describedConfig has the fields of a config, image-spec "Image Configuration", that are described.
type describedConfig struct {
	Created      string `json:"created"`
	Author       string `json:"author"`
	OS           string `json:"os"`
	OSVersion    string `json:"os.version"`
	Architecture string `json:"architecture"`
	Variant      string `json:"variant"`
	Config       struct {
		User         string              `json:"User"`
		Env          []string            `json:"Env"`
		Entrypoint   []string            `json:"Entrypoint"`
		Cmd          []string            `json:"Cmd"`
		WorkingDir   string              `json:"WorkingDir"`
		Labels       map[string]string   `json:"Labels"`
		StopSignal   string              `json:"StopSignal"`
		ExposedPorts map[string]struct{} `json:"ExposedPorts"`
		Volumes      map[string]struct{} `json:"Volumes"`
	} `json:"config"`
	History []struct {
		Created   string `json:"created"`
		CreatedBy string `json:"created_by"`
		Comment   string `json:"comment"`
		Empty     bool   `json:"empty_layer"`
	} `json:"history"`
}

// describeConfig adds what the config of an image or a chart says, and returns the labels in it. A config may be any bytes: one that can't be
// read is no error.
func describeConfig(ctx context.Context, v registry.Describing, m manifest, out *registry.Description) (map[string]string, error) {
	image := out.Image
	if m.config == nil {
		return nil, nil
	}
	switch m.config.mediaType {
	case typeConfig, typeDockerConfig, typeHelmConfig:
	default:
		image.ArtifactType = cmp.Or(image.ArtifactType, m.config.mediaType)
		return nil, nil
	}
	if m.config.size > maxConfigBytes {
		image.Unread = "it is larger than 1 MiB"
		return nil, nil
	}
	raw, err := v.ReadHere(ctx, v.Version.Name, m.config.digest.String(), maxConfigBytes+1)
	if err != nil {
		return nil, err
	}
	switch {
	case raw == nil:
		image.Unread = "its bytes are not on this server"
		return nil, nil
	case len(raw) > maxConfigBytes, httpserver.TooDeep(raw):
		image.Unread = "it is too large or nests too deep"
		return nil, nil
	}
	if m.config.mediaType == typeHelmConfig {
		image.ArtifactType = cmp.Or(image.ArtifactType, m.config.mediaType)
		describeChart(raw, out)
		return nil, nil
	}
	var c describedConfig
	if json.Unmarshal(raw, &c) != nil {
		image.Unread = "it is not the config of an image"
		return nil, nil
	}
	image.Platform = joinPlatform(c.OS, c.Architecture, c.Variant, c.OSVersion)
	image.Created, image.Author, image.User, image.WorkingDir, image.StopSignal = c.Created, c.Author, c.Config.User, c.Config.WorkingDir, c.Config.StopSignal
	image.Entrypoint, image.Command = maskedWords(c.Config.Entrypoint), maskedWords(c.Config.Cmd)
	image.Ports, image.Volumes = slices.Sorted(maps.Keys(c.Config.ExposedPorts)), slices.Sorted(maps.Keys(c.Config.Volumes))
	image.Labels = properties(c.Config.Labels)
	for _, line := range c.Config.Env[:min(len(c.Config.Env), registry.MaxDescribed+1)] {
		name, value, _ := strings.Cut(line, "=")
		image.Environment = append(image.Environment, environmentVariable(name, value))
	}
	image.Steps = withHistory(image.Steps, c)
	return c.Config.Labels, nil
}

// withHistory puts the commands of the history to the layers that they made. Where it tells of another number of layers than there are, nobody
// knows which is which: then the layers stay as they are.
func withHistory(layers []registry.Step, c describedConfig) []registry.Step {
	made := 0
	for _, h := range c.History {
		if !h.Empty {
			made++
		}
	}
	if made != len(layers) {
		return layers
	}
	var out []registry.Step
	for _, h := range c.History {
		var s registry.Step
		if !h.Empty {
			s, layers = layers[0], layers[1:]
		}
		s.Command, s.Created, s.Comment = maskedText(h.CreatedBy), h.Created, h.Comment
		out = append(out, s)
	}
	return out
}

// describeChart adds what Helm writes as the config of a chart: its Chart.yaml, as JSON.
func describeChart(raw []byte, out *registry.Description) {
	var c struct {
		Description  string `json:"description"`
		AppVersion   string `json:"appVersion"`
		KubeVersion  string `json:"kubeVersion"`
		Type         string `json:"type"`
		Home         string `json:"home"`
		Dependencies []struct {
			Name, Version, Repository, Condition string
		} `json:"dependencies"`
	}
	if json.Unmarshal(raw, &c) != nil {
		return
	}
	out.Summary = c.Description
	for _, p := range []registry.Property{{Name: "application version", Value: c.AppVersion}, {Name: "Kubernetes", Value: c.KubeVersion}, {Name: "type", Value: c.Type}, {Name: "home page", Value: c.Home}} {
		if p.Value != "" {
			out.Properties = append(out.Properties, p)
		}
	}
	for _, d := range c.Dependencies[:min(len(c.Dependencies), registry.MaxDescribed+1)] {
		note := d.Repository
		if d.Condition != "" {
			note = strings.TrimSpace(note + " if " + d.Condition)
		}
		out.Dependencies = append(out.Dependencies, registry.Dependency{Name: d.Name, Requirement: d.Version, Note: note})
	}
}

// properties are the entries of a map, by name, without what looks like a secret.
func properties(m map[string]string) []registry.Property {
	var out []registry.Property
	for _, name := range slices.Sorted(maps.Keys(m)) {
		value := m[name]
		if looksSecret(value) {
			value = masked
		}
		out = append(out, registry.Property{Name: name, Value: value})
	}
	return out
}
