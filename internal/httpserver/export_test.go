package httpserver

import (
	"net/http"

	"github.com/gorilla/mux"
)

// FindRoute is what Routes finds: the handler, and the variables of the path.
func (s *Server) FindRoute(root *mux.Router, r *http.Request) (http.Handler, map[string]string) {
	return s.routesOf(root).find(r)
}

// FindMethods is with which methods Routes finds a route.
func (s *Server) FindMethods(root *mux.Router, r *http.Request) []string {
	return s.routesOf(root).methods(r)
}

// IsFallback reports whether a handler is that for unknown paths and methods.
func IsFallback(h http.Handler) bool { return isFallback(h) }
