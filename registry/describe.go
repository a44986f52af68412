package registry

import (
	"context"
	"io"
	"strings"

	"slipway/metadata"
)

// Description is what a version says of itself, as its format reads it for people. All texts are those of publishers: a program that shows them
// cleans them.
type Description struct {
	Summary      string
	License      string
	Properties   []Property // what has no field of its own, such as the platform that the version is for
	Dependencies []Dependency
	Commands     []Property // programs that it installs, with the files that they are
	Scripts      []Script
	Classifiers  []string
	Variants     []Variant
	Image        *Image
	Parts        []Part // of a version that stands for several
	Cut          bool   // there is more than is described
}

// Property is a name with a value.
type Property struct{ Name, Value string }

// Dependency is what a version needs, as it declares it.
type Dependency struct {
	Name        string // of a package of the same format
	Requirement string // the versions that do, as the format writes it; "": any
	Scope       string // what it is needed for, in the format's own word; "": for use
	Optional    bool
	Note        string // on what condition it is needed, or what part of it
}

// Script is a command that the tools of a format run.
type Script struct {
	Name, Command string
	Installs      bool // it runs on the machine that installs the version
}

// Variant is a file of a version for some platforms.
type Variant struct {
	File      string
	Languages []string // interpreters, such as cp312
	ABIs      []string
	Platforms []string // "any": all
}

// Image is what an image consists of, and how it is run.
type Image struct {
	Platform     string // os/architecture/variant; "" unknown
	ArtifactType string // of what is no image to run; else ""
	Created      string // as the config says it
	Author       string
	Unread       string // why the config is not described; "": it is
	Entrypoint   []string
	Command      []string
	Environment  []Variable
	User         string
	WorkingDir   string
	Ports        []string
	Volumes      []string
	StopSignal   string
	Labels       []Property
	Annotations  []Property
	Steps        []Step // in the order in which they were made
	Base         Base
}

// Variable is a variable of the environment. Masked: its value looks like a secret, and is left out.
type Variable struct {
	Name, Value string
	Masked      bool
}

// Step is a layer of an image, a command that made none, or both: the command is known where the config tells as many as there are layers.
type Step struct {
	Digest    string // of the layer; "": the step made none
	MediaType string
	Size      int64
	Here      bool // the layer's bytes are on this server
	Command   string
	Created   string
	Comment   string
}

// Base is the image that another was made of, as that says.
type Base struct{ Name, Digest string }

// Part is one of the versions that a version stands for, such as the image of a platform.
type Part struct {
	Version      string
	Platform     string // as of Image
	MediaType    string
	ArtifactType string
	Size         int64
	Here         bool
	About        string // the version that the part is about, as an attestation is; "": it stands for itself
}

// Kinds of attachments.
const (
	AttachedSignature   = "signature"
	AttachedSBOM        = "sbom"
	AttachedAttestation = "attestation"
	AttachedProvenance  = "provenance" // says how a version was built
	AttachedOther       = "other"
)

// Attachment is what a version that belongs to another one is, by its own word.
type Attachment struct {
	Kind         string // of the Attached constants
	ArtifactType string
	Annotations  []Property
}

// Describing is a version that is described, and the way to what else of it is here.
type Describing struct {
	Package Package
	Version Version // with its descriptor
	Files   []File
	Facts   []Fact
	Here    Here
}

// Here reads what is on this server of the package that is described; nothing is fetched for it. What rules refuse is not here.
type Here interface {
	// Open returns at most limit bytes of a file of a version from its start; nil: they are not here. The caller closes.
	Open(ctx context.Context, version, path string, limit int64) (io.ReadCloser, error)
	// Has reports whether the package has a version here.
	Has(ctx context.Context, version string) (bool, error)
}

// Bounds of a description. They hold for what formats make of hostile files: what is more is left out, and Cut says so.
const (
	MaxDescribed      = 500     // items of a list
	MaxDescribedBytes = 2 << 10 // of one text
	MaxSummaryBytes   = 8 << 10
)

// ReadHere reads a file whole, or its first limit bytes. nil: it is not here.
func (d Describing) ReadHere(ctx context.Context, version, path string, limit int64) ([]byte, error) {
	r, err := d.Here.Open(ctx, version, path, limit)
	if r == nil || err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // only read from
	return io.ReadAll(io.LimitReader(r, limit))
}

// File returns the first file that is like this; ok: there is one.
func (d Describing) File(like func(path string) bool) (f File, ok bool) {
	for _, f := range d.Files {
		if like(f.Path) {
			return f, true
		}
	}
	return File{}, false
}

// Bound cuts lists and texts that are longer than a description may have.
func (d *Description) Bound() {
	d.Summary = d.clip(d.Summary, MaxSummaryBytes)
	d.License = d.clip(d.License, MaxDescribedBytes)
	d.Dependencies, d.Scripts = few(d, d.Dependencies), few(d, d.Scripts)
	for i := range d.Dependencies {
		p := &d.Dependencies[i]
		d.clipAll(&p.Name, &p.Requirement, &p.Scope, &p.Note)
	}
	for i := range d.Scripts {
		d.clipAll(&d.Scripts[i].Name, &d.Scripts[i].Command)
	}
	d.Classifiers = few(d, d.Classifiers)
	for i := range d.Classifiers {
		d.clipAll(&d.Classifiers[i])
	}
	d.Variants = few(d, d.Variants)
	for i := range d.Variants {
		v := &d.Variants[i]
		v.Languages, v.ABIs, v.Platforms = d.texts(v.Languages), d.texts(v.ABIs), d.texts(v.Platforms)
	}
	d.Properties, d.Commands = d.properties(d.Properties), d.properties(d.Commands)
	d.Parts = few(d, d.Parts)
	for i := range d.Parts {
		d.clipAll(&d.Parts[i].Platform, &d.Parts[i].MediaType, &d.Parts[i].ArtifactType, &d.Parts[i].About)
	}
	if d.Image != nil {
		d.boundImage(d.Image)
	}
}

func (d *Description) boundImage(m *Image) {
	d.clipAll(&m.Platform, &m.ArtifactType, &m.Created, &m.Author, &m.User, &m.WorkingDir, &m.StopSignal, &m.Base.Name, &m.Base.Digest)
	m.Entrypoint, m.Command, m.Ports, m.Volumes = d.texts(m.Entrypoint), d.texts(m.Command), d.texts(m.Ports), d.texts(m.Volumes)
	m.Labels, m.Annotations = d.properties(m.Labels), d.properties(m.Annotations)
	m.Environment, m.Steps = few(d, m.Environment), few(d, m.Steps)
	for i := range m.Environment {
		d.clipAll(&m.Environment[i].Name, &m.Environment[i].Value)
	}
	for i := range m.Steps {
		d.clipAll(&m.Steps[i].Command, &m.Steps[i].Created, &m.Steps[i].Comment, &m.Steps[i].MediaType)
	}
}

// few cuts a list.
func few[T any](d *Description, list []T) []T {
	if len(list) > MaxDescribed {
		d.Cut = true
		return list[:MaxDescribed]
	}
	return list
}

func (d *Description) properties(list []Property) []Property {
	list = few(d, list)
	for i := range list {
		d.clipAll(&list[i].Name, &list[i].Value)
	}
	return list
}

func (d *Description) texts(list []string) []string {
	list = few(d, list)
	for i := range list {
		d.clipAll(&list[i])
	}
	return list
}

func (d *Description) clipAll(texts ...*string) {
	for _, s := range texts {
		*s = d.clip(*s, MaxDescribedBytes)
	}
}

// clip makes a text valid UTF-8 of at most n bytes.
func (d *Description) clip(s string, n int) string {
	if len(s) > n {
		d.Cut = true
		return metadata.CleanText(strings.ToValidUTF8(s[:n], "")) + "…"
	}
	return metadata.CleanText(s)
}
