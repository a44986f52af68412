package raw

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"strings"

	"slipway/formats"
	"slipway/internal/lazyregexp"
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

// readSidecar reads the body of a sidecar. TooLarge, BadBody.
func readSidecar(r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxSidecarBytes+1))
	if err == nil && len(body) > maxSidecarBytes {
		err = registry.Errorf(registry.TooLarge, registry.AboutFile, "a checksum file is larger than %d bytes", maxSidecarBytes)
	}
	return body, err
}

// verdict is what the body of a sidecar says of its file.
type verdict int

const (
	saysNothing verdict = iota // no sum of the file: a file like any other
	agrees
	differs
)

// judge compares the body of a sidecar with the sum of its file. The file's sum anywhere in it agrees. A sum differs if its line
// names the file, or names nothing: the sidecar's own name says which file that is about. other is a sum that differs.
func judge(body []byte, alg *algorithm, file string, sum []byte) (v verdict, other []byte) {
	for _, line := range formats.SumLines(body, alg.size) {
		for _, s := range line.Sums {
			if bytes.Equal(s, sum) {
				return agrees, nil
			}
		}
		if unnamed.MatchString(line.Rest) || names(line.Rest, path.Base(file)) {
			v, other = differs, line.Sums[0]
		}
	}
	return v, other
}

// unnamed is what stands beside a sum where no file is named: standard input, or the name of the algorithm.
var unnamed = lazyregexp.New(`(?i)^(?:[\s:=*()-]|stdin|hash|digest|algorithm|sha-?[0-9]*(?:-[0-9]+)?|md5)*$`)

// names reports whether a line names a file, alone or in a folder.
func names(line, file string) bool {
	for at := 0; ; {
		i := strings.Index(line[at:], file)
		if i < 0 {
			return false
		}
		before, after := line[:at+i], line[at+i+len(file):]
		if (before == "" || strings.ContainsAny(before[len(before)-1:], " \t*/\\(=:\"'")) && (after == "" || strings.ContainsAny(after[:1], " \t):,\"'")) {
			return true
		}
		at += i + 1
	}
}
