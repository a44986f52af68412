package npm

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"path"
	"strings"

	"slipway/formats/archive"
	"slipway/registry"
)

// Bounds of what is read of a tarball to find a readme in it.
const (
	maxReadmeTarball = 4 << 20  // packed
	maxReadmeTar     = 64 << 20 // unpacked
)

// readme is registry.Rules.Readme: npm keeps the text of the package's newest publish. Where there is none, it is that in the version's tarball.
func readme(p registry.Package, files []registry.File) registry.Readme {
	a, err := readAbout(p.Descriptor)
	if err != nil || a.Readme == noReadme {
		return registry.Readme{}
	}
	if a.Readme != "" {
		return registry.Readme{Text: a.Readme, MediaType: readmeType(a.ReadmeFilename)}
	}
	for _, f := range files {
		if strings.HasSuffix(f.Path, ".tgz") {
			return registry.Readme{Path: f.Path, Parse: packedReadme, Limit: maxReadmeTarball}
		}
	}
	return registry.Readme{}
}

// readmeType is the media type of a readme, by the name of its file.
func readmeType(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".rst":
		return "text/x-rst"
	case ".txt":
		return "text/plain"
	}
	return "text/markdown"
}

// errFound ends the reading of a tarball.
var errFound = errors.New("npm: found")

// packedReadme takes the readme out of the first bytes of a tarball; "": it has none as far as it can be read.
func packedReadme(file []byte) (text, mediaType string) {
	look := func(h *tar.Header, name string, body io.Reader) error {
		base := strings.ToLower(name)
		if h.Typeflag != tar.TypeReg || strings.TrimSuffix(base, path.Ext(base)) != "readme" {
			return nil
		}
		raw, err := io.ReadAll(io.LimitReader(body, maxReadmeBytes))
		if err != nil {
			return err
		}
		text, mediaType = string(raw), readmeType(name)
		return errFound
	}
	_ = archive.Tarball{MaxBytes: maxReadmeTar, MaxRatio: maxUnpackRatio, MaxEntries: maxEntries, Entry: look}.Read(bytes.NewReader(file)) // it was checked when it was stored
	return text, mediaType
}
