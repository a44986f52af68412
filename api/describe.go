package api

// Description is what a version says of itself, as its format reads it. All texts are those of publishers: a program that shows them cleans them.
type Description struct {
	Summary      string       `json:"summary,omitempty" doc:"What it is, in its publishers' words."`
	License      string       `json:"license,omitempty" doc:"As they wrote it."`
	Properties   []Property   `json:"properties,omitempty" doc:"What has no field of its own, such as the platform that it is for."`
	Dependencies []Dependency `json:"dependencies,omitempty" doc:"What it needs."`
	Commands     []Property   `json:"commands,omitempty" doc:"Programs that it installs, with the files that they are."`
	Scripts      []Script     `json:"scripts,omitempty" doc:"Commands that tools of its format run."`
	Classifiers  []string     `json:"classifiers,omitempty" doc:"Of PyPI: its classifiers."`
	Variants     []Variant    `json:"variants,omitempty" doc:"Its files that are for some platforms only."`
	Image        *Image       `json:"image,omitempty" doc:"Of an image for one platform, and of what else is kept as one."`
	Parts        []Part       `json:"parts,omitempty" doc:"The images of an index."`
	Cut          bool         `json:"cut,omitempty" doc:"There is more: lists have at most 500 items, texts 2 KiB."`
}

// Property is a name with a value.
type Property struct {
	Name  string `json:"name" doc:"Its name."`
	Value string `json:"value" doc:"Its value."`
}

// Dependency is what a version needs, as it declares it.
type Dependency struct {
	Name        string `json:"name" doc:"Of a package of the same format."`
	Requirement string `json:"requirement,omitempty" doc:"The versions that do, as the format writes it; absent: any."`
	Scope       string `json:"scope,omitempty" doc:"What it is needed for, in the format's own word; absent: for use."`
	Optional    bool   `json:"optional,omitempty" doc:"It can do without."`
	Note        string `json:"note,omitempty" doc:"On what condition it is needed, or what part of it."`
}

// Script is a command that the tools of a format run.
type Script struct {
	Name     string `json:"name" doc:"Its name."`
	Command  string `json:"command" doc:"What is run."`
	Installs bool   `json:"installs,omitempty" doc:"It runs on the machine that installs the version."`
}

// Variant is a file of a version for some platforms.
type Variant struct {
	File      string   `json:"file" doc:"Path of the file."`
	Languages []string `json:"languages" doc:"Interpreters, such as cp312."`
	ABIs      []string `json:"abis" doc:"Binary interfaces, such as abi3 or none."`
	Platforms []string `json:"platforms" doc:"Platforms; any: all of them."`
}

// Image is what an image consists of, and how it is run.
type Image struct {
	Platform     string     `json:"platform,omitempty" doc:"os/architecture/variant."`
	ArtifactType string     `json:"artifact_type,omitempty" doc:"Of what is no image to run, such as a chart."`
	Created      string     `json:"created,omitempty" doc:"When it was built, by its own word."`
	Author       string     `json:"author,omitempty" doc:"Who built it, by its own word."`
	Unread       string     `json:"unread,omitempty" doc:"Why its config is not described."`
	Entrypoint   []string   `json:"entrypoint,omitempty" doc:"The program that is run."`
	Command      []string   `json:"command,omitempty" doc:"Its arguments, or the program where there is no entrypoint."`
	Environment  []Variable `json:"environment,omitempty" doc:"Variables that are set."`
	User         string     `json:"user,omitempty" doc:"The user that it runs as; absent: root."`
	WorkingDir   string     `json:"working_dir,omitempty" doc:"The folder that it runs in."`
	Ports        []string   `json:"ports,omitempty" doc:"Ports that it listens on, such as 8080/tcp."`
	Volumes      []string   `json:"volumes,omitempty" doc:"Folders that are kept."`
	StopSignal   string     `json:"stop_signal,omitempty" doc:"The signal that ends it."`
	Labels       []Property `json:"labels,omitempty" doc:"Labels of its config."`
	Annotations  []Property `json:"annotations,omitempty" doc:"Annotations of its manifest."`
	Steps        []Step     `json:"steps,omitempty" doc:"Layers, and the commands that made them, in their order."`
	Base         *Base      `json:"base,omitempty" doc:"The image that it was made of, by its own word."`
}

// Variable is a variable of the environment.
type Variable struct {
	Name   string `json:"name" doc:"Its name."`
	Value  string `json:"value,omitempty" doc:"Its value."`
	Masked bool   `json:"masked,omitempty" doc:"The value looks like a secret, and is left out here. It is in the image for everybody who may pull it."`
}

// Step is a layer of an image, a command that made none, or both.
type Step struct {
	Digest    string `json:"digest,omitempty" pattern:"^[a-z0-9]+:[0-9a-f]+$" doc:"Of the layer; absent: the command made none."`
	MediaType string `json:"media_type,omitempty" doc:"Of the layer."`
	Size      int64  `json:"size" doc:"Bytes of the layer, as it is kept."`
	Here      bool   `json:"here" doc:"Whether the bytes of the layer are on this server."`
	Command   string `json:"command,omitempty" doc:"What made it, as far as the image tells; values that look like secrets are left out."`
	Created   string `json:"created,omitempty" doc:"When, by the image's own word."`
	Comment   string `json:"comment,omitempty" doc:"A comment of the tool."`
}

// Base is the image that another was made of, as that says.
type Base struct {
	Name   string `json:"name,omitempty" doc:"Its name."`
	Digest string `json:"digest,omitempty" doc:"Its digest."`
}

// Part is an image of an index.
type Part struct {
	Version      string `json:"version" doc:"Its version, a digest."`
	Platform     string `json:"platform,omitempty" doc:"os/architecture/variant; absent: it is for none."`
	MediaType    string `json:"media_type,omitempty" doc:"Of its manifest."`
	ArtifactType string `json:"artifact_type,omitempty" doc:"Of what is no image to run."`
	Size         int64  `json:"size" doc:"Bytes of its manifest."`
	Here         bool   `json:"here" doc:"Whether it is on this server."`
	About        string `json:"about,omitempty" doc:"The part that it is about, as an attestation is; absent: it stands for itself."`
}

// Referrers are what belongs to a version: signatures, SBOMs, attestations and what else names it as its subject. The server has verified none
// of it.
type Referrers struct {
	Items []Referrer `json:"items" doc:"What belongs to the version, in the order of their publishing."`
	Cut   bool       `json:"cut,omitempty" doc:"There are more: an answer has at most 200, four levels deep."`
}

// Referrer is a version that belongs to another one.
type Referrer struct {
	VersionSummary
	Kind         string     `json:"kind" enum:"signature,sbom,attestation,other" doc:"What it is, by the types that it names."`
	ArtifactType string     `json:"artifact_type,omitempty" doc:"Its type, by its own word."`
	Tag          string     `json:"tag,omitempty" doc:"The tag by which it belongs to the version; absent: it names the version as its subject."`
	Annotations  []Property `json:"annotations,omitempty" doc:"Its annotations."`
	Referrers    []Referrer `json:"referrers,omitempty" doc:"What belongs to it in turn, such as the signature of an SBOM."`
}

// Deletion is how something went that is not there any more.
type Deletion struct {
	Seq             int64  `json:"seq" doc:"Sequence number of the entry in the log."`
	At              string `json:"at,omitempty" format:"date-time" doc:"When it was deleted."`
	By              string `json:"by,omitempty" doc:"The caller that deleted it: a user, or 'token ci of user jane'."`
	Reason          string `json:"reason,omitempty" doc:"The reason that the caller gave."`
	Restorable      bool   `json:"restorable" doc:"Whether it can be restored."`
	RestorableUntil string `json:"restorable_until,omitempty" format:"date-time" doc:"Until when; absent: there is no end to it, or it can't be."`
}

// Dependent is a package that needs another one, with the version of it that was published last among those that do.
type Dependent struct {
	Repository  string `json:"repository" doc:"Name of the repository."`
	Format      string `json:"format" doc:"Format of the package."`
	Name        string `json:"name" doc:"Its name."`
	Version     string `json:"version" doc:"The version, as its format writes it."`
	PublishedAt string `json:"published_at,omitempty" format:"date-time" doc:"When it became visible."`
	Requirement string `json:"requirement,omitempty" doc:"The versions that do, as the format writes it; absent: any."`
	Scope       string `json:"scope,omitempty" doc:"What it is needed for, in the format's own word; absent: for use."`
}
