package pypi

import (
	"bytes"
	"mime"
	"strings"

	"slipway/registry"
)

// readme is registry.Rules.Readme: the description in the core metadata of a wheel, which lies beside it, or else in a source distribution.
func readme(_ registry.Package, files []registry.File) registry.Readme {
	for _, f := range files {
		if strings.HasSuffix(f.Path, metadataSuffix) {
			return registry.Readme{Path: f.Path, Parse: description}
		}
	}
	for _, f := range files {
		if strings.HasSuffix(f.Path, tarballSuffix) {
			return registry.Readme{Path: f.Path, Parse: sdistDescription}
		}
	}
	return registry.Readme{}
}

// description takes the description out of METADATA: the text behind its header, in reStructuredText unless the header says another type.
func description(raw []byte) (text, mediaType string) {
	raw = bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	head, body, _ := bytes.Cut(raw, []byte("\n\n"))
	mediaType = "text/x-rst"
	all, err := fields(head, "description-content-type")
	if err != nil || len(all) == 0 {
		return string(body), mediaType
	}
	if kind, _, err := mime.ParseMediaType(all[0].value); err == nil && (kind == "text/markdown" || kind == "text/plain") {
		mediaType = kind
	}
	return string(body), mediaType
}
