package api

// PrefetchItem is a line of the body of POST /repositories/{repository}/prefetch.
type PrefetchItem struct {
	PURL    string   `json:"purl" doc:"Package URL of a version. The qualifier 'file_name' means one file of it."`
	Digests []string `json:"digests,omitempty" doc:"Digests of the files that are wanted, one for each, as 'sha512:' and hexadecimal digits (or sha256, sha1, md5); absent: all files of the version, whatever they are."`
}

// Job is work that goes on after its request.
type Job struct {
	ID         string  `json:"id" doc:"Its id."`
	Repository string  `json:"repository" doc:"The repository that it fills."`
	By         string  `json:"by" doc:"Who began it."`
	Look       bool    `json:"look" doc:"Whether it only looks what is here."`
	State      string  `json:"state" enum:"running,finished,stopped" doc:"Stopped: the caller's login ended, or the server did, before everything was looked at."`
	Items      int     `json:"items" doc:"All items of the list."`
	Present    int     `json:"present" doc:"Those of which everything was here before."`
	Fetched    int     `json:"fetched" doc:"Those that were fetched."`
	Missing    int     `json:"missing" doc:"Those of which something is not here."`
	StartedAt  string  `json:"started_at" format:"date-time" doc:"When it began."`
	EndedAt    *string `json:"ended_at" format:"date-time" doc:"When it ended; null: it runs."`
}

// JobItem is what became of one item of a job's list.
type JobItem struct {
	PURL   string `json:"purl" doc:"As the list has it."`
	State  string `json:"state" enum:"waiting,present,fetched,missing" doc:"Present: everything of it was here before. Missing: something of it is not here."`
	Reason string `json:"reason,omitempty" doc:"Why something is missing."`
	Files  int    `json:"files" doc:"How many files of it are here, with those that it leads to."`
	Bytes  int64  `json:"bytes" doc:"Their size."`
}

// ImportReport is what became of a bundle.
type ImportReport struct {
	From     string          `json:"from" doc:"Name of the log whose key signed it."`
	Versions int             `json:"versions" doc:"Versions that are here now, and were not before."`
	Present  int             `json:"present" doc:"Versions that were here before."`
	Missing  []string        `json:"missing" doc:"Digests of the contents that neither the bundle nor the repository has; versions that need them were not made."`
	Refused  []ImportRefusal `json:"refused" doc:"Versions that were not taken, at most 1000 of them."`
}

// ImportRefusal says why a version was not taken.
type ImportRefusal struct {
	PURL   string `json:"purl" doc:"Of the version."`
	Reason string `json:"reason" doc:"Why."`
}
