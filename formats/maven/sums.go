package maven

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/formats"
	"slipway/registry"
	"slipway/registry/content"
)

// algorithm is a sum that clients ask for by the suffix of a path.
type algorithm struct {
	suffix string
	header string
	size   int // bytes
	of     func(registry.Blob) []byte
}

var algorithms = []*algorithm{
	{"md5", "X-Checksum-Md5", 16, func(b registry.Blob) []byte { return b.MD5 }},
	{"sha1", "X-Checksum-Sha1", 20, func(b registry.Blob) []byte { return b.SHA1 }},
	{"sha256", "X-Checksum-Sha256", 32, sha256Of},
	{"sha512", "X-Checksum-Sha512", 64, func(b registry.Blob) []byte { return b.SHA512 }},
}

// sha256Of returns the sha256 of a blob; nil where it is not known yet, as the file is on its way here.
func sha256Of(b registry.Blob) []byte {
	if b.Digest == "" {
		return nil
	}
	raw, _ := hex.DecodeString(b.Digest.Encoded()) // a digest is hex
	return raw
}

// allSums are computed beside sha256 when a file is stored: clients differ in the one they ask for.
const allSums = content.SHA1 | content.MD5 | content.SHA512

// maxSumBytes bounds the body of a sidecar.
const maxSumBytes = 4 << 10

// cutSum splits "lib-1.0.jar.sha1". Signatures have no sums of their own (maven.md 6.4), but their clients send some.
func cutSum(name string) (*algorithm, string) {
	for _, a := range algorithms {
		if of, ok := strings.CutSuffix(name, "."+a.suffix); ok && of != "" {
			return a, of
		}
	}
	return nil, name
}

// sumHeaders sets X-Checksum-*: a client that sees them asks for no sidecar (maven.md 6.4).
func sumHeaders(set func(name, value string), b registry.Blob) {
	for _, a := range algorithms {
		if sum := a.of(b); sum != nil {
			set(a.header, hex.EncodeToString(sum))
		}
	}
}

// readSum reads the body of a sidecar. Invalid, TooLarge, BadBody.
func readSum(r io.Reader, a *algorithm) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxSumBytes+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxSumBytes {
		return nil, registry.Errorf(registry.TooLarge, registry.AboutFile, "a checksum file is larger than %d bytes", maxSumBytes)
	}
	sum, ok := parseSum(string(body), a)
	if lines := formats.SumLines(body, a.size); !ok && len(lines) == 1 && len(lines[0].Sums) == 1 { // of another tool
		sum, ok = lines[0].Sums[0], true
	}
	if !ok {
		return nil, registry.Errorf(registry.Invalid, registry.AboutFile, "the body holds no %s sum", a.suffix)
	}
	return sum, nil
}

// parseSum reads "hash", "hash  file" and "SHA1(file)= hash", in any case; old Gradle leaves out leading zeros.
func parseSum(body string, a *algorithm) ([]byte, bool) {
	if i := strings.LastIndexByte(body, '='); i >= 0 {
		body = body[i+1:]
	}
	fields := strings.Fields(body)
	if len(fields) == 0 {
		return nil, false
	}
	text := fields[0]
	const mostZeros = 8
	if short := 2*a.size - len(text); short > 0 && short <= mostZeros {
		text = strings.Repeat("0", short) + text
	}
	sum, err := hex.DecodeString(text)
	return sum, err == nil && len(sum) == a.size
}

// discard reads and drops the body of a sidecar that is not compared.
func discard(w http.ResponseWriter, r *http.Request) error {
	n, err := io.Copy(io.Discard, io.LimitReader(r.Body, maxSumBytes+1))
	if err != nil {
		return err
	}
	if n > maxSumBytes {
		return registry.Errorf(registry.TooLarge, registry.AboutFile, "a checksum file is larger than %d bytes", maxSumBytes)
	}
	empty(w, http.StatusCreated)
	return nil
}

// Bounds of servedSums.
const (
	maxServed    = 4096
	servedMemory = 2 * time.Second
)

// servedSums keeps the sums of the metadata that was sent over a connection: the client requests them separately, and a
// version may be published in between. Each sum is answered once and for a short time, so that a client that asks for sums
// alone gets no old ones.
type servedSums struct {
	now  func() time.Time
	mu   sync.Mutex
	seen map[string]served
}

type served struct {
	sums map[string]string // by header
	at   time.Time
}

func newServedSums() *servedSums { return &servedSums{now: time.Now, seen: map[string]served{}} }

func (s *servedSums) note(key string, sums map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) >= maxServed {
		clear(s.seen)
	}
	s.seen[key] = served{maps.Clone(sums), s.now()}
}

func (s *servedSums) take(key, header string) (sum string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.seen[key]
	if s.now().Sub(e.at) > servedMemory {
		delete(s.seen, key)
		return "", false
	}
	sum, ok = e.sums[header]
	delete(e.sums, header)
	return sum, ok
}

// sumsOf sums a document made here.
func sumsOf(body []byte) registry.Blob {
	s1, s5, s512 := sha1.Sum(body), md5.Sum(body), sha512.Sum512(body)
	return registry.Blob{Digest: digest.FromBytes(body), SHA1: s1[:], MD5: s5[:], SHA512: s512[:]}
}
