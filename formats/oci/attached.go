package oci

import (
	"strings"

	"slipway/registry"
)

// Annotations that say what an attachment is about.
const (
	keyPredicate         = "predicateType"
	keyInTotoPredicate   = "in-toto.io/predicate-type"
	keySigstoreContent   = "dev.sigstore.bundle.content"
	keySigstorePredicate = "dev.sigstore.bundle.predicateType"
)

// attached is registry.Rules.Attached: what a manifest with a subject is, or one that cosign names by a tag, by the types and annotations in it.
func attached(v registry.Version) registry.Attachment {
	ref := describe(v)
	out := registry.Attachment{ArtifactType: ref.ArtifactType, Annotations: properties(ref.Annotations)}
	words := ref.ArtifactType
	for _, key := range []string{keyPredicate, keyInTotoPredicate, keySigstorePredicate, keySigstoreContent} {
		words += " " + ref.Annotations[key]
	}
	if m, err := parseManifest(v.MediaType, v.Descriptor); err == nil {
		for i, b := range m.blobs {
			if i > maxKindBlobs {
				break
			}
			words += " " + b.mediaType
		}
	}
	out.Kind = kindOf(strings.ToLower(words))
	return out
}

// maxKindBlobs bounds the layers that are looked at for what an attachment is.
const maxKindBlobs = 10

// kindOf is the kind of an attachment by the types that it names.
func kindOf(words string) string {
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(words, p) {
				return true
			}
		}
		return false
	}
	switch {
	case has("spdx", "cyclonedx", "syft"):
		return registry.AttachedSBOM
	case has("in-toto", "slsa", "attestation", "dsse"):
		return registry.AttachedAttestation
	case has("cosign.simplesigning", "cosign.artifact.sig", "notary.signature", "sigstore.bundle", "pkcs7-signature", "pgp-signature", "signature"):
		return registry.AttachedSignature
	}
	return registry.AttachedOther
}

// attachedTags is registry.Rules.AttachedTags: the tags by which cosign names what belongs to a manifest.
func attachedTags(version string) []string {
	name := strings.Replace(version, ":", "-", 1)
	return []string{name + ".sig", name + ".att", name + ".sbom"}
}
