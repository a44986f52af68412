package api

// CachedFile is a file that came from a registry elsewhere.
type CachedFile struct {
	PURL                string `json:"purl" doc:"The version that it is a file of."`
	Format              string `json:"format" doc:"The format of the package."`
	Name                string `json:"name" doc:"The package."`
	Version             string `json:"version" doc:"The version."`
	Path                string `json:"path" doc:"The file, below its version."`
	State               string `json:"state" enum:"here,evicted,changed,denied" doc:"Here: its bytes are here. Evicted: they are not; when the file is asked for, the same ones come again or none. Changed: the registry has other bytes, and no administrator has decided about them. Denied: one has refused those."`
	Here                bool   `json:"here" doc:"Whether its bytes are here, whatever the registry has now."`
	Digest              string `json:"digest" doc:"Of its bytes, as they entered."`
	Size                int64  `json:"size" doc:"In bytes."`
	Upstream            string `json:"upstream" doc:"Name of the upstream that it came from, which may be removed since."`
	URL                 string `json:"url" doc:"Where it came from, without the query."`
	Verified            string `json:"verified" enum:"sha512,sha256,sha1,md5,none" doc:"The strongest sum that the registry announced of it."`
	Changed             string `json:"changed,omitempty" doc:"Kind and sum of the other bytes that the registry has."`
	EnteredAt           string `json:"entered_at" format:"date-time" doc:"When it was delivered here first."`
	EnteredBy           string `json:"entered_by" doc:"Who asked for it then."`
	UsedAt              string `json:"used_at" format:"date-time" doc:"When it was downloaded last."`
	UpstreamPublishedAt string `json:"upstream_published_at,omitempty" format:"date-time" doc:"When it was published, as the registry says; absent: it does not."`
	FirstSeenAt         string `json:"first_seen_at,omitempty" format:"date-time" doc:"When the registry first listed it here; absent: it did when the package was first looked at, or lists no files."`
}

// Eviction is the body of POST …/cache/evict: which files from registries elsewhere go. Those that were not used for longest go first.
type Eviction struct {
	Upstream string `json:"upstream,omitempty" empty:"refused" doc:"Only files of this upstream."`
	Format   string `json:"format,omitempty" empty:"refused" doc:"Only files of this format."`
	Package  string `json:"package,omitempty" empty:"refused" doc:"Only files of this package; needs 'format'."`
	Unused   string `json:"unused,omitempty" empty:"refused" doc:"Only files that were not used for so long, such as '720h'."`
	Keep     *int64 `json:"keep,omitempty" minimum:"0" doc:"Bytes of each upstream that may stay; absent: none."`
	DryRun   bool   `json:"dry_run,omitempty" doc:"Count only."`
}

// Evicted counts what went, or would.
type Evicted struct {
	Files int64 `json:"files" doc:"Files whose bytes went."`
	Bytes int64 `json:"bytes" doc:"Bytes that nothing else holds; the disk has them when the collector has run."`
}

// CachedCoordinate names what an administrator decides about, of what came from a registry elsewhere.
type CachedCoordinate struct {
	Format  string `json:"format,omitempty" doc:"The format of the package."`
	Package string `json:"package,omitempty" doc:"The package."`
	Version string `json:"version,omitempty" empty:"refused" doc:"The version; absent, where it may be: the package's list of versions, which has lost most of them."`
	Path    string `json:"path,omitempty" empty:"refused" doc:"One file of it; absent: every file that the registry has changed."`
}

// CachedVersion names a version that came from a registry elsewhere.
type CachedVersion struct {
	Format  string `json:"format,omitempty" doc:"The format of the package."`
	Package string `json:"package,omitempty" doc:"The package."`
	Version string `json:"version,omitempty" doc:"The version."`
	Reason  string `json:"reason,omitempty" doc:"Why, in one line."`
}
