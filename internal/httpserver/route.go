package httpserver

import (
	"net/http"

	"github.com/gorilla/mux"

	"slipway/registry"
)

// Mounter is anything with routes: a format, the JSON API, the pages for people. root matches encoded paths and cleans none.
type Mounter interface {
	Mount(root *mux.Router, s *Server)
}

// Handler answers a request or returns an error; it never writes an error itself. registry.AsError turns the returned error
// into a *registry.Error.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Renderer writes an error in the shape that the clients of one protocol understand.
type Renderer func(w http.ResponseWriter, r *http.Request, e *registry.Error)

// Route describes a handler for the access log, the metrics and the tests that walk over every route.
type Route struct {
	Format string // "npm", "raw", "api" …: a metric label
	Name   string // "npm.packument": a metric label, so from a closed set
	Public bool   // not authenticated here: the handler reads credentials itself, or needs none
	Still  bool   // answered without a look at the database
	Sums   bool   // the handler itself compares the body with the sums that headers announce (AnnouncedSums)
	// InPublish routes store files that can belong to a publish of several files (PublishHeader). The others refuse the header on
	// a change, which would take effect at once.
	InPublish bool
}

// PublishHeader names the publish that a file belongs to.
const PublishHeader = "X-Slipway-Publish"
