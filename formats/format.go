package formats

import (
	"github.com/gorilla/mux"

	"slipway/registry"
)

// Format is one protocol front-end.
type Format interface {
	// Name is stored with every package: lower case, never renamed.
	Name() string
	// Rules are what the core asks of the format where names come in through the common API.
	Rules() registry.Rules
	// Mount adds the routes of the format. root matches encoded paths and cleans none: refusing ".." and "//", and
	// decoding each segment once, is the parser's work.
	Mount(root *mux.Router, site *Site)
}

// FrontEnd is anything with routes that is written against the parts of the core: a Format.
type FrontEnd interface {
	Mount(root *mux.Router, site *Site)
}
