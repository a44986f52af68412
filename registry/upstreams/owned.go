package upstreams

import (
	"errors"
	"fmt"

	"slipway/registry"
)

// ErrOwned is the cause of the NotFound of a package that has nothing here although a claim reserves its name. Where a client asks its
// next registry after a 404, the answer must be another one. A claim of a place that the caller may not read does not show.
var ErrOwned = errors.New("upstreams: the name is reserved here")

// absent is the error of a package that no place has.
func (f found) absent() error {
	err := &registry.Error{Kind: registry.NotFound, Subject: registry.AboutPackage,
		Detail: fmt.Sprintf("there is no %s package %q in repository %q", f.name.Format, registry.Clip(f.name.Package), f.name.Repository)}
	if f.owned && f.reserved {
		err.Err = ErrOwned
	}
	return err
}
