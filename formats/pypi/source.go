package pypi

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"

	"slipway/formats"
	"slipway/formats/archive"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/publish"
	"slipway/registry/upstreams"
)

var (
	_ upstreams.Source    = (*Format)(nil)
	_ upstreams.Extractor = (*Format)(nil)
)

// OnRemoval implements an option of upstreams.Source: as the index there does; lock files go on to work.
func (*Format) OnRemoval() string { return upstreams.RemovalHide }

// Checksum implements an option of upstreams.Source: registries of the kind announce sums of all files.
func (*Format) Checksum() string { return upstreams.ChecksumRequire }

// acceptPage is what pip sends: the JSON form, else HTML.
const acceptPage = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"

// factDiffers is the fact of a file from elsewhere that does not hold what its name says.
const factDiffers = "upstream.manifest_differs"

// Document implements upstreams.Source: the project's page below the address of the simple index.
func (*Format) Document(at registry.Name) (upstreams.Ask, bool) {
	return upstreams.Ask{URL: formats.Escape(at.Package) + "/", Accept: acceptPage, Gzip: true}, true
}

// File implements upstreams.Source.
func (*Format) File(at registry.Coordinate, path string, e *upstreams.Entry) (upstreams.Ask, error) {
	if e == nil {
		return upstreams.Ask{}, invalid(registry.AboutFile, "no page names the file %q of %s", formats.Clip(path), formats.Clip(at.Package))
	}
	return upstreams.Ask{URL: e.URL}, nil
}

// Check implements upstreams.Source: a gzip, a zip, or the text of core metadata.
func (*Format) Check(path string, head []byte) error {
	starts := func(with string) bool { return bytes.HasPrefix(head, []byte(with)) }
	ok := false
	switch {
	case strings.HasSuffix(path, metadataSuffix):
		text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
		ok = len(text) > 0 && text[0] != '<' && bytes.IndexByte(head, 0) < 0
	case strings.HasSuffix(path, tarballSuffix):
		ok = starts("\x1f\x8b")
	default:
		ok = starts("PK\x03\x04")
	}
	if !ok {
		return invalid(registry.AboutFile, "what came in the place of %q is no such file", formats.Clip(path))
	}
	return nil
}

// Mutable implements upstreams.Source: the bytes of a file never change.
func (*Format) Mutable(registry.Coordinate, string) bool { return false }

// Enter implements upstreams.Source. A file that an upload would refuse enters all the same, as installers may well take it; what is
// wrong with it is a fact. Core metadata that is beside a distribution enters without being read.
func (*Format) Enter(ctx context.Context, e upstreams.Entered) (publish.Release, error) {
	text, isMetadata := strings.CutSuffix(e.Path, metadataSuffix)
	f, err := parseFilename(text)
	if err != nil {
		return publish.Release{}, err
	}
	v, err := f.of(e.At.Package)
	if err != nil {
		return publish.Release{}, err
	}
	known, err := indexed(e.Version)
	if err != nil {
		return publish.Release{}, err
	}
	rel := publish.Release{Version: v.String(), Mode: publish.Append, SortKey: v.key(), SameKey: true, Prerelease: v.prerelease()}
	if e.Version != nil {
		rel.Version = e.Version.Name
		if e.Version.State != registry.Published {
			rel.State, rel.Reason = e.Version.State, e.Version.Reason
		}
	}
	rel.PURL = purl(e.At.Package, rel.Version)
	media, info := metadataType, known.of(text)
	if !isMetadata {
		media = mediaType(f)
		found, differs, err := lookInto(ctx, e, f, reading{e.At.Package, v})
		if err != nil {
			return publish.Release{}, err
		}
		if info.RequiresPython == "" {
			info.RequiresPython = found.metadata.requiresPython
		}
		rel.Facts = facts(found, "")
		if differs != "" {
			rel.Facts = append(rel.Facts, registry.FactInput{Key: factDiffers, Value: differs, Source: "pypi:file", Rank: registry.RankObserved})
		}
	}
	rel.Files = []publish.Staged{publish.HeldFile(e.Path, media, e.Blob)}
	rel.Merge = func(old []byte) ([]byte, error) { return mergeFile(old, text, info) }
	return rel, nil
}

// Within implements upstreams.Extractor: a wheel has its core metadata in it.
func (*Format) Within(path string) string {
	wheel, ok := strings.CutSuffix(path, metadataSuffix)
	if !ok || !strings.HasSuffix(wheel, wheelSuffix) {
		return ""
	}
	return wheel
}

// Extract implements upstreams.Extractor: METADATA, byte for byte.
func (*Format) Extract(ctx context.Context, whole upstreams.Entered, _ string) ([]byte, error) {
	f, err := parseFilename(whole.Path)
	if err != nil {
		return nil, err
	}
	v, err := f.of(whole.At.Package)
	if err != nil {
		return nil, err
	}
	found, differs, err := lookInto(ctx, whole, f, reading{whole.At.Package, v})
	if err == nil && differs != "" {
		err = invalid(registry.AboutFile, "%s", differs)
	}
	return found.raw, err
}

// indexed is the descriptor of a version of an index.
func indexed(v *registry.Version) (descriptor, error) {
	if v == nil {
		return descriptor{}, nil
	}
	return readDescriptor(v.Descriptor)
}

func mediaType(f filename) string {
	if f.tarball() {
		return gzipType
	}
	return zipType
}

// lookInto reads a distribution as an upload does. differs is why an upload would refuse it, for a fact; "" where it would not. The
// error is one of reading.
func lookInto(ctx context.Context, e upstreams.Entered, f filename, name reading) (found contents, differs string, err error) {
	hold := func(n int64) error { return httpserver.Hold(ctx, n*metadataFactor) }
	if f.tarball() {
		var r io.ReadCloser
		if r, err = e.Open(ctx); err != nil {
			return found, "", err
		}
		defer r.Close()
		found, err = readTarball(r, hold)
	} else {
		w := archive.NewWindow(e.Blob.Size, func(offset, length int64) (io.ReadCloser, error) { return openAt(ctx, e, offset) })
		w.Hold = hold
		if f.kind == typeWheel {
			found, err = readWheel(w, name)
		} else {
			found, err = readZipSdist(w)
		}
	}
	if m := found.metadata; err == nil && (fold(m.name) != name.project || !m.version.equal(name.version)) {
		err = invalid(registry.AboutVersion, "the core metadata is of %s %s", formats.Clip(m.name), m.version)
	}
	if err != nil && registry.KindOf(err) != registry.Invalid {
		return contents{}, "", err
	}
	if err != nil {
		return contents{}, formats.Clip(registry.AsError(err).Detail), nil
	}
	return found, "", nil
}

// openAt reads a file from an offset on: by seeking, as files of the local store can, else by reading what is before it.
func openAt(ctx context.Context, e upstreams.Entered, offset int64) (io.ReadCloser, error) {
	r, err := e.Open(ctx)
	if err != nil {
		return nil, err
	}
	if s, ok := r.(io.Seeker); ok {
		_, err = s.Seek(offset, io.SeekStart)
	} else {
		_, err = io.CopyN(io.Discard, r, offset)
	}
	if err != nil {
		_ = r.Close()
		return nil, err
	}
	return r, nil
}

// status is a package's descriptor: what a registry elsewhere says of the project as a whole (PEP 792).
type status struct {
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
}

// readStatus returns nil for a project of which nothing is said.
func readStatus(descriptor []byte) *status {
	var s status
	if len(descriptor) == 0 || json.Unmarshal(descriptor, &s) != nil || s.Status == "" {
		return nil
	}
	return &s
}
