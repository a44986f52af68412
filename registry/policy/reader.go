package policy

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/registry/upstreams"
)

// Reader is the catalog.Reader that front-ends read: that of upstreams, without what the rules hide, and with an error of the kind
// registry.Blocked for what they refuse. Where no rule may be about a package it asks the other one and does nothing else.
type Reader struct {
	*upstreams.Reader
	p         *Policies
	upstreams *upstreams.Upstreams
	views     views
	key       [16]byte // makes the ids of filtered packages of this process unguessable
}

var _ catalog.Reader = (*Reader)(nil)

// Reader puts the rules over what front-ends read, and over what upstreams fetch.
func (p *Policies) Reader(below *upstreams.Reader, u *upstreams.Upstreams) *Reader {
	r := &Reader{Reader: below, p: p, upstreams: u, views: views{byKey: map[viewKey]view{}}}
	_, _ = rand.Read(r.key[:]) // it never fails
	u.Police(p)
	u.Pin(p.Pinned)
	p.reader = r
	return r
}

// look is one caller's look at one package.
type look struct {
	r    *Reader
	set  *rules
	at   registry.Name
	from upstreams.Provenance
	now  time.Time
}

// look returns nil where nothing can be refused of a package.
func (r *Reader) look(ctx context.Context, at registry.Name) (*look, error) {
	set, err := r.p.rules(ctx)
	if err != nil || set.idle() {
		return nil, err
	}
	from, err := r.upstreams.Provenance(ctx, at)
	if registry.KindOf(err) == registry.NotFound && err != nil {
		return nil, nil // the Reader below says so
	}
	if err != nil {
		return nil, err
	}
	l := &look{r: r, set: set, at: at, from: from, now: r.p.core.Now()}
	if !from.Minimum() && set.scope(at.Format, at.Package, from.Repositories()).empty() {
		return nil, nil
	}
	if _, err := r.p.core.Authorize(ctx, access.Read, at.Repository); err != nil {
		return nil, err // before anything is told
	}
	return l, nil
}

// asked is where something comes from comes through the asked repository alone, and of which nothing is known.
func (l *look) asked() upstreams.From {
	return upstreams.From{Repositories: []int64{l.from.Asked().ID}}
}

// decide is what the rules say of something that comes from a source.
func (l *look) decide(src upstreams.From, version string, sortKey []byte, d digest.Digest, known bool) Decision {
	return decideFrom(l.set, l.r.p.core.Rules[l.at.Format], l.at.At(version), src, sortKey, d, known, l.now)
}

func decideFrom(set *rules, formats registry.Rules, at registry.Coordinate, src upstreams.From, sortKey []byte, d digest.Digest, known bool, now time.Time) Decision {
	s := Subject{Version: at.Version, SortKey: sortKey, Digest: d, Age: Age{PublishedAt: src.PublishedAt, FirstSeenAt: src.FirstSeenAt, None: !known}}
	if len(sortKey) == 0 && formats.Order != nil && at.Version != "" {
		s.SortKey = formats.Order(at.Version)
	}
	if src.Remote != nil {
		if c := src.Remote.Settings.Cooldown; c != nil {
			s.Age.Minimum, s.Age.Unknown = time.Duration(*c), src.Remote.Settings.UnknownAge == upstreams.UnknownBlock
		}
	}
	return set.scope(at.Format, at.Package, src.Repositories).decide(s, now)
}

// before refuses what a rule denies whatever it is: a package by its name, or a version by its number.
func (l *look) before(ctx context.Context, version string, about registry.Subject) error {
	scope := l.set.scope(l.at.Format, l.at.Package, l.asked().Repositories)
	if version == "" { // only rules about every version say something of the name
		for i, list := range scope.lists {
			scope.lists[i] = untilNarrow(list)
		}
	}
	s := Subject{Version: version, Age: Age{None: true}}
	if order := l.r.p.core.Rules[l.at.Format].Order; order != nil && version != "" {
		s.SortKey = order(version)
	}
	if d := scope.decide(s, l.now); d.Outcome == Denied {
		return l.r.p.refuse(ctx, l.from.Asked(), l.at.At(version), l.r.p.subjectOf(l.at.At(version)), d, about)
	}
	return nil
}

// untilNarrow is the start of a list up to the first rule that is about some versions, or some bytes, only. One that denies these is left out
// instead: it lets nothing through that a later rule refuses.
func untilNarrow(list []*rule) []*rule {
	narrow := func(r *rule) bool { return !r.every() && r.Action != Pin && r.Mode != Audit }
	var out []*rule
	for _, r := range list {
		switch {
		case !narrow(r):
			out = append(out, r)
		case r.Action != Deny:
			return out
		}
	}
	return out
}

// admit refuses something by its exact name, and records what audits would refuse.
func (l *look) admit(ctx context.Context, version string, d Decision, about registry.Subject) error {
	at := l.at.At(version)
	if d.Outcome.Served() {
		l.r.p.audit(ctx, l.from.Asked(), at, l.r.p.subjectOf(at), d)
		return nil
	}
	return l.r.p.refuse(ctx, l.from.Asked(), at, l.r.p.subjectOf(at), d, about)
}

// version decides about a version. Its digest counts where it is that of the bytes: a manifest.
func (l *look) version(ctx context.Context, v registry.Version) (Decision, error) {
	src, err := l.from.Version(ctx, v)
	if err != nil {
		return Decision{}, err
	}
	var d digest.Digest
	if l.r.p.core.Rules[l.at.Format].Images {
		d = v.Digest
	}
	return l.decide(src, v.Name, v.SortKey, d, !src.Undated), nil
}

// file decides about a file of a version.
func (l *look) file(ctx context.Context, version string, f registry.File) (Decision, error) {
	src, err := l.from.File(ctx, f, version)
	if err != nil {
		return Decision{}, err
	}
	return l.decide(src, version, nil, f.Blob.Digest, true), nil
}

// judged is a listing without what the rules hide.
type judged struct {
	listing catalog.PackageListing
	changes time.Time // when it may be another; zero: when a rule changes
	hidden  bool      // something is left out
	worst   Decision  // the strictest
}

// filter leaves out of a listing what the rules hide. Where the files of versions are listed each is judged by itself, and a version that has
// none left goes with them.
func (l *look) filter(ctx context.Context, c catalog.PackageListing) (judged, error) {
	out := judged{worst: Decision{Outcome: Allowed}}
	note := func(d Decision) {
		out.changes = earlier(out.changes, d.Changes)
		out.hidden = out.hidden || !d.Outcome.Shown()
		if d.Outcome.severity() > out.worst.Outcome.severity() {
			out.worst = d
		}
	}
	files := make(map[int64][]registry.File, len(c.Files))
	gone := map[int64]Decision{}
	for _, v := range c.Versions {
		d, err := l.version(ctx, v)
		if err != nil {
			return out, err
		}
		if listed := c.Files[v.ID]; len(listed) > 0 {
			var left []registry.File
			if left, d, err = l.filesOf(ctx, v, listed, note); err != nil {
				return out, err
			}
			files[v.ID] = left
		} else {
			note(d)
		}
		if !d.Outcome.Shown() {
			gone[v.ID] = d
			delete(files, v.ID)
			c.Refused = append(c.Refused, catalog.Refusal{Version: v.Name, Text: l.text(d)})
		}
	}
	c.Files = files
	if len(gone) > 0 {
		upstreams.Narrow(&c, func(v registry.Version) bool { _, is := gone[v.ID]; return !is })
	}
	out.listing = c
	return out, nil
}

// filesOf leaves out the files of a version that are hidden, with those that belong to them, such as the metadata of a wheel. The decision is
// the strictest one where none is left.
func (l *look) filesOf(ctx context.Context, v registry.Version, listed []registry.File, note func(Decision)) (left []registry.File, all Decision, err error) {
	var hidden []string
	strictest := Decision{Outcome: Allowed}
	for _, f := range listed {
		d, err := l.file(ctx, v.Name, f)
		if err != nil {
			return nil, all, err
		}
		note(d)
		if d.Outcome.Shown() {
			left = append(left, f)
			continue
		}
		hidden = append(hidden, f.Path+".")
		if d.Outcome.severity() > strictest.Outcome.severity() {
			strictest = d
		}
	}
	left = slices.DeleteFunc(left, func(f registry.File) bool {
		return slices.ContainsFunc(hidden, func(prefix string) bool { return strings.HasPrefix(f.Path, prefix) })
	})
	if len(left) > 0 {
		strictest = Decision{Outcome: Allowed}
	}
	return left, strictest, nil
}

// text is what clients are told of a version that is not shown.
func (l *look) text(d Decision) string {
	if d.Outcome == Held && !d.Until.IsZero() {
		return "held until " + d.Until.UTC().Format(time.RFC3339) + ": " + d.Reason
	}
	return d.Reason
}

// view is what a package looks like for a while.
type view struct {
	id      int64     // 0: nothing is hidden, so its own
	count   int64     // versions that are shown
	latest  string    //
	worst   Decision  // where nothing is shown
	changes time.Time // zero: when a rule or the package changes
}

type viewKey struct {
	repositoryID, id, revision, generation int64
}

// views remembers how packages look, so that a document is looked up without reading the package.
type views struct {
	mu    sync.Mutex
	byKey map[viewKey]view
}

const maxViews = 20_000

func (v *views) get(key viewKey, now time.Time) (view, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	known, ok := v.byKey[key]
	return known, ok && (known.changes.IsZero() || now.Before(known.changes))
}

func (v *views) put(key viewKey, one view) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.byKey) >= maxViews {
		clear(v.byKey)
	}
	v.byKey[key] = one
}

// view is how a package looks that the Reader below returned.
func (l *look) view(ctx context.Context, pkg registry.Package) (view, error) {
	key := viewKey{l.from.Asked().ID, pkg.ID, pkg.Revision, l.set.generation}
	if known, ok := l.r.views.get(key, l.now); ok {
		return known, nil
	}
	c, err := l.r.Reader.PackageListing(ctx, l.at, l.byFile())
	if err != nil {
		return view{}, err
	}
	j, err := l.filter(ctx, c)
	if err != nil {
		return view{}, err
	}
	out := view{count: j.listing.Package.VersionCount, latest: j.listing.Package.Latest, worst: j.worst, changes: j.changes}
	if j.hidden || !j.changes.IsZero() {
		out.id = l.r.idOf(key, l.now)
	}
	l.r.views.put(key, out)
	return out, nil
}

// byFile reports whether a listing must have files for the rules to be decided: where they are about bytes, or where the versions of the
// format grow file by file.
func (l *look) byFile() bool {
	return l.r.p.core.Rules[l.at.Format].UnionFiles || l.set.scope(l.at.Format, l.at.Package, l.from.Repositories()).some(func(r *rule) bool { return r.digest != "" })
}

// idOf makes the id of a filtered package: another one whenever the view may be another.
func (r *Reader) idOf(key viewKey, now time.Time) int64 {
	sum := sha256.New()
	sum.Write(r.key[:])
	for _, n := range []int64{key.repositoryID, key.id, key.revision, key.generation, now.UnixNano()} {
		sum.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
	}
	return -1 - int64(binary.BigEndian.Uint64(sum.Sum(nil))>>1)
}

// stamped is a package whose documents are made anew after each change of a rule.
func (s *rules) stamped(pkg registry.Package) registry.Package {
	pkg.Revision += s.generation << 32
	return pkg
}

// pkg is a package as it looks. Blocked: nothing of it is shown.
func (l *look) pkg(ctx context.Context, pkg registry.Package) (registry.Package, error) {
	v, err := l.view(ctx, pkg)
	if err != nil {
		return pkg, err
	}
	if !v.changes.IsZero() {
		registry.CacheUseOf(ctx).Bound(v.changes.Sub(l.now))
	}
	if pkg.VersionCount > 0 && v.count == 0 && !v.worst.Outcome.Shown() {
		return pkg, l.r.p.refuse(ctx, l.from.Asked(), l.at.At(""), l.r.p.subjectOf(l.at.At("")), v.worst, registry.AboutPackage)
	}
	if v.id != 0 {
		pkg.ID, pkg.VersionCount, pkg.Latest = v.id, v.count, v.latest
	}
	return pkg, nil
}
