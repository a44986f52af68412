package formats

import (
	"net/http"
	"strings"

	"slipway/registry"
)

// RefuseUnheard refuses an upload with a header that would make the result another one where it is heard, of the front-ends whose
// uploads are plain files: stored without hearing it, an empty body would be a file, and an archive a file among the files in it.
// Invalid, NotFound.
func RefuseUnheard(h http.Header) error {
	switch {
	case h.Get("X-Explode-Archive") != "" || h.Get("X-Explode-Archive-Atomic") != "":
		return registry.Errorf(registry.Invalid, registry.AboutRequest, "unpacking an archive on the server (X-Explode-Archive) is not supported; send its files one by one")
	case h.Get("X-Checksum-Deploy") != "" && !strings.EqualFold(h.Get("X-Checksum-Deploy"), "false"):
		// By the protocol of this header, 404 makes clients send the bytes.
		return registry.Errorf(registry.NotFound, registry.AboutBlob, "storing by checksum alone is not supported; send the bytes")
	case h.Get("Content-Range") != "":
		return registry.Errorf(registry.Invalid, registry.AboutRequest, "a part of a file can't be stored (Content-Range); send the whole") // RFC 9110 section 14.5
	}
	return nil
}
