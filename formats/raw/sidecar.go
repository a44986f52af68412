package raw

import (
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"strings"

	"slipway/formats"
	"slipway/registry"
)

// sumsFile is the name under which every directory of a version offers the sums of its files.
const sumsFile = "SHA256SUMS"

// maxSidecarBytes bounds the body of a sidecar: a line per name, and some signers add more.
const maxSidecarBytes = 16 << 10

// sidecar splits "tool.tar.gz.sha256" into algorithm and file.
func sidecar(p string) (alg *algorithm, of string, ok bool) {
	for _, alg := range algorithms {
		if of, ok := strings.CutSuffix(p, "."+alg.suffix); ok && path.Base(p) != "."+alg.suffix {
			return alg, of, true
		}
	}
	return nil, "", false
}

// sumLine is a line of a sidecar as sha256sum writes and reads it.
func sumLine(sum []byte, file string) string { return fmt.Sprintf("%x  %s\n", sum, file) }

// readSidecar reads the body of a sidecar: the bare sum, "sum file", "sum *file", or "SHA256 (file) = sum". Of several lines,
// the line that names the file counts. Invalid, BadBody.
func readSidecar(r io.Reader, alg *algorithm, file string) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxSidecarBytes+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxSidecarBytes {
		return nil, registry.Errorf(registry.TooLarge, registry.AboutFile, "a checksum file is larger than %d bytes", maxSidecarBytes)
	}
	sum, ok := parseSidecar(string(body), alg, path.Base(file))
	if !ok {
		return nil, registry.Errorf(registry.Invalid, registry.AboutFile, "the body holds no %s sum of %q", alg.suffix, formats.Clip(path.Base(file)))
	}
	return sum, nil
}

func parseSidecar(body string, alg *algorithm, file string) ([]byte, bool) {
	lines := strings.Split(strings.TrimSpace(body), "\n")
	for _, line := range lines {
		text, named := strings.TrimSpace(line), ""
		if head, tail, bsd := strings.Cut(text, ") = "); bsd {
			_, named, _ = strings.Cut(head, " (")
			text = tail
		} else if first, rest, ok := strings.Cut(text, " "); ok {
			text, named = first, strings.TrimPrefix(strings.TrimLeft(rest, " "), "*")
		}
		sum, err := hex.DecodeString(text)
		if err != nil || len(sum) != alg.size {
			continue
		}
		if named != "" && path.Base(named) == file || named == "" && len(lines) == 1 {
			return sum, true
		}
	}
	return nil, false
}
