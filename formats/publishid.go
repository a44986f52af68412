package formats

import (
	"net/http"

	"slipway/internal/httpserver"
	"slipway/registry"
)

// PublishHeader names the publish that a file belongs to: the files of a publish, of any packages and formats, become visible
// together with its commit. The settings.xml of Maven can set it for a server.
const PublishHeader = httpserver.PublishHeader

// PublishID returns the id of the publish that a request belongs to; "": none, so that the stored file is visible at once or
// when its format decides. Invalid: a header without a value, which comes of a variable that was not set and must make nothing
// visible.
func PublishID(h http.Header) (string, error) {
	id := h.Get(PublishHeader)
	if _, sent := h[PublishHeader]; sent && id == "" {
		return "", registry.Errorf(registry.Invalid, registry.AboutRequest, "the header %s is empty", PublishHeader)
	}
	return id, nil
}

// VisibleHeader says in the answer to an upload when what was stored becomes visible to others; it is absent where that is so
// already.
const VisibleHeader = "X-Slipway-Visible"

// VisibleOnCommit is the VisibleHeader of what waits for its client to commit it.
const VisibleOnCommit = "on commit"
