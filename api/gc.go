package api

// CollectionRequest is the body of POST /gc, which may also have none.
type CollectionRequest struct {
	Grace        string `json:"grace,omitempty" doc:"How long ago a blob must have lost its last use; '24h' when absent."`
	DeletedGrace string `json:"deleted_grace,omitempty" doc:"How long ago a version must have been deleted, so that it can't be restored any more; '168h' when absent, or what the server was started with."`
	Force        bool   `json:"force,omitempty" doc:"Go on, however much would be removed."`
	DryRun       bool   `json:"dry_run,omitempty" doc:"Remove nothing, and report what would be removed."`
}

// CollectionReport is what a collection removed, or would have removed.
type CollectionReport struct {
	Blobs         int64 `json:"blobs" doc:"Blobs removed."`
	Bytes         int64 `json:"bytes" doc:"Their bytes."`
	Orphans       int64 `json:"orphans" doc:"Stored bytes that no row knows, removed."`
	OrphanBytes   int64 `json:"orphan_bytes" doc:"How many bytes these had."`
	Uploads       int64 `json:"uploads" doc:"Uploads given up: unfinished and too old."`
	StillNeeded   int64 `json:"still_needed" doc:"Candidates that were in use after all."`
	DryRun        bool  `json:"dry_run" doc:"Remove nothing, and report what would be removed."`
	DurationMilli int64 `json:"duration_ms" doc:"Milliseconds."`

	InUse           int64 `json:"in_use" doc:"With dry_run: blobs that stay because something uses them."`
	InUseBytes      int64 `json:"in_use_bytes" doc:"Their bytes."`
	Restorable      int64 `json:"restorable" doc:"With dry_run: blobs that stay because only deleted versions use them, which can be restored."`
	RestorableBytes int64 `json:"restorable_bytes" doc:"Their bytes."`
	Recent          int64 `json:"recent" doc:"With dry_run: blobs that stay because their last use ended within the grace period."`
	RecentBytes     int64 `json:"recent_bytes" doc:"Their bytes."`
}
