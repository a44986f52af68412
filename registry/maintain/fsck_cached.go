package maintain

import (
	"slipway/metadata"
	"slipway/registry"
)

// cached compares the files of a version with what is known of those that came from remotes, and returns them with those that were evicted:
// the log has them all, and the bytes of these need not be here.
func (f *fsck) cached(tx metadata.Tx, what string, p registry.Package, v registry.Version, files []registry.File) ([]registry.File, error) {
	if v.State == registry.Deleted {
		return files, nil
	}
	rows, err := tx.Caches().CachedFiles(v.ID)
	if err != nil || len(rows) == 0 {
		return files, err
	}
	at := make(map[string]registry.File, len(files))
	for _, file := range files {
		at[file.Path] = file
	}
	for _, c := range rows {
		file, here := at[c.Path]
		switch {
		case here && file.Blob.Digest != c.Digest && p.Origin == metadata.OriginCached:
			f.wrong("file", "%s %s: %q is another file than the one that came from its remote, %s", what, v.Name, c.Path, c.Digest)
		case !here && !c.Evicted && c.Path != v.Name: // under its own name a version keeps its descriptor
			f.wrong("file", "%s %s: %q came from a remote and was not evicted, but is not there", what, v.Name, c.Path)
		}
	}
	evicted, err := tx.Evictions().Evicted(v.ID)
	return append(files, evicted...), err
}
