package publish

import (
	"bytes"
	"errors"
	"slices"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/content"
)

// addFiles adds the files to an existing version. It looks up their paths only, not the other files of the version.
func (c *committer) addFiles(old registry.Version) (Result, error) {
	var fresh, replaced []Staged
	former := map[string]registry.File{}
	for _, st := range c.files {
		have, err := c.tx.Files().File(old.ID, st.Path)
		switch {
		case errors.Is(err, metadata.ErrNotExist):
			was, known, err := c.cameBefore(old, st)
			switch {
			case err != nil:
				return Result{}, err
			case known && was.Blob.Digest == st.Blob.Digest:
				if err := c.comeBack(old.ID, st); err != nil {
					return Result{}, err
				}
				continue
			case known:
				replaced = append(replaced, st)
				former[st.Path] = was
				continue
			}
			if err := c.checkPathFree(old, st); err != nil {
				return Result{}, err
			}
			fresh = append(fresh, st)
		case err != nil:
			return Result{}, err
		case have.Blob.Digest == st.Blob.Digest:
		case c.rel.Mode == Replace:
			replaced = append(replaced, st)
			former[st.Path] = have
		default:
			return Result{}, registry.Errorf(registry.AlreadyExists, registry.AboutFile, "%q exists already in %s %s with other content (sha256 %s)",
				registry.Clip(st.Path), c.pkg.Name, old.Name, have.Blob.Digest.Encoded())
		}
	}
	if len(fresh)+len(replaced) == 0 {
		res, err := c.redescribe(old)
		res.Changed = res.Changed || c.dirty
		return res, err
	}
	if len(replaced) > 0 {
		if err := c.mayOverwrite(old); err != nil {
			return Result{}, err
		}
		if err := c.unused(old, "overwritten"); err != nil {
			return Result{}, err
		}
	}
	v, err := c.writeFiles(old, former, fresh, replaced)
	if err != nil {
		return Result{}, err
	}
	if err := c.updatePackage(); err != nil {
		return Result{}, err
	}
	c.dirty = true
	err = c.tags(&v)
	return Result{Version: v, Changed: true}, err
}

// redescribe gives a version that gets no file the descriptor of a release that asks for it.
func (c *committer) redescribe(v registry.Version) (Result, error) {
	before := v.Descriptor
	if !c.rel.Redescribe {
		return Result{Version: v}, nil
	}
	if err := c.merge(&v); err != nil || bytes.Equal(before, v.Descriptor) {
		return Result{Version: v}, err
	}
	if _, err := c.append(registry.EventArtifactMetadataChanged, &v, registry.EventData{}); err != nil {
		return Result{}, err
	}
	c.dirty = true
	return Result{Version: v, Changed: true}, c.tx.Versions().UpdateVersion(v)
}

// writeFiles writes the new and the replaced files of an existing version, one log entry for each kind. former are the files that
// are replaced, by path.
func (c *committer) writeFiles(v registry.Version, former map[string]registry.File, fresh, replaced []Staged) (registry.Version, error) {
	all, err := contentOf(c.tx, v)
	if err != nil {
		return v, err
	}
	facts, err := c.newFacts(v)
	if err != nil {
		return v, err
	}
	added, err := c.newFiles(v, fresh)
	if err != nil {
		return v, err
	}
	swapped, err := c.newFiles(v, replaced)
	if err != nil {
		return v, err
	}
	w := fileWriter{c: c, v: v, former: former, all: all, facts: facts}
	more, other := registry.EventArtifactFilesAdded, registry.EventArtifactFilesReplaced
	if c.rel.Cached != nil {
		more, other = registry.EventCacheEntered, registry.EventCacheReplaced
	}
	if err := w.write(more, added, c.tx.Files().AddFile); err != nil {
		return v, err
	}
	replace := func(f registry.File) error {
		if former[f.Path].Blob.ID == 0 { // it was evicted
			return c.tx.Files().AddFile(f)
		}
		return c.tx.Files().ReplaceFile(f)
	}
	if err := w.write(other, swapped, replace); err != nil {
		return v, err
	}
	v = w.v
	if c.rel.Descriptor != nil {
		v.Descriptor = c.rel.Descriptor
	}
	if err := c.merge(&v); err != nil {
		return v, err
	}
	return v, c.tx.Versions().UpdateVersion(v)
}

// fileWriter writes files into a version, with a log entry for each kind of change.
type fileWriter struct {
	c      *committer
	v      registry.Version
	former map[string]registry.File
	all    fileList
	facts  []registry.FactInput // for the first entry
}

func (w *fileWriter) write(kind registry.EventType, files []registry.File, store func(registry.File) error) error {
	if len(files) == 0 {
		return nil
	}
	var gone []registry.File
	for _, f := range files {
		if old, ok := w.former[f.Path]; ok {
			w.v.Size -= old.Blob.Size
			gone = append(gone, old)
		}
		w.v.Size += f.Blob.Size
	}
	w.v.Digest = w.all.put(files)
	data := registry.EventData{Files: registry.EventFiles(files), Former: registry.EventFiles(gone), Upstream: w.c.rel.Cached.event()}
	data.State(w.facts)
	e, err := w.c.append(kind, &w.v, data)
	if err != nil {
		return err
	}
	for _, f := range files {
		f.Seq = e.Seq
		if err := store(f); err != nil {
			return err
		}
		w.c.wrote = append(w.c.wrote, f)
	}
	err = w.c.addFacts(w.v, w.facts, e.Seq)
	w.facts = nil
	return err
}

// fill adds the files that a version lacks to it; v, whose digest is not that of its files, is updated with what is stored.
func (c *committer) fill(v *registry.Version) error {
	have, err := c.tx.Files().Files(metadata.FileQuery{VersionID: v.ID})
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, f := range have {
		known[f.Path] = true
	}
	fresh := slices.DeleteFunc(slices.Clone(c.files), func(st Staged) bool { return known[st.Path] })
	files, err := c.newFiles(*v, fresh)
	if err != nil || len(files) == 0 {
		return err
	}
	for _, f := range files {
		v.Size += f.Blob.Size
	}
	e, err := c.append(registry.EventArtifactFilesAdded, v, registry.EventData{Files: registry.EventFiles(files)})
	if err != nil {
		return err
	}
	for _, f := range files {
		f.Seq = e.Seq
		if err := c.tx.Files().AddFile(f); err != nil {
			return err
		}
	}
	c.dirty = true
	return c.tx.Versions().UpdateVersion(*v)
}

// newFacts leaves out the facts that the version has already, as each file of a version brings the same facts about its
// origin. A version that has grown for years, as snapshots do, can still get files: facts beyond maxFacts are dropped.
func (c *committer) newFacts(v registry.Version) ([]registry.FactInput, error) {
	if len(c.rel.Facts) == 0 {
		return nil, nil
	}
	facts, have, err := c.unknown(v, c.rel.Facts)
	return facts[:min(len(facts), max(maxFacts-have, 0))], err
}

// newFiles records the blobs of staged files and makes their rows, without the log entry.
func (c *committer) newFiles(v registry.Version, list []Staged) ([]registry.File, error) {
	files := make([]registry.File, len(list))
	for i, st := range list {
		b, err := c.putBlob(st)
		if err != nil {
			return nil, err
		}
		files[i] = registry.File{VersionID: v.ID, PackageID: c.pkg.ID, Path: st.Path, MediaType: st.MediaType, AddedAt: c.tx.Now(), Blob: b}
	}
	return files, nil
}

// checkPathFree refuses a new path that held other bytes before, or that would be a file and a folder at once.
func (c *committer) checkPathFree(v registry.Version, st Staged) error {
	had, err := c.tx.Files().Reserved(v.ID, st.Path)
	switch {
	case err == nil && had != st.Blob.Digest && !c.reuse() && c.rel.Mode != Replace:
		return registry.Errorf(registry.Conflict, registry.AboutFile, "%q of %s %s was deleted; its name can't be used for other bytes (it had sha256 %s)",
			registry.Clip(st.Path), c.pkg.Name, v.Name, had.Encoded())
	case err != nil && !errors.Is(err, metadata.ErrNotExist):
		return err
	}
	beside, err := c.tx.Files().FileBeside(v.ID, st.Path)
	switch {
	case err == nil:
		return fileAsFolder(st.Path, beside)
	case errors.Is(err, metadata.ErrNotExist):
		return nil
	}
	return err
}

// fileAsFolder is the error for a path that would be a file and a folder at once.
func fileAsFolder(path, beside string) error {
	return registry.Errorf(registry.Conflict, registry.AboutFile, "%q can't be stored beside %q: one name would be file and folder", registry.Clip(path), registry.Clip(beside))
}

// refuseFileAsFolder refuses a release in which one file's path would be a folder of another file's path.
func refuseFileAsFolder(files []Staged) error {
	if len(files) < 2 {
		return nil
	}
	paths := make(map[string]bool, len(files))
	for _, f := range files {
		paths[f.Path] = true
	}
	for _, f := range files {
		for i, c := range []byte(f.Path) {
			if c == '/' && paths[f.Path[:i]] {
				return fileAsFolder(f.Path, f.Path[:i])
			}
		}
	}
	return nil
}

// putBlob records staged bytes. ErrCollected: the collector may have removed them since they were stored. The package must
// hold a linked blob at this moment.
func (c *committer) putBlob(st Staged) (registry.Blob, error) {
	if st.linked {
		b, err := content.OwnBlob(c.tx, c.name, c.pkg.ID, st.Blob.Digest)
		return b, registry.Missing(err, registry.AboutBlob, "%s has no blob %s", c.pkg.Name, st.Blob.Digest)
	}
	if st.held {
		return st.Blob, nil
	}
	since := st.at
	if !st.checked {
		since = since.Add(-content.ClockMargin)
	}
	return content.PutStored(c.tx.Blobs(), st.Blob, since)
}
