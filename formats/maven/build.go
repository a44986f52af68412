package maven

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"slipway/registry"
)

// build is the files of a snapshot version that were deployed together: one timestamp, or the literal name.
type build struct {
	id    string // "20260102.030405-7" or "SNAPSHOT"
	files []builtFile
	added time.Time // of the newest file
	pom   bool
}

type builtFile struct {
	registry.File
	name fileName
	pair pair
	ok   bool // the file has a pair
}

// builds groups the files of a snapshot version, the oldest build first: by timestamp, then number. The build of literal names
// is last.
func builds(t target, files []registry.File, known map[string]pair) []build {
	byID := map[string]*build{}
	for _, f := range files {
		name := parseFileName(f.Path, t.artifact, t.version)
		b := byID[name.build]
		if b == nil {
			b = &build{id: name.build}
			byID[name.build] = b
		}
		bf := builtFile{File: f, name: name}
		if k, ok := known[f.Path]; ok {
			bf.pair, bf.ok = k, true
		} else {
			bf.pair, bf.ok = name.pair(nil)
		}
		b.files = append(b.files, bf)
		b.pom = b.pom || name.isPOM()
		if f.AddedAt.After(b.added) {
			b.added = f.AddedAt
		}
	}
	out := make([]build, 0, len(byID))
	for _, b := range byID {
		out = append(out, *b)
	}
	slices.SortFunc(out, compareBuilds)
	return out
}

func compareBuilds(a, b build) int {
	if a.id == snapshot || b.id == snapshot {
		return cmp.Compare(boolInt(a.id == snapshot), boolInt(b.id == snapshot))
	}
	stampA, numberA, _ := strings.Cut(a.id, "-")
	stampB, numberB, _ := strings.Cut(b.id, "-")
	return cmp.Or(strings.Compare(stampA, stampB), compareNumbers(numberA, numberB))
}

func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// newest is the build that <snapshot> names: the newest with a POM, as clients ask for all its files; else the newest. -1 when
// there is only the build of literal names.
func newest(bs []build) int {
	found := -1
	for i, b := range bs {
		if b.id != snapshot && (b.pom || found < 0 || !bs[found].pom) {
			found = i
		}
	}
	return found
}

// latest finds the file of each pair: in the build that <snapshot> names, else in the newest build that has it. A literal file
// counts when it is newer than the timestamped one.
func latest(bs []build) map[pair]builtFile {
	preferred := newest(bs)
	inPreferred := map[pair]bool{}
	if preferred >= 0 {
		for _, f := range bs[preferred].files {
			inPreferred[f.pair] = f.ok
		}
	}
	out := map[pair]builtFile{}
	for i, b := range bs {
		for _, f := range b.files {
			found, ok := out[f.pair]
			switch {
			case !f.ok:
			case b.id == snapshot && ok && !f.AddedAt.After(found.AddedAt):
			case b.id != snapshot && i > preferred && inPreferred[f.pair]:
			default:
				out[f.pair] = f
			}
		}
	}
	return out
}

// snapshotDocument is the metadata of a snapshot version.
func snapshotDocument(t target, v registry.Version, bs []build) metadata {
	m := metadata{ModelVersion: "1.1.0", Group: t.group, Artifact: t.artifact, Version: v.Name, Versioning: &versioning{}}
	var changed time.Time
	for _, b := range bs {
		if b.added.After(changed) {
			changed = b.added
		}
	}
	if i := newest(bs); i >= 0 {
		stamp, number, _ := strings.Cut(bs[i].id, "-")
		m.Versioning.Snapshot = &snapshotBuild{Timestamp: stamp, BuildNumber: number}
	}
	m.Versioning.LastUpdated = stamp(changed)
	names := &snapshotFileNames{}
	base := strings.TrimSuffix(v.Name, snapshot)
	for p, f := range latest(bs) {
		names.SnapshotVersion = append(names.SnapshotVersion, snapshotVersion{Classifier: p.classifier, Extension: p.extension,
			Value: base + f.name.build, Updated: stamp(f.AddedAt)})
	}
	slices.SortFunc(names.SnapshotVersion, func(a, b snapshotVersion) int {
		return cmp.Or(strings.Compare(a.Classifier, b.Classifier), strings.Compare(a.Extension, b.Extension))
	})
	m.Versioning.SnapshotVers = names
	return m
}
