package api

import (
	"net/http"

	"github.com/opencontainers/go-digest"

	"slipway/api"
	"slipway/internal/httpserver"
	"slipway/registry/access"
	"slipway/registry/maintain"
	"slipway/web/internal/wire"
	"slipway/web/openapi"
)

// storageRoutes are the endpoints of what repositories hold, and of what is stored of it.
func (h *handlers) storageRoutes() []endpoint {
	return []endpoint{
		{"GET", "/storage", "api.storage", h.getStorage, openapi.Operation{
			Rights: needs(scopeServer, access.Audit), ID: "getStorage", Group: "Server", Summary: "Show what is stored", Answers: success("All repositories together.", storageExample)}},
		{"GET", "/storage/repositories", "api.storage.repositories", h.listUsage, openapi.Operation{
			Rights: needs(scopeServer, access.Audit), ID: "listUsage", Group: "Server", Summary: "List what each repository holds", Query: paged(),
			Answers: success("The repositories, by name.", api.List[api.RepositoryUsage]{Items: []api.RepositoryUsage{usageExample}})}},
		{"POST", "/storage/count", "api.storage.count", h.countStorage, openapi.Operation{
			Rights: needs(scopeServer, access.Admin), ID: "countStorage", Group: "Server", Summary: "Count anew what is stored",
			About: "It is counted by itself a minute after changes, and the blobs every hour.", Answers: success("All repositories together.", storageExample)}},
		{"GET", "/blobs/{digest}", "api.blobs.get", h.getBlob, openapi.Operation{
			Rights: needs(scopeServer, access.Audit), ID: "getBlob", Group: "Server", Summary: "Say why a blob is kept", Answers: success("What needs it.", blobExample), Errors: []int{http.StatusNotFound}}},
		{"GET", repositoryPath + "/usage", "api.repositories.usage", h.getUsage, openapi.Operation{
			Rights: needs(scopeRepository, access.Read), ID: "getUsage", Group: "Repositories", Summary: "Show what a repository holds",
			About: "Itself, without the places that it answers from; counted behind the changes: those of the last minutes may be missing.", Answers: success("By format.", usageExample)}},
	}
}

var (
	formatUsageExample = api.Usage{Format: "npm", Packages: 12, Versions: 90, Bytes: 52_428_800}
	usageExample       = api.RepositoryUsage{Repository: "main", Formats: []api.Usage{formatUsageExample}}
	storageExample     = api.Storage{Formats: []api.Usage{formatUsageExample}, StoredBlobs: 80, StoredBytes: 41_943_040, CountedAt: &laterExample}
	blobExample        = api.KeptBlob{Digest: digestExample, Size: 20_480, CreatedAt: momentExample, Needed: true,
		Uses: []api.BlobUse{{Kind: maintain.KeptByFile, Repository: "main", Format: "npm", Package: "@acme/web", Version: "1.4.2", Path: "web-1.4.2.tgz"}}}
)

func usagesOf(list []maintain.Usage) []api.Usage {
	out := make([]api.Usage, len(list))
	for i, u := range list {
		out[i] = api.Usage{Format: u.Format, Packages: u.Packages, Versions: u.Versions, Bytes: u.Bytes, CachedBytes: u.CachedBytes}
	}
	return out
}

// getStorage answers GET /storage.
func (h *handlers) getStorage(w http.ResponseWriter, r *http.Request) error {
	formats, stored, err := h.svc.Maintain.Storage(r.Context())
	if err != nil {
		return err
	}
	return httpserver.JSON(w, http.StatusOK, api.Storage{Formats: usagesOf(formats), StoredBlobs: stored.Blobs, StoredBytes: stored.Bytes, CountedAt: timeOrNull(stored.At)})
}

// countStorage answers POST /storage/count as GET /storage.
func (h *handlers) countStorage(w http.ResponseWriter, r *http.Request) error {
	if err := h.svc.Maintain.CountUsage(r.Context()); err != nil {
		return err
	}
	return h.getStorage(w, r)
}

// listUsage answers GET /storage/repositories.
func (h *handlers) listUsage(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	page := in.page()
	if in.err != nil {
		return in.err
	}
	list, next, err := h.svc.Maintain.Usages(r.Context(), page)
	if err != nil {
		return err
	}
	out := api.List[api.RepositoryUsage]{Items: make([]api.RepositoryUsage, len(list)), Next: next}
	for i, u := range list {
		out.Items[i] = api.RepositoryUsage{Repository: u.Repository, Formats: usagesOf(u.Formats)}
	}
	return httpserver.JSON(w, http.StatusOK, out)
}

// getUsage answers GET /repositories/{repository}/usage.
func (h *handlers) getUsage(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	repository := in.segment("repository")
	if in.err != nil {
		return in.err
	}
	list, err := h.svc.Maintain.Usage(r.Context(), repository)
	return writeOne(w, http.StatusOK, list, err, func(list []maintain.Usage) api.RepositoryUsage {
		return api.RepositoryUsage{Repository: repository, Formats: usagesOf(list)}
	})
}

// getBlob answers GET /blobs/{digest}.
func (h *handlers) getBlob(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	text := in.segment("digest")
	if in.err == nil {
		if d, err := digest.Parse(text); err != nil || d.Algorithm() != digest.SHA256 {
			in.err = wire.Invalid("a blob is named by its digest, such as %s", digestExample)
		}
	}
	if in.err != nil {
		return in.err
	}
	kept, err := h.svc.Maintain.WhyKept(r.Context(), digest.Digest(text))
	return writeOne(w, http.StatusOK, kept, err, keptOf)
}

func keptOf(k maintain.Kept) api.KeptBlob {
	out := api.KeptBlob{Digest: k.Blob.Digest.String(), Size: k.Blob.Size, CreatedAt: timeText(k.Blob.CreatedAt), ReleasedAt: timeOrNull(k.Blob.ReleasedAt), Needed: len(k.Uses) > 0,
		Uses: make([]api.BlobUse, len(k.Uses))}
	for i, u := range k.Uses {
		out.Uses[i] = api.BlobUse{Kind: u.Kind, Repository: u.Repository, Format: u.Format, Package: u.Package, Version: u.Version, Path: u.Path, Until: timeOrNull(u.Until)}
	}
	return out
}
