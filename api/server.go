package api

// ServerStatus is what a server is, and how it does.
type ServerStatus struct {
	Version     string `json:"version" doc:"Of the program."`
	Commit      string `json:"commit" doc:"From which it was built."`
	Instance    string `json:"instance" doc:"Id of the installation."`
	StartedAt   string `json:"started_at" format:"date-time" doc:"When the process that answers began."`
	Ready       bool   `json:"ready" doc:"Whether database and store of files answer, as /readyz says."`
	NotReady    string `json:"not_ready,omitempty" doc:"Why it is not ready."`
	Writable    bool   `json:"writable" doc:"Whether changes are taken, as /readyz?write=1 says."`
	NotWritable string `json:"not_writable,omitempty" doc:"Why no changes are taken."`
}

// ConfigurationSetting is a setting that the server was started with.
type ConfigurationSetting struct {
	Name   string `json:"name" doc:"As the flag and the key of the configuration file are called."`
	Value  string `json:"value" doc:"What is in force; secrets are left out."`
	Source string `json:"source" enum:"flag,environment,file,default" doc:"Where it comes from."`
	From   string `json:"from,omitempty" doc:"Name of the variable, or of the file."`
	Masked bool   `json:"masked,omitempty" doc:"Whether something secret is left out of the value."`
	About  string `json:"about" doc:"What it means."`
}

// Duty is background work that one process does for all that share the database.
type Duty struct {
	Name   string  `json:"name" doc:"Its name."`
	About  string  `json:"about,omitempty" doc:"What it does."`
	Holder string  `json:"holder,omitempty" doc:"The process that does it; absent: none does now."`
	Epoch  int64   `json:"epoch" doc:"How many times it was taken."`
	Until  *string `json:"until" format:"date-time" doc:"When another process may take it over unless it is renewed; null: not before it is given up."`
}

// Cluster are the processes that serve an installation together.
type Cluster struct {
	Instance string          `json:"instance" doc:"The installation's identity."`
	Members  []ClusterMember `json:"members" doc:"By name."`
}

// ClusterMember is one of the processes that serve an installation.
type ClusterMember struct {
	Name    string   `json:"name,omitempty" doc:"'--replica' of its start; absent: the database is used by one process alone."`
	Version string   `json:"version,omitempty" doc:"Of its program."`
	Self    bool     `json:"self" doc:"Whether this process has answered."`
	Since   *string  `json:"since" format:"date-time" doc:"When it came; null: not known."`
	Until   *string  `json:"until" format:"date-time" doc:"When it counts as gone unless it says that it lives, which it does every two seconds; null: it is alone."`
	Duties  []string `json:"duties" doc:"The background work that it does for all: see '/duties'."`
}

// MaintenanceRun is a collection, a check or a backup: one that goes on, or the last one that there was.
type MaintenanceRun struct {
	Kind       string            `json:"kind" enum:"collect,look,check,backup" doc:"'look' is a collection that removes nothing. A backup is made by the command on the server's machine."`
	State      string            `json:"state,omitempty" enum:"running,finished,failed" doc:"Absent: there was none yet."`
	By         string            `json:"by,omitempty" doc:"Who asked for it; absent: the server by itself."`
	StartedAt  *string           `json:"started_at" format:"date-time" doc:"When it began."`
	EndedAt    *string           `json:"ended_at" format:"date-time" doc:"When it ended; null: it goes on."`
	Error      string            `json:"error,omitempty" doc:"Why it failed."`
	Collection *CollectionReport `json:"collection,omitempty" doc:"What a collection removed, or would have removed."`
	Check      *CheckSummary     `json:"check,omitempty" doc:"What was checked, of a check that goes on so far."`
	Findings   []CheckFinding    `json:"findings,omitempty" doc:"What a check found, at most the first 100."`
	Backup     *BackupReport     `json:"backup,omitempty" doc:"What a backup did."`
	NextAt     *string           `json:"next_at" format:"date-time" doc:"When the server begins the next one by itself; null: it does not."`
}

// MaintenanceRequest is the body of POST /maintenance; it needs a kind.
type MaintenanceRequest struct {
	Kind  string `json:"kind,omitempty" enum:"collect,look,check" doc:"'look' is a collection that removes nothing, and tells what one would."`
	Force bool   `json:"force,omitempty" doc:"Of a collection: go on, however much would be removed."`
	Quick bool   `json:"quick,omitempty" doc:"Of a check: compare the sizes of blobs only, do not read them."`
}

// BackupReport is what a backup did.
type BackupReport struct {
	Snapshot    string `json:"snapshot" doc:"Name of the snapshot that it added."`
	Directory   string `json:"directory" doc:"The backup directory, on the machine where the backup ran."`
	Blobs       int64  `json:"blobs" doc:"Blobs that the snapshot names."`
	Bytes       int64  `json:"bytes" doc:"Their bytes."`
	Copied      int64  `json:"copied" doc:"Blobs that the directory did not have before."`
	CopiedBytes int64  `json:"copied_bytes" doc:"Their bytes."`
	Lost        int64  `json:"lost" doc:"Blobs that the installation itself has lost."`
}
