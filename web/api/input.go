package api

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"slipway/registry"
	"slipway/web/internal/wire"
)

// input reads a request for its handler. The first error stays in err, and every value read after it is empty, so a handler
// reads all it needs and checks err once.
type input struct {
	h     *handlers
	r     *http.Request
	query wire.Query // nil until a parameter is read
	err   error
}

func (h *handlers) parse(r *http.Request) *input { return &input{h: h, r: r} }

// read returns the value of a parser, or an empty one after an error.
func read[T any](in *input, parser func() (T, error)) (value T) {
	if in.err == nil {
		value, in.err = parser()
	}
	return value
}

// queried returns the value of a parser of the query string.
func queried[T any](in *input, parser func(wire.Query) (T, error)) T {
	if in.query == nil {
		in.query = read(in, func() (wire.Query, error) { return wire.ParseQuery(in.r) })
	}
	return read(in, func() (T, error) { return parser(in.query) })
}

// segment returns a path variable, decoded once.
func (in *input) segment(key string) string {
	return read(in, func() (string, error) { return wire.Segment(in.r, key) })
}

// number returns the number in the path. NotFound for text that is no number.
func (in *input) number(about registry.Subject) int64 {
	s := in.segment("id")
	return read(in, func() (int64, error) {
		id, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			err = registry.Errorf(registry.NotFound, about, "there is no such %s", about)
		}
		return id, err
	})
}

// name returns the package that the path names.
func (in *input) name() registry.Name {
	repository, format, pkg := in.segment("repository"), in.segment("format"), in.segment("package")
	return read(in, func() (registry.Name, error) { return in.h.svc.Core.Rules.NameOf(repository, format, pkg) })
}

// version returns the version of a package that s names, under the name it was published with.
func (in *input) version(at registry.Name, s string) registry.Coordinate {
	return read(in, func() (registry.Coordinate, error) {
		if err := registry.CheckVersion(s); err != nil {
			return registry.Coordinate{}, err
		}
		return in.h.svc.Everything.CanonicalVersion(in.r.Context(), at.At(s))
	})
}

// coordinate returns the version that the path names.
func (in *input) coordinate() registry.Coordinate {
	at := in.name()
	return in.version(at, in.segment("version"))
}

// tag returns the tag that the path names, with its package.
func (in *input) tag() (registry.Name, string) {
	at := in.name()
	tag := in.segment("tag")
	return at, read(in, func() (string, error) { return tag, registry.CheckTag(tag) })
}

// generation returns the precondition of a tag change; nil: there is none.
func (in *input) generation() *int64 {
	return read(in, func() (*int64, error) { return wire.Generation(in.r) })
}

// body decodes the request's body.
func (in *input) body(v any) {
	if in.err == nil {
		in.err = wire.Decode(in.r, v)
	}
}

// text returns a parameter of the query, "" without one.
func (in *input) text(key string) string {
	return queried(in, func(q wire.Query) (string, error) { return q.Text(key) })
}

// page returns ?limit= and ?after=.
func (in *input) page() registry.Page { return queried(in, wire.Query.Page) }

// numbered is page for a list whose cursors are numbers.
func (in *input) numbered() registry.Page { return queried(in, wire.Query.Numbered) }

// asOf returns ?as_of=.
func (in *input) asOf() registry.AsOf { return queried(in, wire.Query.AsOf) }

// flag returns a parameter that is true or false.
func (in *input) flag(key string) bool {
	return queried(in, func(q wire.Query) (bool, error) { return q.Flag(key) })
}

// seq returns a sequence number of the query, or otherwise where there is none.
func (in *input) seq(key string, otherwise int64) int64 {
	return queried(in, func(q wire.Query) (int64, error) { return q.Seq(key, otherwise) })
}

// since returns a time of the query, or the start of a day; zero without one.
func (in *input) since(key string) time.Time {
	return queried(in, func(q wire.Query) (time.Time, error) {
		text, err := q.Text(key)
		if err != nil || text == "" {
			return time.Time{}, err
		}
		at, err := wire.Moment(text, false)
		if err != nil {
			err = wire.Invalid("%s must be an RFC 3339 time, or a day such as 2026-01-31", key)
		}
		return at, err
	})
}

// unchanged refuses a body whose name for the resource differs from the path's.
func (in *input) unchanged(inBody, inPath, what string) {
	if in.err == nil && inBody != "" && inBody != inPath {
		in.err = wire.Invalid("%s can't be renamed", what)
	}
}

// location sets the URL of the resource that a request has made.
func (h *handlers) location(w http.ResponseWriter, r *http.Request, collection, id string) {
	w.Header().Set("Location", h.server.BaseURL(r)+Prefix+"/"+collection+"/"+url.PathEscape(id))
}
