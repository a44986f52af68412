package api

// Publish is what clients staged with the header X-Slipway-Publish under one id. Only the caller that staged it sees it.
type Publish struct {
	ID         string       `json:"id" doc:"The id that the client chose."`
	Repository string       `json:"repository" doc:"Name of the repository."`
	CreatedAt  string       `json:"created_at" format:"date-time" doc:"When it was made."`
	UpdatedAt  string       `json:"updated_at" format:"date-time" doc:"When it last changed."`
	Files      []StagedFile `json:"files" doc:"Its files."`
}

// WaitingPublish is what its caller has sent and others do not see yet: a publish with an id, or a version of a format whose clients
// send it file by file.
type WaitingPublish struct {
	ID         string `json:"id,omitempty" doc:"The id that the client chose; absent for a version that its format makes visible."`
	Area       string `json:"area,omitempty" doc:"Of a version that its format makes visible: what ends it in place of an id, with area=true."`
	Owner      string `json:"owner" doc:"Id of the user or the token that sent the files."`
	MayEnd     bool   `json:"may_end" doc:"You may end it: what you or a token of yours sent, and all in repositories that you administer."`
	Repository string `json:"repository" doc:"Name of the repository."`
	Format     string `json:"format" doc:"Format of the package; of a publish, of its first file."`
	Package    string `json:"package" doc:"Name of the package."`
	Version    string `json:"version" doc:"The version, as its format writes it."`
	Files      int    `json:"files" doc:"How many files came."`
	By         string `json:"by" doc:"Who sent them."`
	CreatedAt  string `json:"created_at" format:"date-time" doc:"When the first file came."`
	UpdatedAt  string `json:"updated_at" format:"date-time" doc:"When the last file came."`
	WaitsFor   string `json:"waits_for" doc:"What is missing until it becomes visible."`
	VisibleAt  string `json:"visible_at,omitempty" format:"date-time" doc:"When it becomes visible unless another file comes; absent: not on its own."`
	EndsAt     string `json:"ends_at" format:"date-time" doc:"When it is dropped unless another file comes, with an event staging.abandoned."`
}

// StagedFile is a file that waits for the commit of its publish.
type StagedFile struct {
	Format  string `json:"format" doc:"Format of the package."`
	Package string `json:"package" doc:"Name of the package."`
	Version string `json:"version" doc:"The version, as its format writes it."`
	Path    string `json:"path" doc:"Path within the version."`
	Size    int64  `json:"size" doc:"Bytes."`
	SHA256  string `json:"sha256" pattern:"^[0-9a-f]{64}$" doc:"In hex."`
	AddedAt string `json:"added_at" format:"date-time" doc:"When the file was stored."`
}

// PublishedVersion is a version as the commit of a publish left it. Created is false when the same content was published
// already.
type PublishedVersion struct {
	PURL    string `json:"purl" doc:"Package URL of the version."`
	Format  string `json:"format" doc:"Format of the package."`
	Name    string `json:"name" doc:"Its name."`
	Version string `json:"version" doc:"The version, as its format writes it."`
	Digest  Digest `json:"digest,omitempty"`
	Created bool   `json:"created" doc:"False where the very same content was there."`
}
