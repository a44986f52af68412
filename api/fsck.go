package api

// CheckRequest is the body of POST /fsck, which may also have none.
type CheckRequest struct {
	Quick bool `json:"quick,omitempty" doc:"Compare the sizes of blobs only, do not read them."`
}

// CheckReport is a line of the answer to POST /fsck. It has one of its fields: a finding; now and then what was checked so far;
// in the last line what was checked in all, or why the check ended early.
type CheckReport struct {
	Finding  *CheckFinding `json:"finding,omitempty" doc:"A difference that was found."`
	Progress *CheckSummary `json:"progress,omitempty" doc:"What was checked so far."`
	Summary  *CheckSummary `json:"summary,omitempty" doc:"What was checked in all; the last line."`
	Error    string        `json:"error,omitempty" doc:"Why the check ended early; the last line."`
}

// CheckFinding is a difference between log, tables and bytes. A note is worth knowing, but no damage.
type CheckFinding struct {
	Note     bool   `json:"note" doc:"Worth knowing, but no damage."`
	Subject  string `json:"subject" doc:"Kind of thing: 'log', 'blob', 'file', 'version', 'tag', 'package' or 'deployment'."`
	Detail   string `json:"detail" doc:"What differs."`
	Repaired bool   `json:"repaired" doc:"Whether it was mended."`
}

// CheckSummary counts what was checked.
type CheckSummary struct {
	Entries  int64 `json:"entries" doc:"Entries of the log."`
	Packages int64 `json:"packages" doc:"Packages."`
	Versions int64 `json:"versions" doc:"Versions."`
	Files    int64 `json:"files" doc:"Files of versions."`
	Blobs    int64 `json:"blobs" doc:"Blobs."`
	Bytes    int64 `json:"bytes" doc:"Their bytes."`
	Orphans  int64 `json:"orphans" doc:"Stored bytes that belong to no version yet or any more."`
	Notes    int64 `json:"notes" doc:"Findings that are no damage."`
	Wrong    int64 `json:"wrong" doc:"Findings that are damage."`
	Repaired int64 `json:"repaired" doc:"Findings that were mended."`
}
