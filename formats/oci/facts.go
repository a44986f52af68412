package oci

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/registry"
	"slipway/registry/publish"
)

// Bounds of reading an image's origin.
const (
	maxConfigBytes = 1 << 20
	maxFactBytes   = 1024
	maxFactParts   = 100 // of an index
)

const (
	// firstRealYear: reproducible builds give their images the time 0 of some clock.
	firstRealYear = 1990
	timeLayout    = "2006-01-02T15:04:05.000000Z"
)

// annotations and labels that say where an image comes from: the image-spec's, and those of label-schema before it. The first
// present key of each fact counts.
var declared = []struct{ key, fact string }{
	{"org.opencontainers.image.revision", registry.FactSourceCommit},
	{"org.label-schema.vcs-ref", registry.FactSourceCommit},
	{"org.opencontainers.image.source", registry.FactSourceRepository},
	{"org.label-schema.vcs-url", registry.FactSourceRepository},
	{"org.opencontainers.image.created", registry.FactBuildFinishedAt},
	{"org.label-schema.build-date", registry.FactBuildFinishedAt},
}

// facts are a manifest's declared facts about its origin: its annotations, then the labels of its config. An unreadable config
// is no reason to refuse an image, as a config may be any bytes.
func (h *handlers) facts(ctx context.Context, pub *publish.Publish, put manifestPut, config *publish.Staged) []registry.FactInput {
	f := factList{}
	f.from("oci:annotation", put.annotations)
	if put.config != nil && config != nil && config.Path == put.config.digest.String() && config.Blob.Size <= maxConfigBytes {
		if raw, err := readConfig(ctx, pub, *config); err == nil {
			f.config(raw)
		}
	}
	return f.out
}

// partFacts are the facts on which all manifests of an index agree and which the index's own facts (own) lack: build tools
// write an image's origin into the images of the platforms only. Manifests without facts, such as attestations, do not count.
func partFacts(ctx context.Context, pub *publish.Publish, rel publish.Release, own []registry.FactInput) ([]registry.FactInput, error) {
	var parts []digest.Digest
	for _, r := range rel.References {
		if r.Kind == registry.RefChild && r.Required {
			parts = append(parts, r.Digest)
		}
	}
	if len(parts) == 0 || len(parts) > maxFactParts {
		return nil, nil
	}
	said, err := pub.FactsOf(ctx, parts)
	if err != nil {
		return nil, err
	}
	agreed := map[string]string{} // "" where they differ
	for _, facts := range said {
		for i, f := range facts {
			if i > 0 && facts[i-1].Key == f.Key || !strings.HasPrefix(f.Key, "source.") && !strings.HasPrefix(f.Key, "build.") {
				continue // the first fact of a key is the one that is shown
			}
			if v, ok := agreed[f.Key]; ok && v != f.Value {
				f.Value = ""
			}
			agreed[f.Key] = f.Value
		}
	}
	var out []registry.FactInput
	for _, key := range slices.Sorted(maps.Keys(agreed)) {
		if agreed[key] != "" && !slices.ContainsFunc(own, func(f registry.FactInput) bool { return f.Key == key }) {
			out = append(out, registry.FactInput{Key: key, Value: agreed[key], Source: "oci:manifests", Rank: registry.RankDeclared})
		}
	}
	return out, nil
}

// imageConfig has the used fields of a config, image-spec "Image Configuration".
type imageConfig struct {
	Created string `json:"created"`
	Config  struct {
		Labels map[string]string `json:"Labels"`
	} `json:"config"`
}

func readConfig(ctx context.Context, pub *publish.Publish, st publish.Staged) ([]byte, error) {
	rc, err := pub.Open(ctx, st)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	return io.ReadAll(io.LimitReader(rc, maxConfigBytes))
}

type factList struct{ out []registry.FactInput }

// config adds what a config says, which may be any bytes.
func (f *factList) config(raw []byte) {
	var c imageConfig
	if json.Unmarshal(raw, &c) != nil {
		return
	}
	f.from("oci:label", c.Config.Labels)
	f.add(registry.FactBuildFinishedAt, c.Created, "oci:config")
}

func (f *factList) from(source string, values map[string]string) {
	had := map[string]bool{}
	for _, d := range declared {
		if v := values[d.key]; v != "" && !had[d.fact] {
			had[d.fact] = f.add(d.fact, v, source)
		}
	}
}

// add stores a fact unless it is invalid, as a time that can't be read is.
func (f *factList) add(key, value, source string) bool {
	switch key {
	case registry.FactSourceCommit:
		commit := registry.CommitFacts(value, source, registry.RankDeclared)
		f.out = append(f.out, commit...)
		return commit != nil
	case registry.FactSourceRepository:
		value = registry.NormalizeSource(value)
	case registry.FactBuildFinishedAt:
		t, err := time.Parse(time.RFC3339Nano, value)
		if err != nil || t.Year() < firstRealYear {
			return false
		}
		value = t.UTC().Format(timeLayout)
	}
	if value == "" || len(value) > maxFactBytes {
		return false
	}
	f.out = append(f.out, registry.FactInput{Key: key, Value: value, Source: source, Rank: registry.RankDeclared})
	return true
}
