package registry

import (
	"slipway/metadata"
)

// Kinds of references.
const (
	RefChild   = metadata.Child   // an index names a manifest
	RefSubject = metadata.Subject // a manifest is about another
	RefBlob    = metadata.Content // a manifest of a remote names a blob, which need not be here
)
