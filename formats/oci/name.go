package oci

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/gorilla/mux"
	"github.com/opencontainers/go-digest"

	"slipway/formats"
	"slipway/registry"
	"slipway/registry/catalog"
)

// maxNameBytes bounds <repository>/<image>: clients refuse host and name together over 255 characters.
const maxNameBytes = 255

// nameGrammar is <name> of distribution-spec, "Pulling manifests".
var nameGrammar = regexp.MustCompile(`^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$`)

func checkImage(image string) error {
	if len(image) > maxNameBytes || !nameGrammar.MatchString(image) {
		return registry.Errorf(registry.Invalid, registry.AboutPackage,
			"%q is not an image name: lower-case letters and digits, joined by '.', '_', '__' or '-', parts separated by '/', at most %d bytes", formats.Clip(image), maxNameBytes)
	}
	return nil
}

// fullName is <repository>/<image> as the request has it, decoded once; "" when it can't be decoded. Doubled slashes, which a proxy's
// setting can make, count as one.
func fullName(r *http.Request) string {
	full, err := url.PathUnescape(mux.Vars(r)["name"])
	if err != nil {
		return ""
	}
	if strings.Contains(full, "//") || strings.HasPrefix(full, "/") || strings.HasSuffix(full, "/") {
		full = strings.Join(strings.FieldsFunc(full, func(r rune) bool { return r == '/' }), "/")
	}
	return full
}

// parseName returns the image that the request is about. Invalid; NotFound for a name without an image.
func parseName(r *http.Request) (registry.Name, error) { return splitName(fullName(r)) }

// splitName takes the first part of a full name as the repository, the rest as the image.
func splitName(full string) (registry.Name, error) {
	if err := checkImage(full); err != nil {
		return registry.Name{}, err
	}
	repository, image, ok := strings.Cut(full, "/")
	if !ok {
		return registry.Name{}, registry.Errorf(registry.NotFound, registry.AboutRepository,
			"%q names no image: a name is <repository>/<image>, such as %s/%s", formats.Clip(full), registry.DefaultRepository, formats.Clip(full))
	}
	return registry.NewName(repository, name, image, image)
}

// full is the name that clients use for n.
func full(n registry.Name) string { return n.Repository + "/" + n.Package }

// parseDigest takes what the specification registers: sha256 and sha512, lower-case hex. Invalid.
func parseDigest(s string) (digest.Digest, error) {
	d := digest.Digest(s)
	if d.Validate() != nil || (d.Algorithm() != digest.SHA256 && d.Algorithm() != digest.SHA512) {
		return "", registry.Errorf(registry.Invalid, registry.AboutBlob,
			"%q is not a digest: sha256 or sha512, a colon, and 64 or 128 lower-case hex digits", formats.Clip(s))
	}
	return d, nil
}

// variable is a part of the path, decoded once. Text that can't be decoded matches no grammar either.
func variable(r *http.Request, key string) string {
	raw := mux.Vars(r)[key]
	if s, err := url.PathUnescape(raw); err == nil {
		return s
	}
	return raw
}

// reference is the last part of a manifest's path: a tag or a digest.
type reference struct {
	tag    string
	digest digest.Digest
}

// parseReference returns image and reference of a manifest request. Invalid.
func parseReference(r *http.Request) (at registry.Name, ref reference, err error) {
	if at, err = parseName(r); err != nil {
		return at, ref, err
	}
	s := variable(r, "reference")
	if strings.Contains(s, ":") {
		ref.digest, err = parseDigest(s)
		return at, ref, err
	}
	ref.tag = s
	return at, ref, registry.CheckTag(s)
}

// attachmentTag are tags that cosign and the referrers tag schema make of an image's digest, for what belongs to the image.
var attachmentTag = regexp.MustCompile(`^sha256-[0-9a-f]{64}(\.sig|\.att|\.sbom)?$`)

func isAttachment(tag string) bool { return attachmentTag.MatchString(tag) }

// attachments reports whether there are tags, and all are of that kind.
func attachments(tags []string) bool {
	return len(tags) > 0 && !slices.ContainsFunc(tags, func(tag string) bool { return !isAttachment(tag) })
}

// query returns the catalog's Ref.
func (ref reference) query() catalog.Ref {
	return catalog.Ref{Version: ref.digest.String(), Tag: ref.tag}
}

// parseBlob returns image and digest of a blob request.
func parseBlob(r *http.Request) (registry.Name, digest.Digest, error) {
	at, err := parseName(r)
	if err != nil {
		return at, "", err
	}
	d, err := parseDigest(variable(r, "digest"))
	return at, d, err
}

// purl is pkg:oci/<last part>@<digest>?repository_url=<host>/<repository>/<image>. base is the server's URL.
func purl(base string, at registry.Name, d digest.Digest) string {
	_, host, _ := strings.Cut(base, "://")
	return packagePURL(at.Package) + "@" + string(d.Algorithm()) + "%3A" + d.Encoded() + "?repository_url=" + host + "/" + full(at)
}

// packagePURL is registry.Rules.PackagePURL: the last part of the image's name.
func packagePURL(image string) string { return "pkg:oci/" + image[strings.LastIndex(image, "/")+1:] }

// fromPURL is registry.Rules.FromPURL: repository_url has the full name after the host, which may be an old name of the
// server; without repository_url, the purl's name is the image.
func fromPURL(p registry.PURL) (string, error) {
	_, full, ok := strings.Cut(p.Qualifiers.Get("repository_url"), "/")
	if !ok {
		return p.Name, nil
	}
	at, err := splitName(full)
	return at.Package, err
}

// movePURL is registry.Rules.MovePURL: repository_url names the image with its repository, after the host.
func movePURL(text string, to registry.Name) string {
	before, url, ok := strings.Cut(text, "?repository_url=")
	host, _, named := strings.Cut(url, "/")
	if !ok || !named {
		return text
	}
	return before + "?repository_url=" + host + "/" + full(to)
}

// Paths in answers are always without host, so that a proxy in front needs no rewriting.
func blobPath(at registry.Name, d digest.Digest) string {
	return "/v2/" + full(at) + "/blobs/" + d.String()
}

func manifestPath(at registry.Name, d digest.Digest) string {
	return "/v2/" + full(at) + "/manifests/" + d.String()
}

func uploadPath(at registry.Name, id string) string {
	return "/v2/" + full(at) + "/blobs/uploads/" + id
}
