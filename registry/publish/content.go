package publish

import (
	"errors"
	"slices"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
)

// Existing is what a version holds before a commit.
type Existing struct {
	files   metadata.Files
	version registry.Version
}

// Version is the version before the commit; the zero Version when it is new.
func (h Existing) Version() registry.Version { return h.version }

// IsNew reports whether there is no such version: it never was, or was deleted.
func (h Existing) IsNew() bool { return h.version.ID == 0 || h.version.State == registry.Deleted }

// File finds a path. ok is false where there is none.
func (h Existing) File(path string) (f registry.File, ok bool, err error) {
	if h.IsNew() {
		return registry.File{}, false, nil
	}
	f, err = h.files.File(h.version.ID, path)
	if errors.Is(err, metadata.ErrNotExist) {
		return registry.File{}, false, nil
	}
	return f, err == nil, err
}

// fileList is the files of a version while they change, if they are few enough for the version's digest to be kept up to date.
type fileList struct {
	files []registry.File
	known bool
}

// contentOf reads the files of a version to which files are added. A version whose digest was left out, for having too many
// files, needs no list.
func contentOf(tx metadata.Tx, v registry.Version) (fileList, error) {
	if v.Digest == "" {
		return fileList{}, nil
	}
	files, err := tx.Files().Files(metadata.FileQuery{VersionID: v.ID, Limit: registry.MaxDigestedFiles + 1})
	if err == nil && len(files) <= registry.MaxDigestedFiles {
		files, err = withEvicted(tx, v, files)
	}
	return fileList{files, len(files) <= registry.MaxDigestedFiles}, err
}

// withEvicted adds the files of a version that were evicted: digest and size of the version still count them, so it lacks size without them.
func withEvicted(tx metadata.Tx, v registry.Version, files []registry.File) ([]registry.File, error) {
	left := v.Size
	for _, f := range files {
		left -= f.Blob.Size
	}
	if left == 0 {
		return files, nil
	}
	evicted, err := tx.Evictions().Evicted(v.ID)
	return append(files, evicted...), err
}

// put adds or replaces files and returns the version's digest, "" where it is left out.
func (c *fileList) put(files []registry.File) digest.Digest {
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
	return registry.ContentDigest(c.files)
}

// without reports whether a version has files left after removed are gone, and the digest of the files left, "" where it is
// left out.
func without(tx metadata.Tx, v registry.Version, removed []registry.File) (left bool, d digest.Digest, err error) {
	limit := len(removed) + registry.MaxDigestedFiles + 1
	files, err := tx.Files().Files(metadata.FileQuery{VersionID: v.ID, Limit: limit})
	if err != nil || len(files) == limit {
		return true, "", err
	}
	if files, err = withEvicted(tx, v, files); err != nil {
		return true, "", err
	}
	gone := make(map[string]bool, len(removed))
	for _, f := range removed {
		gone[f.Path] = true
	}
	files = slices.DeleteFunc(files, func(f registry.File) bool { return gone[f.Path] })
	return len(files) > 0, registry.ContentDigest(files), nil
}
