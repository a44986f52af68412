package registry

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
)

// knownFiles is up to how many files a version has its digest at all times. A change of a larger one would have to read all
// of them, so it leaves the digest out, and who asks for it next computes it (decision 10).
const knownFiles = 64

// Held are the files that a version holds before a commit.
type Held struct {
	files   metadata.Files
	version Version
}

// Version is the version before the commit; the zero one when it is new.
func (h Held) Version() Version { return h.version }

// None reports whether there are none: the version is new, or was deleted.
func (h Held) None() bool { return h.version.ID == 0 || h.version.State == Deleted }

// File finds a path. ok is false where there is none.
func (h Held) File(path string) (f File, ok bool, err error) {
	if h.None() {
		return File{}, false, nil
	}
	f, err = h.files.File(h.version.ID, path)
	if errors.Is(err, metadata.ErrNotExist) {
		return File{}, false, nil
	}
	return f, err == nil, err
}

// content is the files of a version while they change, where they are few enough for its digest to follow.
type content struct {
	files []File
	known bool
}

// contentOf reads the files of a version to which some are added. One whose digest was left out only grows.
func contentOf(rows metadata.Files, v Version) (content, error) {
	if v.Digest == "" {
		return content{}, nil
	}
	files, err := rows.Files(metadata.FileQuery{VersionID: v.ID, Limit: knownFiles + 1})
	return content{files, len(files) <= knownFiles}, err
}

// put adds files, or puts them in the place of others, and returns the digest, "" where it is left out.
func (c *content) put(files []File) digest.Digest {
	if !c.known {
		return ""
	}
	at := make(map[string]int, len(c.files))
	for i, f := range c.files {
		at[f.Path] = i
	}
	for _, f := range files {
		if i, ok := at[f.Path]; ok {
			c.files[i] = f
		} else {
			c.files = append(c.files, f)
		}
	}
	return ContentDigest(c.files)
}

// without returns whether a version has files beside the removed ones, and the digest of those, "" where it is left out.
func without(rows metadata.Files, v Version, removed []File) (left bool, d digest.Digest, err error) {
	limit := len(removed) + knownFiles + 1
	files, err := rows.Files(metadata.FileQuery{VersionID: v.ID, Limit: limit})
	if err != nil || len(files) == limit {
		return true, "", err
	}
	gone := make(map[string]bool, len(removed))
	for _, f := range removed {
		gone[f.Path] = true
	}
	files = slices.DeleteFunc(files, func(f File) bool { return gone[f.Path] })
	return len(files) > 0, ContentDigest(files), nil
}

// identify computes the digest of a version where it was left out, and keeps it: what names content by its digest, such as
// a tag's event, does so for every version.
func identify(tx metadata.Tx, v *Version) error {
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

// keepDigest stores the digest that a reader of v had to compute, so that v can be found by it, unless anything below the
// package, of which p is as of the same moment, changed since. The reader has its answer also without.
func (s *Service) keepDigest(ctx context.Context, p Package, v Version) {
	err := s.meta.Update(ctx, func(tx metadata.Tx) error {
		now, err := tx.Packages().PackageByID(p.ID)
		if err != nil || now.Revision != p.Revision {
			return err
		}
		return tx.Versions().SetDigest(v.ID, v.Digest)
	})
	if err != nil && ctx.Err() == nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "digest of a version was not kept", slog.Int64("version", v.ID), slog.Any("error", err))
	}
}
