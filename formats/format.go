package formats

import (
	"net/http"

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

// Mounter is anything with routes: a Format, the JSON API, the pages for people.
type Mounter interface {
	Mount(root *mux.Router, site *Site)
}

// Handler answers a request or returns why it could not; it never writes an error itself. What it returns becomes a
// *registry.Error by registry.AsError.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Renderer writes an error in the shape that the clients of one protocol understand.
type Renderer func(w http.ResponseWriter, r *http.Request, e *registry.Error)

// Route describes a handler for the access log, the metrics and the tests that walk over every route.
type Route struct {
	Format string // "npm", "raw", "api" …: a metric label
	Name   string // "npm.packument": a metric label, so from a closed set
	Public bool   // not authenticated here: the handler reads credentials itself, or needs none
}
