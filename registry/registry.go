package registry

import (
	"context"

	"slipway/metadata"
)

// The records that the core returns, so that front-ends need not import metadata.
type (
	Repository = metadata.Repository
	Package    = metadata.Package
	Version    = metadata.Version
	File       = metadata.File
	Blob       = metadata.Blob
	Tag        = metadata.Tag
	Pull       = metadata.Pull
	Fact       = metadata.Fact
	CachedFile = metadata.CachedFile
	State      = metadata.State
	Entry      = metadata.Entry
	Checkpoint = metadata.Checkpoint
	User       = metadata.User
	Token      = metadata.Token
	Session    = metadata.Session
	LastUse    = metadata.Use
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

// Rules are a format's rules for names and versions that come through the common API.
type Rules struct {
	// PURLType is the type of the format's package URLs.
	PURLType string
	// PackagePURL returns the package URL of a package, by its key: without version and qualifiers. nil: packages have none.
	PackagePURL func(key string) string
	// FromPURL returns the name of the package in a package URL of that type. Invalid. nil: the name is namespace and name,
	// joined by slashes.
	FromPURL func(p PURL) (string, error)
	// MovePURL returns the package URL of the same version of a package in another repository. nil: it is the same one.
	MovePURL func(purl string, to Name) string
	// Spelling returns the canonical spelling of a version, and the sort key that all equal versions share, nil where only the
	// canonical spelling is equal. canonical is "" where the text is no version. nil: a version has one spelling only.
	Spelling func(version string) (canonical string, key []byte)
	// Order returns a key whose byte order is the order of versions. nil: versions have no order. Nothing: the text is no version.
	Order func(version string) []byte
	// States are the states of a version, beside published, that clients or readers of the format understand.
	States []State
	// Normalize returns the key under which a package name is looked up. Invalid when it is outside the grammar.
	Normalize func(name string) (string, error)
	// CheckTag refuses a tag that the format can't have, beyond the common CheckTag. nil: no further rule.
	CheckTag func(tag string) error
	// RequiredTag can be moved but not removed while the package has versions (npm's latest). "": none.
	RequiredTag string
	// KeepParts reports whether, in a repository, a version that a tagged version has as its part can't be deleted. nil: it can.
	KeepParts func(r Repository) bool
	// AttachmentTag reports whether a tag is made from the name of a version, for what belongs to that version. nil: there are no
	// such tags.
	AttachmentTag func(tag string) bool
	// Images: the packages are images, which clients name by the server's host, the repository and the package.
	Images bool
	// OneCase: a new package may not have the name of another one but for the case of letters, so that nobody takes one for the
	// other. Packages whose names differ so are different ones all the same.
	OneCase bool
	// Merge: where several places have a package, clients see the versions of all. Else the first place answers alone.
	Merge bool
	// UnionFiles: where versions are merged, one that several places have has the files of all, each from the first place that has its path.
	// Else a version comes whole from the first place that has it.
	UnionFiles bool
	// Snapshot reports whether a version may get other bytes, as Maven's snapshots do. nil: none may.
	Snapshot func(version string) bool
	// Family is the pattern of a claim that reserves names like one: those of its scope, group or folder, or with its prefix; "" where a name
	// says nothing of others. FamilySize is how many packages must be of it before it is one. nil: no claim is suggested.
	Family     func(name string) (pattern string)
	FamilySize int
	// Readme says where the text is that publishers wrote for the readers of a version. nil, or nothing: there is none.
	Readme func(p Package, files []File) Readme
	// Describe reads for people what a version says of itself; what can't be read is left out. nil: the files are all that there is.
	Describe func(ctx context.Context, v Describing) (Description, error)
	// Attached says what a version is that belongs to another one, with its descriptor or what a list says of it; AttachedTags names the tags
	// of such versions that are made from the name of that other one. nil: there are no such versions.
	Attached     func(v Version) Attachment
	AttachedTags func(version string) []string
	// Settings are the repository settings of the format. The defaults suit most repositories.
	Settings []Setting
}
