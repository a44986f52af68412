package api

// Session is a browser that is logged in to the pages. The tokens of programs that are logged in are Tokens of the kind session.
type Session struct {
	ID           string `json:"id" doc:"Its id."`
	User         string `json:"user" doc:"The user who logged in."`
	Browser      string `json:"browser" doc:"The browser, as it named itself."`
	Current      bool   `json:"current,omitempty" doc:"It is the caller's own."`
	CreatedAt    string `json:"created_at" format:"date-time" doc:"When it began."`
	LastUsedAt   string `json:"last_used_at" format:"date-time" doc:"When it was used last, to within a few seconds."`
	LastUsedFrom string `json:"last_used_from,omitempty" doc:"The address that it was used from last."`
	ExpiresAt    string `json:"expires_at" format:"date-time" doc:"When it ends, unless it is used before: 12 hours after its last use, 7 days after its beginning at the latest."`
}
