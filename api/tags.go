package api

// Tag is one interval of a tag: what it named, since when, and until when. EndedAt is absent while the interval holds.
type Tag struct {
	Tag        string  `json:"tag" doc:"Name of the tag."`
	Version    string  `json:"version" doc:"The version, as its format writes it."`
	Digest     Digest  `json:"digest,omitempty"`
	Generation int64   `json:"generation" minimum:"1" doc:"Grows by one with every change of the tag."`
	SetAt      string  `json:"set_at" format:"date-time" doc:"When it was set."`
	SetBy      string  `json:"set_by" doc:"The caller that set it: a user, or 'token ci of user jane'."`
	Reason     string  `json:"reason" doc:"The reason that the caller gave."`
	Seq        int64   `json:"seq" doc:"Sequence number of the entry in the log."`
	EndedAt    *string `json:"ended_at,omitempty" format:"date-time" doc:"When it moved on or was removed; absent while it holds."`
}

// TagChange is the body of PUT of a tag. It needs a version.
type TagChange struct {
	Version string `json:"version,omitempty" doc:"The version to name; for OCI a digest or another tag's."`
	Reason  string `json:"reason,omitempty" doc:"The reason that the caller gave."`
}
