package upstreams

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"slipway/internal/origin"
	"slipway/metadata"
	"slipway/registry"
)

// A new document is compared with the one before, and with the files that entered here: bytes never change under a name, versions that
// vanish are noticed, and a document that has lost most of its versions at once is not believed at first.

const (
	shrunkFrom   = 20        // versions that a document must have had
	shrunkFor    = time.Hour // after which a second one that says the same is believed
	maxRemoved   = 100       // names in an event
	brokenInARow = 3         // documents that can't be read
)

// everEntered are the files of a package that came from the remotes of a repository.
func (s *Upstreams) everEntered(ctx context.Context, r *remote, at registry.Name) (out []metadata.Entered, err error) {
	err = s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		out, err = tx.Caches().EnteredFiles(r.repository.ID, at.Format, at.Package)
		return err
	})
	return out, err
}

// entered are those of them that a document of the remote is compared with.
func (s *Upstreams) entered(ctx context.Context, r *remote, at registry.Name) (out []metadata.Entered, err error) {
	out, err = s.everEntered(ctx, r, at)
	if r.Settings.Owns { // what came from others is nothing to compare it with
		out = slices.DeleteFunc(out, func(e metadata.Entered) bool { return e.UpstreamID != r.ID })
	}
	return out, err
}

// enteredBy returns what is here of a package whose document came, or is gone; nil where neither is known.
func (s *Upstreams) enteredBy(ctx context.Context, r *remote, at registry.Name, prev *index, f *fetched, err error) ([]metadata.Entered, error) {
	switch {
	case f != nil:
		return f.entered, err
	case prev == nil || !origin.Is(err, origin.Absent):
		return nil, err
	}
	entered, failed := s.entered(ctx, r, at)
	if failed != nil {
		err = failed
	}
	return entered, err
}

// indexOf makes the index of a document, in which files that entered here have the sums of their bytes.
func (s *Upstreams) indexOf(ctx context.Context, r *remote, at registry.Name, in Index, size int) (*index, []metadata.Entered, error) {
	entered, err := s.entered(ctx, r, at)
	if err != nil {
		return nil, nil, err
	}
	changed := keepEntered(&in, entered)
	x := newIndex(r, at, in, size)
	x.changed = changed
	return x, entered, nil
}

// changedEntry is a file that entered here and of which the remote announces other bytes now.
type changedEntry struct {
	announced Entry
	version   registry.Version // as announced
	here      metadata.Entered
}

// keepEntered gives the entries of files that entered here the sums of their bytes, where the remote announces others: clients get what is
// here, and are told what it is. The manifest of a version with one file names its sums too, so it stays the one that entered.
func keepEntered(in *Index, entered []metadata.Entered) map[listedAs]changedEntry {
	if len(entered) == 0 {
		return nil
	}
	at, files := map[listedAs]int{}, map[string]int{}
	for i, e := range in.Entries {
		at[listedAs{e.Version, e.Path}] = i
		files[e.Version]++
	}
	changed := map[listedAs]changedEntry{}
	for _, f := range entered {
		key := listedAs{f.Version, f.Path}
		i, ok := at[key]
		have := sumsOf(f.Blob)
		have.SHA256 = f.Digest // also of bytes that are not here any more
		if !ok || !in.Entries[i].Sums.conflicts(have) {
			continue
		}
		e := &in.Entries[i]
		c := changedEntry{announced: *e, here: f}
		if e.Sums = have; f.Blob.ID != 0 {
			e.Size = f.Blob.Size
		}
		if v := slices.IndexFunc(in.Versions, func(v registry.Version) bool { return v.Name == f.Version }); v >= 0 {
			if c.version = in.Versions[v]; files[f.Version] == 1 {
				in.Versions[v].Descriptor = f.Descriptor
			}
		}
		changed[key] = c
	}
	return changed
}

// conflicts reports whether a sum that both have differs.
func (s Sums) conflicts(other Sums) bool {
	for _, c := range s.pairs(other) {
		if c[0] != nil && c[1] != nil && !bytes.Equal(c[0], c[1]) {
			return true
		}
	}
	return false
}

// pairs are the sums of one kind of both.
func (s Sums) pairs(other Sums) [][2][]byte {
	return [][2][]byte{{raw(s.SHA256), raw(other.SHA256)}, {s.SHA512, other.SHA512}, {s.SHA1, other.SHA1}, {s.MD5, other.MD5}}
}

// text is the strongest sum with its name.
func (s Sums) text() string {
	switch name := s.Strongest(); name {
	case "sha512":
		return name + " " + hex.EncodeToString(s.SHA512)
	case "sha256":
		return name + " " + s.SHA256.Encoded()
	case "sha1":
		return name + " " + hex.EncodeToString(s.SHA1)
	case "md5":
		return name + " " + hex.EncodeToString(s.MD5)
	default:
		return "none"
	}
}

// shrunk reports whether the document lost more than half of many versions.
func (x *index) shrunk(prev *index) bool {
	return prev != nil && len(prev.Versions) >= shrunkFrom && 2*len(x.Versions) < len(prev.Versions)
}

// news are the events of a document that replaces prev; x is nil where the remote has no such package any more.
func (x *index) news(r *remote, at registry.Name, prev *index, entered []metadata.Entered) (out []event) {
	var gone []string
	for _, f := range entered {
		if prev != nil && prev.versions[f.Version] != nil && (x == nil || x.versions[f.Version] == nil) && !slices.Contains(gone, f.Version) {
			gone = append(gone, f.Version)
		}
	}
	if len(gone) > 0 {
		slices.SortFunc(gone, strings.Compare)
		out = append(out, r.event(registry.EventUpstreamRemoved, at, registry.EventData{Versions: gone[:min(len(gone), maxRemoved)], Count: int64(len(gone))}))
	}
	if x == nil {
		return out
	}
	for key, c := range x.changed {
		sum := c.announced.Sums.text()
		if c.here.Changed != sum && (prev == nil || prev.changed[key].announced.Sums.text() != sum) { // else it was told
			out = append(out, r.mutated(at, c.here, "it announces ", sum))
		}
	}
	for _, f := range entered {
		if _, still := x.changed[listedAs{f.Version, f.Path}]; f.Changed != "" && !still && x.entry(f.Version, f.Path) != nil {
			f.Changed, f.Denied = "", false // the remote has the bytes of before again
			out = append(out, event{mark: &f.CachedFile})
		}
	}
	return out
}

// mutated is the event of a file of which a remote has other bytes than those that entered.
// how says in front of the sum of those how they are known.
func (r *remote) mutated(at registry.Name, here metadata.Entered, how, sum string) event {
	e := r.event(registry.EventUpstreamMutated, at, registry.EventData{Version: here.Version, Reason: how + sum,
		Former: []registry.EventFile{{Path: here.Path, Size: here.Blob.Size, SHA256: here.Digest.Encoded()}}})
	e.kept = true
	e.mark = &metadata.CachedFile{VersionID: here.VersionID, Path: here.Path, Changed: sum}
	return e
}

// tellMutated is for bytes that a remote has sent. It tells of the same ones once.
func (s *Upstreams) tellMutated(ctx context.Context, r *remote, at registry.Name, here metadata.Entered, how, sum string) {
	if here.Changed != sum {
		s.write(ctx, r.mutated(at, here, how, sum))
	}
}

// errMutated is the cause of a refusal of other bytes than those that entered.
var errMutated = errors.New("upstreams: the remote has other bytes")

// mutatedError refuses other bytes of a file than those that entered. The command that lets them in comes first: some clients show the
// beginning alone. Where an administrator has refused them, it says that, and what else may be done.
func (r *remote) mutatedError(at registry.Coordinate, here metadata.CachedFile) error {
	if here.Denied {
		return badUpstream(errMutated, "an administrator has refused the bytes that upstream %s has of %q now: take another version than %s; an administrator can take this one out of all documents: %s",
			r.Name, registry.Clip(here.Path), registry.Clip(at.Version), commandLine("version rm", r.repository.Name, at, ""))
	}
	return badUpstream(errMutated, "upstream %s has other bytes than before: %s lets an administrator take those of %q; until then take another version than %s",
		r.Name, commandLine("cache accept", r.repository.Name, at, here.Path), registry.Clip(here.Path), registry.Clip(at.Version))
}

// commandLine is that of a command about a version, or about a file of it if path is not "".
func commandLine(command, repository string, at registry.Coordinate, path string) string {
	words := []string{repository, at.Format, cmp.Or(at.Display, at.Package), at.Version}
	if path != "" {
		words = append(words, path)
	}
	for i, w := range words {
		if strings.ContainsFunc(w, func(r rune) bool { return !strings.ContainsRune(plainRunes, r) }) {
			words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return "slipway " + command + " " + strings.Join(words, " ")
}

// plainRunes are those that a shell takes as they are.
const plainRunes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-"

// mutated refuses a file that is not here any more and of which the remote announces other bytes than those that were.
func (s *Upstreams) mutated(ctx context.Context, r *remote, at registry.Coordinate, x *index, e *Entry) error {
	if x == nil || e == nil {
		return nil
	}
	c, changed := x.changed[listedAs{e.Version, e.Path}]
	if !changed {
		return nil
	}
	var here metadata.CachedFile // as administrators have decided since the document came
	err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		here, err = tx.Caches().CachedFile(c.here.VersionID, e.Path)
		return err
	})
	if err != nil {
		return err
	}
	return r.mutatedError(at.Name.At(e.Version), here)
}

// holdShrunk decides whether a document is held back that lost most of its versions: until the remote says so an hour later, or an
// administrator accepts it. d.mu is held.
func (d *document) holdShrunk(r *remote, at registry.Name, f *fetched, now time.Time) (held bool, news []event) {
	switch {
	case f == nil || !f.index.shrunk(d.index) || d.gone:
		d.shrunkAt = time.Time{}
		return false, nil
	case d.acceptShrunk || !d.shrunkAt.IsZero() && now.Sub(d.shrunkAt) >= shrunkFor:
		d.shrunkAt, d.acceptShrunk = time.Time{}, false
		return false, nil
	case d.shrunkAt.IsZero():
		d.shrunkAt = now
		left := len(f.index.Versions)
		news = []event{r.event(registry.EventUpstreamShrunk, at, registry.EventData{Count: int64(left),
			Reason: fmt.Sprintf("it lists %d of %d versions", left, len(d.index.Versions))})}
	}
	return true, news
}
