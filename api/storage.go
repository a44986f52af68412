package api

// Usage is what is held in a format: versions that are not deleted, with the bytes of their files. Bytes that several versions share count for each.
type Usage struct {
	Format      string `json:"format" doc:"The format."`
	Packages    int64  `json:"packages" doc:"Packages with versions."`
	Versions    int64  `json:"versions" doc:"Versions, with those that belong to others as signatures do."`
	Bytes       int64  `json:"bytes" doc:"Bytes of their files; what several versions share counts for each."`
	CachedBytes int64  `json:"cached_bytes" doc:"Of these, the bytes of packages that came from registries elsewhere, as far as they are here."`
}

// RepositoryUsage is what a repository holds itself, as it was counted last.
type RepositoryUsage struct {
	Repository string  `json:"repository" doc:"Its name."`
	Formats    []Usage `json:"formats" doc:"By format; formats of which it never held a package are left out."`
}

// Storage is what all repositories hold together, and what is stored of it.
type Storage struct {
	Formats     []Usage `json:"formats" doc:"By format, counted behind the changes: those of the last minutes may be missing."`
	StoredBlobs int64   `json:"stored_blobs" doc:"Blobs in the store: each content once."`
	StoredBytes int64   `json:"stored_bytes" doc:"Their bytes, with those of what was deleted and can be restored, of what is not published yet, and of what a collection will take."`
	CountedAt   *string `json:"counted_at" format:"date-time" doc:"When the blobs were counted; null: not yet."`
}

// KeptBlob says why a blob is stored.
type KeptBlob struct {
	Digest     string    `json:"digest" doc:"Of the bytes."`
	Size       int64     `json:"size" doc:"Bytes."`
	CreatedAt  string    `json:"created_at" format:"date-time" doc:"When it was stored."`
	ReleasedAt *string   `json:"released_at" format:"date-time" doc:"When it last lost a use; null: it never did."`
	Needed     bool      `json:"needed" doc:"Whether anything needs it. If not, a collection takes it when its grace is over."`
	Uses       []BlobUse `json:"uses" doc:"What needs it: of each kind the first 20."`
}

// BlobUse is something that needs a blob.
type BlobUse struct {
	Kind       string  `json:"kind" enum:"file,deleted,staged,upload,index,lease" doc:"A file of a version; a version that was deleted and can be restored; a publish that is not visible yet; an upload that has not ended; what a registry elsewhere says of a package; a client that has sent it and has not said yet what it belongs to."`
	Repository string  `json:"repository,omitempty" doc:"The repository."`
	Format     string  `json:"format,omitempty" doc:"The format of the package."`
	Package    string  `json:"package,omitempty" doc:"The package."`
	Version    string  `json:"version,omitempty" doc:"The version."`
	Path       string  `json:"path,omitempty" doc:"The file, below the version."`
	Until      *string `json:"until" format:"date-time" doc:"When it ends by itself; null: it does not, or it is not known."`
}
