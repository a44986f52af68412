package registry

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
)

// MaxDigestedFiles is up to how many files a version has its digest at all times. A change of a larger one would have to read all
// of them, so it leaves the digest out, and who asks for it next computes it (decision 10).
const MaxDigestedFiles = 64

// Identify computes the digest of a version where it was left out, and keeps it: what names content by its digest, such as
// a tag's event, does so for every version.
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

// KeepDigest stores the digest that a reader of v had to compute, so that v can be found by it, unless anything below the
// package, of which p is as of the same moment, changed since. The reader has its answer also without.
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
