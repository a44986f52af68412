package maven

import (
	"context"
	"slices"
	"strings"
	"time"

	"slipway/registry"
	"slipway/registry/publish"
)

// lateBuild reports whether the file belongs to a visible build, whose newest file is less than lateFiles old. The names of a
// build's files begin alike, so its files are found among those of all builds.
func (u upload) lateBuild(ctx context.Context, v registry.Version) (bool, error) {
	if u.file.literal() {
		return false, nil
	}
	visible, open := false, false
	take := func(f registry.File) bool {
		if parseFileName(f.Path, u.artifact, u.version).build == u.file.build {
			visible, open = true, time.Since(f.AddedAt) <= lateFiles
		}
		return !open
	}
	build := "-" + strings.TrimSuffix(u.version, snapshot) + u.file.build
	for _, stem := range slices.Compact([]string{u.artifact, u.file.stem}) { // two for legacy plugins of sbt
		if err := u.pub.FilesFrom(ctx, v, stem+build, take); err != nil || open {
			return open, err
		}
	}
	if visible {
		return false, registry.Errorf(registry.AlreadyExists, registry.AboutVersion, "build %s of %s:%s is complete without %s",
			u.file.build, u.at().Package, u.version, u.file.name)
	}
	return false, nil
}

// learn keeps what a client's metadata of a snapshot says of the files that are visible by now: old deploy plugins send attached
// files behind the metadata, and then the metadata that names their classifiers and extensions.
func learn(ctx context.Context, pub *publish.Publish, t target, known map[string]pair) error {
	for rest, p := range known {
		if plain, ok := (fileName{rest: rest}).pair(nil); ok && plain == p {
			delete(known, rest)
		}
	}
	if t.kind != kindSnapshots || len(known) == 0 {
		return nil
	}
	v, _, err := pub.Version(ctx, t.version, "")
	if err != nil || v.State == registry.Deleted {
		return ignoreAbsent(err)
	}
	have, found := readDescriptor(v.Descriptor), stagedSet{}
	take := func(f registry.File) bool {
		name := parseFileName(f.Path, t.artifact, t.version)
		p, ambiguous := known[name.rest]
		if ambiguous && have.Pairs[f.Path] != [2]string{p.classifier, p.extension} {
			found.files = append(found.files, stagedFile{StagedFile: registry.StagedFile{Path: f.Path}, name: name})
		}
		return true
	}
	if err := pub.FilesFrom(ctx, v, t.artifact+"-"+strings.TrimSuffix(t.version, snapshot), take); err != nil || len(found.files) == 0 {
		return err
	}
	pairs := found.pairs(known)
	_, err = pub.Commit(ctx, publish.Release{Version: v.Name, PURL: v.PURL, SortKey: v.SortKey, Mode: publish.Append, Files: []publish.Staged{}, Redescribe: true,
		Merge: func(old []byte) ([]byte, error) { return found.merge(old, pairs) },
		If: func(now publish.Existing) error {
			if now.IsNew() {
				return noMetadata(t) // it was deleted meanwhile
			}
			return nil
		}})
	return ignoreAbsent(err)
}

func ignoreAbsent(err error) error {
	if isAbsent(err) {
		return nil
	}
	return err
}
