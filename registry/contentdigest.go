package registry

import (
	"context"
	"encoding/hex"
	"log/slog"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
)

// MaxDigestedFiles is the largest number of files for which a version's digest is kept up to date. A change of a version with
// more files would have to read them all, so it leaves the digest out, and the next reader computes it (decision 10).
const MaxDigestedFiles = 64

// Identify computes and stores the digest of a version where it was left out, so that what names content by digest, such as a
// tag's event, can do so for every version.
func Identify(tx metadata.Tx, v *Version) error {
	if v.Digest != "" {
		return nil
	}
	files, err := tx.Files().Files(metadata.FileQuery{VersionID: v.ID})
	if err != nil {
		return err
	}
	v.Digest = ContentDigest(files)
	return tx.Versions().SetDigest(v.ID, v.Digest)
}

// KeepDigest stores the digest that a reader of v had to compute, so that v can be found by it. p is the package as of the
// same moment; if anything in the package changed since, nothing is stored. An error does not concern the reader.
func (s *Core) KeepDigest(ctx context.Context, p Package, v Version) {
	err := s.Update(ctx, func(tx metadata.Tx) error {
		now, err := tx.Packages().PackageByID(p.ID)
		if err != nil || now.Revision != p.Revision {
			return err
		}
		return tx.Versions().SetDigest(v.ID, v.Digest)
	})
	if err != nil && ctx.Err() == nil {
		s.Log.LogAttrs(ctx, slog.LevelWarn, "digest of a version was not kept", slog.Int64("version", v.ID), slog.Any("error", err))
	}
}

// ContentDigest is the identity of a version's content: the digest of its only file, or of the sorted lines
// "<sha256 hex>  <path>\n" of several, which is what sha256sum prints in a folder with them.
func ContentDigest(files []File) digest.Digest {
	if len(files) == 1 {
		return files[0].Blob.Digest
	}
	lines := make([]string, len(files))
	for i, f := range files {
		lines[i] = f.Blob.Digest.Encoded() + "  " + f.Path + "\n"
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[64:], b[64:]) })
	return digest.FromString(strings.Join(lines, ""))
}

// BlobByDigest looks a digest up in the metadata: sha256, or sha512 where it was computed. metadata.ErrNotExist.
func BlobByDigest(blobs metadata.Blobs, d digest.Digest) (Blob, error) {
	if d.Validate() == nil && d.Algorithm() == digest.SHA512 {
		sum, err := hex.DecodeString(d.Encoded())
		if err != nil {
			return Blob{}, err
		}
		return blobs.BlobBySHA512(sum)
	}
	return blobs.Blob(d)
}
