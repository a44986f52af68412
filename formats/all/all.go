// Package all is the list of formats; nothing registers itself.
package all

import (
	"slipway/formats"
	"slipway/formats/maven"
	"slipway/formats/npm"
	"slipway/formats/oci"
	"slipway/formats/pypi"
	"slipway/formats/raw"
)

// All returns every format that this build serves, in the order of their sections on the front page.
func All() []formats.Format {
	return []formats.Format{npm.New(), pypi.New(), maven.New(maven.Options{}), oci.New(), raw.New()}
}
