package raw

import (
	"context"

	"slipway/registry"
	"slipway/registry/upstreams"
)

var _ upstreams.Gatherer = format{}

// Gather implements upstreams.Gatherer: the qualifier file_name is the path of the one file that a package URL means.
func (format) Gather(ctx context.Context, at registry.Coordinate, p registry.PURL, get upstreams.Get) error {
	file := p.Qualifiers.Get("file_name")
	if file == "" || at.Version == "" {
		return invalid("a raw file is named by its package URL with a version and its path: pkg:generic/tool@1.0?file_name=tool.tar.gz")
	}
	r, err := get(ctx, at, file)
	if err != nil {
		return err
	}
	return r.Close()
}
