package formats

import (
	"net/http"

	"slipway/registry"
)

// PublishHeader names the publish that a file waits for: files of several packages and formats become visible at one
// moment, with its commit. The settings.xml of Maven can set it for a server.
const PublishHeader = "X-Slipway-Publish"

// PublishID returns the id of the publish that a request belongs to; "": to none, so that what it stores is visible at
// once, or when its format says so. A header without a value is a variable that was not set: nothing must become visible
// because of that. Invalid.
func PublishID(h http.Header) (string, error) {
	id := h.Get(PublishHeader)
	if _, sent := h[PublishHeader]; sent && id == "" {
		return "", registry.Errorf(registry.Invalid, registry.AboutRequest, "the header %s is empty", PublishHeader)
	}
	return id, nil
}
