package oci

import (
	"net/http"
	"strings"

	"github.com/gorilla/mux"

	"slipway/formats"
	"slipway/internal/httpserver"
)

// newRoutes mounts the routes over no core: only what they match is asked.
func newRoutes(root *mux.Router) {
	server, err := httpserver.New(httpserver.Options{})
	if err != nil {
		panic(err) // the options are empty
	}
	format{}.Mount(root, &formats.Site{Server: server})
}

func routeName(h http.Handler) (string, bool) {
	rt, ok := httpserver.RouteOf(h)
	short := strings.TrimPrefix(rt.Name, name+".")
	return short, ok && short != "unknown"
}
