package httpserver

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/mux"
)

// routes finds the route of a request. mux decides: but it tries one route after the other, each with one or two regular expressions over
// the path. routes asks it only about those whose template can be that of the path, by the template's segments of plain text, in mux's order.
type routes struct {
	root     *mux.Router
	branches []branch
}

// branch is a route of the root: of a handler, or of a subrouter.
type branch struct {
	route *mux.Route
	// leaves are the routes of the subrouter, or the route itself. nil: the template says too little, so mux is asked.
	leaves  []leaf
	prefix  string       // of a subrouter's paths
	unknown http.Handler // what a subrouter answers to the other paths that have the prefix; nil: later routes are tried
}

type leaf struct {
	route    *mux.Route
	methods  []string // nil: all
	template template
}

// Routes answers requests as a router does that was made with UseEncodedPath and SkipClean, has fallbacks (Fallback), and gets no more routes.
// It sets no current route of mux.
func (s *Server) Routes(root *mux.Router) http.Handler { return s.routesOf(root) }

func (s *Server) routesOf(root *mux.Router) *routes {
	x, ok := s.routes.Load(root)
	if !ok {
		x, _ = s.routes.LoadOrStore(root, newRoutes(root))
	}
	return x.(*routes) //nolint:forcetypeassert // nothing else is stored
}

// newRoutes looks at all routes of root, to which none is added later.
func newRoutes(root *mux.Router) *routes {
	x := &routes{root: root}
	_ = root.Walk(func(route *mux.Route, router *mux.Router, ancestors []*mux.Route) error { // the function returns no error
		if len(ancestors) == 0 {
			x.branches = append(x.branches, newBranch(route))
			return nil
		}
		b := &x.branches[len(x.branches)-1]
		if b.leaves == nil {
			return nil
		}
		one, ok := newLeaf(route)
		if prefix, _ := b.route.GetPathTemplate(); b.prefix == "" {
			b.prefix, b.leaves = prefix, b.leaves[:0] // it is a subrouter's, and answers nothing itself
			b.unknown = router.NotFoundHandler
		}
		if !ok || len(ancestors) > 1 || strings.Contains(b.prefix, "{") || !one.template.whole {
			b.leaves = nil
			return nil
		}
		b.leaves = append(b.leaves, one)
		return nil
	})
	return x
}

func newBranch(route *mux.Route) branch {
	b := branch{route: route}
	if one, ok := newLeaf(route); ok {
		b.leaves = []leaf{one}
	}
	return b
}

// newLeaf is false where a route has no template of its path.
func newLeaf(route *mux.Route) (leaf, bool) {
	text, err := route.GetPathTemplate()
	if err != nil {
		return leaf{}, false
	}
	pattern, err := route.GetPathRegexp()
	if err != nil {
		return leaf{}, false
	}
	methods, _ := route.GetMethods() // an error says that it has no methods
	return leaf{route, methods, parseTemplate(text, strings.HasSuffix(pattern, "$"))}, true
}

// ServeHTTP implements http.Handler.
func (x *routes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, vars := x.find(r)
	if len(vars) > 0 {
		r = mux.SetURLVars(r, vars)
	}
	h.ServeHTTP(w, r)
}

// find returns what answers a request: a route's handler, or what its router has for paths and methods that it does not know.
func (x *routes) find(r *http.Request) (http.Handler, map[string]string) {
	path, ok := split(r)
	var m mux.RouteMatch
	if !x.match(r, &path, ok, &m) {
		return x.root.NotFoundHandler, nil
	}
	return m.Handler, m.Vars
}

// methods returns with which methods a request would have found a route.
func (x *routes) methods(r *http.Request) []string {
	path, ok := split(r)
	probe := *r
	var m mux.RouteMatch
	return slices.DeleteFunc(slices.Clone(methods), func(method string) bool {
		probe.Method = method
		return !x.match(&probe, &path, ok, &m) || isFallback(m.Handler)
	})
}

func isFallback(h http.Handler) bool {
	e, ours := h.(*endpoint)
	return ours && e.fallback
}

// match asks for a request whose path was split, if it could be.
func (x *routes) match(r *http.Request, path *path, splits bool, m *mux.RouteMatch) bool {
	if !splits {
		*m = mux.RouteMatch{}
		return x.root.Match(r, m)
	}
	for i := range x.branches {
		if x.branches[i].match(r, path, m) {
			return true
		}
	}
	return false
}

func (b *branch) match(r *http.Request, path *path, m *mux.RouteMatch) bool {
	if b.leaves == nil {
		*m = mux.RouteMatch{}
		return b.route.Match(r, m)
	}
	if !strings.HasPrefix(path.text, b.prefix) {
		return false
	}
	for i := range b.leaves {
		one := &b.leaves[i]
		if !one.maybe(r.Method, path) {
			continue
		}
		if *m = (mux.RouteMatch{}); one.route.Match(r, m) {
			return true
		}
	}
	*m = mux.RouteMatch{Handler: b.unknown, MatchErr: mux.ErrNotFound}
	return b.unknown != nil
}
