package mirror

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/opencontainers/go-digest"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"slipway/registry"
)

// head reads the manifest and verifies its signature and the checkpoint in it.
func (i *importing) head(context.Context) error {
	manifest, err := i.next(manifestName, maxManifestBytes)
	if err != nil {
		return err
	}
	signed, err := i.next(manifestSig, maxSigBytes)
	if err != nil {
		return err
	}
	n, err := note.Open(signed, note.VerifierList(i.verifier))
	if err != nil {
		return unusable("the bundle is not signed by the key that is trusted, %s", i.verifier.Name())
	}
	if n.Text != signedText(manifest) {
		return unusable("the manifest of the bundle is not what was signed")
	}
	if err := json.Unmarshal(manifest, &i.manifest); err != nil || i.manifest.Format != bundleFormat {
		return unusable("this version of Slipway reads bundles of the format %s", bundleFormat)
	}
	cp, err := note.Open([]byte(i.manifest.Checkpoint), note.VerifierList(i.verifier))
	if err != nil {
		return unusable("the checkpoint of the bundle is not signed by the key that is trusted")
	}
	origin, tree, err := checkpointTree(cp.Text)
	if err != nil || origin != i.verifier.Name() {
		return unusable("the checkpoint of the bundle can't be read")
	}
	i.tree = tree
	return nil
}

// parts reads the parts, each with the digest that was signed, and keeps the versions in a temporary file.
func (i *importing) parts(context.Context) error {
	for _, p := range i.manifest.Parts {
		h, err := i.tar.Next()
		if err != nil {
			return cut(err)
		}
		if h.Typeflag != tar.TypeReg || h.Name != p.Name || h.Size != p.Size {
			return unusable("the bundle has %q where %s must be", registry.Clip(h.Name), registry.Clip(p.Name))
		}
		sum := sha256.New()
		take := i.entry
		if strings.HasPrefix(p.Name, versionsPart+"/") {
			take = i.version
		}
		if err := eachLine(io.TeeReader(i.tar, sum), take); err != nil {
			return err
		}
		if hex.EncodeToString(sum.Sum(nil)) != p.SHA256 {
			return unusable("%s of the bundle is not what was signed", registry.Clip(p.Name))
		}
	}
	for seq, purl := range i.claimed {
		return unusable("the log of the bundle has no entry %d, of %s", seq, registry.Clip(purl))
	}
	return i.lines.flush()
}

// version checks the names of a version, which are hostile however they are signed, and notes what it needs.
func (i *importing) version(raw []byte) error {
	var v bundledVersion
	if err := json.Unmarshal(raw, &v); err != nil {
		return unusable("a version of the bundle can't be read: %v", err)
	}
	at, err := i.nameOf(v)
	if err != nil {
		return err
	}
	for _, f := range v.Files {
		if err := registry.CheckPath(f.Path); err != nil {
			return err
		}
		if f.Digest.Validate() != nil || f.Digest.Algorithm() != digest.SHA256 || f.Size < 0 {
			return unusable("%q of %s has no digest", registry.Clip(f.Path), registry.Clip(v.PURL))
		}
		if n := i.need[f.Digest]; n == nil {
			i.need[f.Digest] = &neededBlob{at: at, size: f.Size}
		} else if n.size != f.Size {
			return unusable("two files of the bundle have one digest and different sizes: %s", f.Digest)
		}
		i.claimed[f.Seq] = v.PURL
	}
	i.claimed[v.Seq] = v.PURL
	return i.lines.add(versionsPart, v)
}

// nameOf is the package of a version by the rules of its format here.
func (i *importing) nameOf(v bundledVersion) (registry.Name, error) {
	at, err := i.m.core.Rules.NameOf(i.repo.Name, v.Format, v.Package)
	if err == nil && at.Package != v.Package {
		err = unusable("%q is not how %s writes a name", registry.Clip(v.Package), v.Format)
	}
	if err == nil {
		at, err = registry.NewName(i.repo.Name, v.Format, at.Package, v.Display)
	}
	if err == nil {
		err = registry.CheckVersion(v.Version)
	}
	if err == nil && v.State != registry.Published {
		err = i.m.core.Rules.CheckState(v.Format, v.State, v.Reason)
	}
	return at, err
}

// entry checks that the log which signed the bundle has an entry, and that it is about the version that names it.
func (i *importing) entry(raw []byte) error {
	var e bundledEntry
	var leaf struct {
		Seq     int64  `json:"seq"`
		Subject string `json:"subject"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return unusable("a log entry of the bundle can't be read: %v", err)
	}
	if err := json.Unmarshal([]byte(e.Leaf), &leaf); err != nil || leaf.Seq != e.Seq || e.Seq < 0 || e.Seq >= i.tree.N {
		return unusable("log entry %d of the bundle can't be read", e.Seq)
	}
	if err := tlog.CheckRecord(e.Proof, i.tree.N, i.tree.Hash, e.Seq, tlog.RecordHash([]byte(e.Leaf))); err != nil {
		return unusable("the log that signed the bundle does not have entry %d as the bundle has it", e.Seq)
	}
	if purl, ok := i.claimed[e.Seq]; ok && purl != leaf.Subject {
		return unusable("log entry %d is about %s, not %s", e.Seq, registry.Clip(leaf.Subject), registry.Clip(purl))
	}
	delete(i.claimed, e.Seq)
	return nil
}

// next returns the next entry of the archive, which must be a file of this name.
func (i *importing) next(name string, limit int64) ([]byte, error) {
	h, err := i.tar.Next()
	if err != nil {
		return nil, cut(err)
	}
	if h.Typeflag != tar.TypeReg || h.Name != name || h.Size > limit {
		return nil, unusable("the bundle has %q where %s must be", registry.Clip(h.Name), name)
	}
	raw, err := io.ReadAll(io.LimitReader(i.tar, limit))
	return raw, cut(err)
}

// eachLine calls take with every line.
func eachLine(r io.Reader, take func(raw []byte) error) error {
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxLineBytes)
	for in.Scan() {
		if err := take(in.Bytes()); err != nil {
			return err
		}
	}
	return cut(in.Err())
}

// cut says what an error of reading the archive means.
func cut(err error) error {
	var known *registry.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return unusable("the bundle ends early, or is no bundle: %v", err)
}

// unusable is the error for a bundle that is not what it says. Invalid.
func unusable(format string, args ...any) error {
	return registry.Errorf(registry.Invalid, registry.AboutRequest, format, args...)
}
