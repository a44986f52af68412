package registry

import (
	"slipway/metadata"
)

// Kinds of references.
const (
	RefChild   = metadata.Child   // an index names a manifest
	RefSubject = metadata.Subject // a manifest is about another
)
