package mirror

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/gowebpki/jcs"
	"github.com/opencontainers/go-digest"
	"golang.org/x/mod/sumdb/tlog"

	"slipway/registry"
)

// A bundle is a tar archive: manifest.json, its signature manifest.sig, the parts that the manifest names with their digests (lines of
// canonical JSON: versions, then log entries with proofs), and last the bytes of all files, each once, as blobs/sha256/<digits>, ascending.
const (
	bundleFormat = "slipway-bundle/1"
	manifestName = "manifest.json"
	manifestSig  = "manifest.sig"
	blobFolder   = "blobs/sha256/"
	versionsPart = "versions"
	logPart      = "log"

	partLines        = 1000     // of one part
	maxLineBytes     = 16 << 20 // of one version: its descriptor and its files
	maxManifestBytes = 16 << 20
	maxSigBytes      = 64 << 10
	maxVersions      = 2_000_000
)

// bundleManifest says what a bundle holds, and where it comes from.
type bundleManifest struct {
	Blobs      int          `json:"blobs"`
	Bytes      int64        `json:"bytes"` // of all blobs
	Checkpoint string       `json:"checkpoint"`
	CreatedAt  string       `json:"created_at"`
	Format     string       `json:"format"`
	Instance   string       `json:"instance"`
	Parts      []bundlePart `json:"parts"`
	Repository string       `json:"repository"`
	Since      int64        `json:"since"` // only what entered the log after this entry; -1: everything
	Versions   int          `json:"versions"`
}

// bundlePart is a file of lines in the bundle.
type bundlePart struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// bundledVersion is one line of a part with versions.
type bundledVersion struct {
	Format            string               `json:"format"`
	Package           string               `json:"package"`
	Display           string               `json:"display"`
	PackageDescriptor []byte               `json:"package_descriptor,omitempty"`
	Cached            *bundledOrigin       `json:"cached,omitempty"` // it came from a registry elsewhere
	Version           string               `json:"version"`
	PURL              string               `json:"purl"`
	State             registry.State       `json:"state"`
	Reason            string               `json:"reason,omitempty"`
	Digest            digest.Digest        `json:"digest,omitempty"` // where the format has its own
	SortKey           []byte               `json:"sort_key,omitempty"`
	Prerelease        bool                 `json:"prerelease,omitempty"`
	Descriptor        []byte               `json:"descriptor,omitempty"`
	MediaType         string               `json:"media_type,omitempty"`
	Silent            bool                 `json:"silent,omitempty"`
	Attached          bool                 `json:"attached,omitempty"`
	PublishedAt       string               `json:"published_at"`
	Seq               int64                `json:"seq"` // its log entry
	Files             []bundledFile        `json:"files,omitempty"`
	References        []bundledReference   `json:"references,omitempty"`
	Tags              []string             `json:"tags,omitempty"`
	Facts             []registry.FactInput `json:"facts,omitempty"`
}

// bundledOrigin says where a version came from that a registry elsewhere delivered.
type bundledOrigin struct {
	Upstream    string `json:"upstream"` // its name there
	Verified    string `json:"verified"`
	PublishedAt string `json:"published_at,omitempty"`
	EnteredAt   string `json:"entered_at"`
}

type bundledFile struct {
	Path      string        `json:"path"`
	MediaType string        `json:"media_type,omitempty"`
	Digest    digest.Digest `json:"digest"`
	Size      int64         `json:"size"`
	Seq       int64         `json:"seq"`
}

type bundledReference struct {
	Kind   string        `json:"kind"`
	Digest digest.Digest `json:"digest"`
}

// bundledEntry is one line of a part of the log: an entry with the proof that the tree of the checkpoint has it.
type bundledEntry struct {
	Seq   int64       `json:"seq"`
	Leaf  string      `json:"leaf"`
	Proof []tlog.Hash `json:"proof"`
}

// signedText is what is signed of a bundle. No text of a checkpoint, whose first line is a log's origin, can be one.
func signedText(manifest []byte) string {
	sum := sha256.Sum256(manifest)
	return bundleFormat + "\n" + hex.EncodeToString(sum[:]) + "\n"
}

// canonical is JSON by RFC 8785.
func canonical(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return jcs.Transform(raw)
}

func partName(folder string, n int) string { return fmt.Sprintf("%s/%05d.jsonl", folder, n) }

// lines are parts that are written to a temporary file, one after the other.
type lines struct {
	file   *os.File
	at     int64
	parts  []bundlePart
	folder string
	buf    bytes.Buffer
	n      int
}

func newLines() (*lines, error) {
	f, err := os.CreateTemp("", "slipway-bundle-*")
	if err != nil {
		return nil, err
	}
	return &lines{file: f}, os.Remove(f.Name()) // it goes with the last handle
}

func (l *lines) close() { _ = l.file.Close() }

// add adds a line to the part that is being written, which is one of this folder.
func (l *lines) add(folder string, v any) error {
	if folder != l.folder || l.n == partLines {
		if err := l.flush(); err != nil {
			return err
		}
		l.folder = folder
	}
	raw, err := canonical(v)
	if err != nil {
		return err
	}
	l.n++
	l.buf.Write(raw)
	return l.buf.WriteByte('\n')
}

// flush ends the part that is being written.
func (l *lines) flush() error {
	if l.n == 0 {
		return nil
	}
	number := 0
	for _, p := range l.parts {
		if strings.HasPrefix(p.Name, l.folder+"/") {
			number++
		}
	}
	sum := sha256.Sum256(l.buf.Bytes())
	l.parts = append(l.parts, bundlePart{Name: partName(l.folder, number), SHA256: hex.EncodeToString(sum[:]), Size: int64(l.buf.Len())})
	n, err := l.file.WriteAt(l.buf.Bytes(), l.at)
	l.at += int64(n)
	l.buf.Reset()
	l.n = 0
	return err
}

// reader reads all parts in their order.
func (l *lines) reader() io.Reader { return io.NewSectionReader(l.file, 0, l.at) }

// checkpointTree reads the text of a checkpoint (C2SP tlog-checkpoint): origin, size, root.
func checkpointTree(text string) (origin string, tree tlog.Tree, err error) {
	rows := strings.SplitN(text, "\n", 4)
	if len(rows) < 4 {
		return "", tree, fmt.Errorf("it is too short")
	}
	if tree.N, err = strconv.ParseInt(rows[1], 10, 64); err == nil {
		tree.Hash, err = tlog.ParseHash(rows[2])
	}
	return rows[0], tree, err
}
