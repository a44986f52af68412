package oci

import "slipway/registry"

// Words of the setting sparse.
const (
	sparseIndexes = "indexes"
	sparseAllow   = "allow"
	sparseRefuse  = "refuse"
)

// sparse says what a manifest may name although the image does not hold it.
var sparse = registry.NewChoice("oci_sparse", "Images may lack parts",
	"What an OCI manifest may name that its image does not hold. `indexes`: an index may name images that follow, or that are left out; `allow`: a manifest may also name "+
		"blobs that are left out; `refuse`: neither, and an image that a tagged index names can't be deleted.",
	sparseIndexes, sparseAllow, sparseRefuse)
