package registry

import (
	"slipway/metadata"
)

// The records that Service returns; front-ends never import metadata.
type (
	Repository = metadata.Repository
	Package    = metadata.Package
	Version    = metadata.Version
	File       = metadata.File
	Blob       = metadata.Blob
	Tag        = metadata.Tag
	Fact       = metadata.Fact
	State      = metadata.State
	Entry      = metadata.Entry
	Checkpoint = metadata.Checkpoint
	User       = metadata.User
	Token      = metadata.Token
	Page       = metadata.Page
	StagedFile = metadata.StagedFile
	Staging    = metadata.Staging

	Environment      = metadata.Environment
	Deployment       = metadata.Deployment
	DeploymentStatus = metadata.DeploymentStatus
	Run              = metadata.Run

	Delivery      = metadata.Delivery
	DeliveryState = metadata.DeliveryState
	Attempt       = metadata.Attempt
	Due           = metadata.Due
)

// States of a version.
const (
	Published  = metadata.Published
	Yanked     = metadata.Yanked
	Deprecated = metadata.Deprecated
	Deleted    = metadata.Deleted
)

// Rules are what the core asks of a format where names come in through the common API.
type Rules struct {
	// PURLType is the type of the format's package URLs.
	PURLType string
	// FromPURL returns the name of the package in a package URL of that type. Invalid. nil: its namespace and its name, with
	// slashes between.
	FromPURL func(p PURL) (string, error)
	// Spelling returns the canonical spelling of a version, and the sort key that all versions share which are equal to it,
	// nil where only the canonical one is; "" for what is no version. nil: a version is written in one way only.
	Spelling func(version string) (canonical string, key []byte)
	// States are those that a version can be in beside published, as its clients or its readers understand them.
	States []State
	// Normalize returns the key under which a package name is looked up. Invalid when it is outside the grammar.
	Normalize func(name string) (string, error)
	// CheckTag says why a tag is not possible in this format, beyond CheckTag. nil: no further rule.
	CheckTag func(tag string) error
	// RequiredTag can be moved but not removed while the package has versions (npm's latest). "": none.
	RequiredTag string
	// Settings are what repositories can be told about the format. A repository at the defaults is right for most.
	Settings []Setting
}
