package api

// Package is a package of a repository.
type Package struct {
	Format    string `json:"format" doc:"Format of the package."`
	Name      string `json:"name" doc:"Its name."`
	Latest    string `json:"latest" doc:"The newest version that is no prerelease, by the rules of the format; empty without one."`
	Versions  int64  `json:"versions" doc:"How many versions there are."`
	Size      int64  `json:"size,omitempty" doc:"In lists: bytes of its versions, as they were counted last, a minute or so ago; absent: not counted yet."`
	Attached  int64  `json:"attached,omitempty" doc:"How many more there are that belong to other versions, as signatures do."`
	CreatedAt string `json:"created_at" format:"date-time" doc:"When it was made."`
	UpdatedAt string `json:"updated_at" format:"date-time" doc:"When it last changed."`
}

// VersionSummary is a version as lists show it.
type VersionSummary struct {
	PURL        string `json:"purl" doc:"Package URL of the version."`
	Format      string `json:"format" doc:"Format of the package."`
	Name        string `json:"name" doc:"Its name."`
	Version     string `json:"version" doc:"The version, as its format writes it."`
	State       string `json:"state" doc:"'published', 'yanked', 'deprecated' or 'deleted'."`
	Reason      string `json:"reason,omitempty" doc:"The reason that the caller gave."`
	Digest      Digest `json:"digest,omitempty"`
	Size        int64  `json:"size" doc:"Bytes."`
	Prerelease  bool   `json:"prerelease" doc:"Whether it is one by the rules of its format."`
	Attached    bool   `json:"attached,omitempty" doc:"Whether it belongs to another version, as a signature does."`
	PublishedAt string `json:"published_at,omitempty" format:"date-time" doc:"When it became visible; absent: a registry elsewhere lists it, and does not say."`
	PublishedBy string `json:"published_by" doc:"The caller that published it: a user, or 'token ci of user jane'."`
	Seq         int64  `json:"seq" doc:"Sequence number of the entry in the log."`
	// Overview is in lists alone, where the request says 'overview=true'.
	Overview *Overview `json:"overview,omitempty" doc:"In lists, where the request says 'overview=true': what else is known of it at a glance."`
}

// Overview is what a list shows of a version besides what it is, by the best known facts.
type Overview struct {
	Commit   string   `json:"commit,omitempty" doc:"The commit that it was built from."`
	Source   string   `json:"source,omitempty" doc:"URL of the source repository that it was built from."`
	Tags     []string `json:"tags,omitempty" doc:"Tags that name it, the first 20."`
	Runs     []RunsIn `json:"runs,omitempty" doc:"Where it runs, the first 20 services."`
	Evidence []string `json:"evidence,omitempty" enum:"attestation,provenance,sbom,signature" doc:"Kinds of what tells of it: by the names of its first 50 files, and by what belongs to it. Whether that is right, nobody has looked at."`
	Parts    int64    `json:"parts,omitempty" doc:"Of an index: how many manifests it has."`
}

// RunsIn is a service that runs a version.
type RunsIn struct {
	Environment string `json:"environment" doc:"Name of the environment."`
	Service     string `json:"service" doc:"Name of the service there."`
}

// Version is a version with all of its properties.
type Version struct {
	VersionSummary
	Files   []File   `json:"files" doc:"Its files."`
	Tags    []string `json:"tags" doc:"Names of the tags that name it."`
	Release Release  `json:"release" doc:"The best known value of every fact."`
	Facts   []Fact   `json:"facts" doc:"Everything that was said about the version, by whom and when."`

	Origin              string           `json:"origin" enum:"published,cached,promoted" doc:"Where it came from: a client published it, a registry elsewhere delivered it, or it was promoted from another repository."`
	EnteredAt           string           `json:"entered_at,omitempty" format:"date-time" doc:"Of a cached version: when its first file was delivered here."`
	EnteredBy           string           `json:"entered_by,omitempty" doc:"Of a cached version: the caller that asked for that."`
	Upstream            *VersionUpstream `json:"upstream,omitempty" doc:"Of a cached version: the registry elsewhere."`
	UpstreamPublishedAt string           `json:"upstream_published_at,omitempty" format:"date-time" doc:"Of a cached version: when it was published, by the word of the registry; absent: it does not say."`
	FirstSeenAt         string           `json:"first_seen_at,omitempty" format:"date-time" doc:"Of a cached version: when the registry first listed it; absent: in the first list of the package."`
}

// Readme is the text that publishers wrote for the readers of a version. It is theirs: a program that shows it as HTML cleans it.
type Readme struct {
	Text      string `json:"text" doc:"The text, at most 256 KiB of it."`
	MediaType string `json:"media_type" enum:"text/markdown,text/x-rst,text/plain" doc:"What it is written in."`
	Path      string `json:"path,omitempty" doc:"The file of the version that it stands in; absent: the format keeps it beside the files."`
	Cut       bool   `json:"cut,omitempty" doc:"There is more of it."`
}

// Pull is a caller who downloaded a version, or a part of it.
type Pull struct {
	Repository string `json:"repository" doc:"Repository that was asked about."`
	Format     string `json:"format" doc:"Format of the package."`
	Name       string `json:"name" doc:"Its name."`
	Version    string `json:"version" doc:"The version."`
	By         string `json:"by" doc:"The caller: a user, 'token ci of user jane', or 'anonymous'."`
	FirstAt    string `json:"first_at" format:"date-time" doc:"The first download."`
	LastAt     string `json:"last_at" format:"date-time" doc:"The first download of the last day on which there was one."`
}

// VersionUpstream names the registry elsewhere that a version came from.
type VersionUpstream struct {
	Name string `json:"name" doc:"Its name among the upstreams of the repository."`
}

// File is a file of a version with its sums: Digest is sha256:<hex>, the others are hex under the name of their algorithm.
type File struct {
	Path      string `json:"path" doc:"Path within the version."`
	Size      int64  `json:"size" doc:"Bytes."`
	MediaType string `json:"media_type" doc:"Media type that the file is served with; may be empty."`
	Digest    string `json:"digest" pattern:"^[a-z0-9]+:[0-9a-f]+$" doc:"The file's SHA-256 as a digest."`
	SHA256    string `json:"sha256" pattern:"^[0-9a-f]{64}$" doc:"In hex."`
	SHA1      string `json:"sha1,omitempty" doc:"In hex."`
	MD5       string `json:"md5,omitempty" doc:"In hex."`
	SHA512    string `json:"sha512,omitempty" doc:"In hex."`
	AddedAt   string `json:"added_at" format:"date-time" doc:"When the file was stored."`
	Here      bool   `json:"here" doc:"Whether the bytes are on this server; false: a registry elsewhere has them."`
	Verified  string `json:"verified,omitempty" enum:"sha512,sha256,sha1,md5,none" doc:"Of a file from a registry elsewhere: the strongest checksum that it announced."`
}

// Fact is a statement about a version: its source, its time, and its rank.
type Fact struct {
	Key    string `json:"key" doc:"Name of the property, such as 'source.commit'."`
	Value  string `json:"value" doc:"The value of the property."`
	Source string `json:"source" doc:"Where it was read: 'npm:gitHead', 'api' and so on."`
	Rank   int    `json:"rank" doc:"Weight of the source; the highest wins, then the latest."`
	At     string `json:"at" format:"date-time" doc:"When."`
	Seq    int64  `json:"seq" doc:"Sequence number of the entry in the log."`
}

// Release is the best known value of every fact about a version.
type Release struct {
	Source    *Source           `json:"source,omitempty" doc:"The source that it was built from."`
	Build     *Build            `json:"build,omitempty" doc:"How it was built."`
	Custom    map[string]string `json:"custom,omitempty" doc:"Your own keys and values."`
	Conflicts []string          `json:"conflicts,omitempty" doc:"Keys whose values disagree."`
}

// Source is the source that a version was built from.
type Source struct {
	Repository string `json:"repository,omitempty" doc:"URL of the source repository."`
	Commit     string `json:"commit,omitempty" doc:"Id of the commit."`
	Ref        string `json:"ref,omitempty" doc:"Branch or tag of the source."`
	Dirty      *bool  `json:"dirty,omitempty" doc:"Whether there were changes that are in no commit."`
}

// Build is how a version was built.
type Build struct {
	System     string `json:"system,omitempty" doc:"Name of the build system."`
	ID         string `json:"id,omitempty" doc:"Id of the build there."`
	URL        string `json:"url,omitempty" doc:"Page of the build there."`
	StartedAt  string `json:"started_at,omitempty" doc:"RFC 3339."`
	FinishedAt string `json:"finished_at,omitempty" doc:"RFC 3339."`
}

// VersionChange is the body of PATCH of a version. It needs a state.
type VersionChange struct {
	State  string `json:"state,omitempty" doc:"'published', 'yanked', 'deprecated' or 'deleted'."`
	Reason string `json:"reason,omitempty" doc:"The reason that the caller gave."`
}

// Promotion is the body of POST …/versions/{version}/promote.
type Promotion struct {
	To   string   `json:"to,omitempty" doc:"The repository that gets the version; you may publish there."`
	Tags []string `json:"tags,omitempty" doc:"Tags that are set to it there."`
}

// DeclaredMetadata is the body of PUT of a version's metadata.
type DeclaredMetadata struct {
	Source *Source           `json:"source,omitempty" doc:"The source that it was built from."`
	Build  *Build            `json:"build,omitempty" doc:"How it was built."`
	Custom map[string]string `json:"custom,omitempty" doc:"Your own keys and values."`
}

// Hit is a version that a query found.
type Hit struct {
	PURL        string `json:"purl" doc:"Package URL of the version."`
	Repository  string `json:"repository" doc:"Name of the repository."`
	Format      string `json:"format" doc:"Format of the package."`
	Name        string `json:"name" doc:"Its name."`
	Version     string `json:"version" doc:"The version, as its format writes it."`
	State       string `json:"state" doc:"'published', 'yanked', 'deprecated' or 'deleted'."`
	Digest      Digest `json:"digest,omitempty"`
	Size        int64  `json:"size" doc:"Bytes."`
	PublishedAt string `json:"published_at" format:"date-time" doc:"When it became visible."`
	PublishedBy string `json:"published_by" doc:"The caller that published it: a user, or 'token ci of user jane'."`
	Seq         int64  `json:"seq" doc:"Sequence number of the entry in the log."`
	// Matched are terms as the query writes them.
	Matched []string `json:"matched,omitempty" doc:"Where the request says 'why=true': the terms of the query that the version meets; of many alternatives, the first dozen."`
	// Overview is there where the request says 'overview=true'.
	Overview *Overview `json:"overview,omitempty" doc:"Where the request says 'overview=true': what else is known of the version at a glance."`
}
