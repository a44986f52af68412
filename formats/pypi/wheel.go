package pypi

import (
	"archive/zip"
	"strings"

	"slipway/formats"
	"slipway/formats/archive"
	"slipway/registry"
)

// contents is what is read from an archive.
type contents struct {
	metadata  coreMetadata
	raw       []byte // METADATA or PKG-INFO, byte for byte
	generator string // WHEEL's Generator: the tool that built it

	hold func(int64) error // nil: memory is not counted
}

// Bounds of the small files beside METADATA.
const maxWheelFileBytes = 64 << 10

const distInfoSuffix = ".dist-info"

// readWheel reads a stored wheel (PyPA "Binary distribution format"): one .dist-info directory at the top, of this project and
// version, with METADATA, WHEEL and RECORD. Invalid, or the error of r.
func readWheel(r *archive.Window, name reading) (contents, error) {
	var c contents
	a, err := zipBounds.Open(r)
	if err != nil {
		return c, err
	}
	parts, err := distInfo(a, name)
	if err != nil {
		return c, err
	}
	if c.raw, err = a.ReadEntry(parts["METADATA"], maxMetadataBytes); err != nil {
		return c, err
	}
	if c.metadata, err = parseMetadata(c.raw); err != nil {
		return c, err
	}
	wheel, err := a.ReadEntry(parts["WHEEL"], maxWheelFileBytes)
	if err != nil {
		return c, err
	}
	generators, err := fields(wheel, "generator")
	if err != nil {
		return c, err
	}
	for _, f := range generators {
		c.generator = f.value
	}
	return c, nil
}

// distInfo finds the files of the wheel's .dist-info directory. Installers use the only such directory at the top; its name
// may be spelled differently from the wheel's.
func distInfo(a *archive.ZipReader, name reading) (map[string]*zip.File, error) {
	dir := ""
	parts := map[string]*zip.File{}
	for _, f := range a.Files {
		first, rest, _ := strings.Cut(f.Name, "/")
		if !strings.HasSuffix(first, distInfoSuffix) {
			continue
		}
		if dir != "" && first != dir {
			return nil, archive.Broken("it has two .dist-info directories, %q and %q", formats.Clip(dir), formats.Clip(first))
		}
		dir = first
		if rest == "METADATA" || rest == "WHEEL" || rest == "RECORD" {
			parts[rest] = f
		}
	}
	if dir == "" {
		return nil, archive.Broken("it has no .dist-info directory")
	}
	for _, part := range []string{"METADATA", "WHEEL", "RECORD"} {
		if parts[part] == nil {
			return nil, archive.Broken("%s/%s is missing", formats.Clip(dir), part)
		}
	}
	project, text, _ := strings.Cut(strings.TrimSuffix(dir, distInfoSuffix), "-")
	v, err := parseVersion(text)
	if err != nil {
		v, err = parseVersion(strings.ReplaceAll(text, "_", "-"))
	}
	if err != nil || fold(project) != name.project || !v.equal(name.version) {
		return nil, invalid(registry.AboutFile, "%q is the .dist-info directory of another distribution than %s %s", formats.Clip(dir), name.project, name.version)
	}
	return parts, nil
}
