package formats

import (
	"github.com/gorilla/mux"

	"slipway/registry"
)

// Format is one protocol front-end.
type Format interface {
	// Name is stored with every package: lower case, never renamed.
	Name() string
	// Rules are the format's rules for names and versions that come through the common API.
	Rules() registry.Rules
	// Mount adds the routes of the format. root matches encoded paths and does not clean them: refusing ".." and "//", and
	// decoding each segment once, is the parser's work.
	Mount(root *mux.Router, site *Site)
}

// FrontEnd has routes and is written against the parts of the core; every Format is one.
type FrontEnd interface {
	Mount(root *mux.Router, site *Site)
}
