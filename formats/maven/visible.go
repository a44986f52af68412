package maven

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"slipway/formats"
	"slipway/registry"
)

// held answers the PUT of a file that others can't see yet, and says when they will. The sentence is for people with a command line:
// build tools show no body.
func (h *handlers) held(w http.ResponseWriter, r *http.Request, u upload, b registry.Blob) {
	when, text := formats.VisibleOnCommit, "with the commit of its publish"
	quick, slow := seconds(h.quiet), seconds(slowFactor*h.quiet)
	by := u.attributes.Tool
	switch i := slices.IndexFunc(tools, func(t tool) bool { return t.name == by }); {
	case u.publish || i >= 0 && tools[i].metadata:
	case i >= 0:
		when = "after " + quick + " when complete or on commit"
	default:
		when = "after " + slow + " or on commit"
		text = "when no further file of " + u.at().Package + ":" + u.version + " has come for " + slow + " (" + quick +
			" once the POM and what it needs are there), or at once with its " + metadataFile
	}
	w.Header().Set(formats.VisibleHeader, when)
	if by != "" {
		h.stored(w, r, u.target, b, http.StatusCreated)
		return
	}
	text = u.file.name + " is stored, and visible to you alone. Others see it " + text + ".\n"
	h.describe(w, r, u.target, b)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, text) // the client disconnected, so the error can't be reported
}

// seconds writes a time in seconds, and less than one as Go does.
func seconds(d time.Duration) string {
	if d < time.Second {
		return d.String()
	}
	return strconv.Itoa(int(d/time.Second)) + "s"
}
