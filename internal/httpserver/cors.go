package httpserver

import (
	"net/http"
	"slices"
	"strings"
)

// The headers by which a browser decides what pages of other sites may do (the Fetch standard, "CORS protocol").
const (
	allowOrigin   = "Access-Control-Allow-Origin"
	exposeHeaders = "Access-Control-Expose-Headers"
	allowMethods  = "Access-Control-Allow-Methods"
	allowHeaders  = "Access-Control-Allow-Headers"
	maxAge        = "Access-Control-Max-Age"
)

// openToPages lets pages of every site read the answer to a request without credentials: package tools that run in a browser
// need it. The star excludes answers to a request with credentials, also those that the browser adds by itself.
func openToPages(h http.Header) {
	h.Set(allowOrigin, "*")
	h.Set(exposeHeaders, "*")
}

// preflight answers the question that a browser asks before a page's request that no form could send: reading is allowed, with
// all headers but Authorization, which the star does not contain.
func preflight(h http.Header) {
	openToPages(h)
	h.Set(allowMethods, http.MethodGet+", "+http.MethodHead)
	h.Set(allowHeaders, "*")
	h.Set(maxAge, "86400")
}

// closedToPages takes openToPages and preflight back.
func closedToPages(h http.Header) {
	for _, name := range []string{allowOrigin, exposeHeaders, allowMethods, allowHeaders, maxAge} {
		h.Del(name)
	}
}

// options answers OPTIONS of a path with these methods.
func options(w http.ResponseWriter, methods []string) error {
	if !slices.Contains(methods, http.MethodOptions) {
		methods = append(methods, http.MethodOptions)
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	w.WriteHeader(http.StatusNoContent)
	return nil
}
