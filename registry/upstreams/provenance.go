package upstreams

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/internal/origin"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/catalog"
)

// Policy decides about what comes from remotes.
type Policy interface {
	// Admit refuses something of a remote that the caller asks for, before the remote is asked and before it enters. Blocked.
	Admit(ctx context.Context, q Candidate) error
	// MinimumAge is the longest time that a rule, or the remote's upstream, has things of a package wait; 0: nothing depends on their age.
	// repositories are as in Candidate.
	MinimumAge(ctx context.Context, at registry.Name, repositories []int64, remote *Upstream) time.Duration
}

// Candidate is something of a remote: a package, where At names no version, or a version or file.
type Candidate struct {
	At           registry.Coordinate
	Repositories []int64 // on the way, the asked one first; the last one is that whose upstream the remote is
	Remote       *Upstream
	PublishedAt  time.Time     // zero: not known
	FirstSeenAt  time.Time     // zero: it was there before
	Digest       digest.Digest // of the bytes; "": not known yet
	Known        bool          // all that can be known of its age is
}

// Police lets a policy decide. It is called before the first request.
func (s *Upstreams) Police(p Policy) { s.policy = p }

// remoteOf is the remote at a place.
func (s *Upstreams) remoteOf(p place) (*remote, error) {
	if p.asks != nil {
		if r := p.asks.Load(); r != nil {
			return r, nil
		}
	}
	r, err := s.remotes.of(p.remote, p.repository)
	if err != nil {
		return nil, err
	}
	r.way = p.repositories()
	if p.asks != nil {
		p.asks.Store(r)
	}
	return r, nil
}

// admitFile asks the policy about a file of a remote, of which entry says what is known; nil: nothing is.
func (s *Upstreams) admitFile(ctx context.Context, r *remote, at registry.Coordinate, x *index, e *Entry) error {
	c := Candidate{At: at, Repositories: r.way, Remote: r.Upstream}
	if e != nil && x != nil {
		c.At.Version = cmp.Or(at.Version, e.Version)
		c.PublishedAt, c.FirstSeenAt, c.Digest, c.Known = e.PublishedAt, x.firstSeen(e.Version, e.Path), e.Sums.SHA256, true
	} else if x != nil {
		c.FirstSeenAt = x.firstSeen(at.Version, "")
		c.Known = !c.FirstSeenAt.IsZero() // it is not older than that
	}
	return s.admit(ctx, c)
}

// admitAge asks the policy about a file whose age its remote tells only now.
func (f *flight) admitAge(ctx context.Context, res *origin.Response) error {
	published := f.r.modified(res)
	if f.entry != nil && !f.entry.PublishedAt.IsZero() {
		published = f.entry.PublishedAt
	}
	f.change(func() { f.published = published })
	if f.entry != nil || f.known != nil {
		return nil
	}
	return f.s.admit(ctx, Candidate{At: f.at, Repositories: f.r.way, Remote: f.r.Upstream, PublishedAt: published, FirstSeenAt: f.seen, Known: true})
}

// minimumAge asks the policy how old things of a package must be; 0 without one.
func (s *Upstreams) minimumAge(ctx context.Context, r *remote, at registry.Name) time.Duration {
	if s.policy == nil {
		return 0
	}
	return s.policy.MinimumAge(ctx, at, r.way, r.Upstream)
}

// modified is when a file changed last, as its remote says; zero: it does not, or the time says nothing of what was published when.
func (r *remote) modified(res *origin.Response) time.Time {
	if r.images != nil {
		return time.Time{}
	}
	t, err := time.Parse(lastModified, res.LastModified)
	if err != nil {
		return time.Time{}
	}
	return t
}

// lastModified is the layout of the header field, always in GMT.
const lastModified = "Mon, 02 Jan 2006 15:04:05 GMT"

// admit asks the policy, if there is one.
func (s *Upstreams) admit(ctx context.Context, c Candidate) error {
	if s.policy == nil {
		return nil
	}
	return s.policy.Admit(ctx, c)
}

// repositories are those on the way to a place, the asked one first.
func (p place) repositories() []int64 {
	var out []int64
	for _, l := range p.path {
		if !slices.Contains(out, l.RepositoryID) {
			out = append(out, l.RepositoryID)
		}
	}
	if !slices.Contains(out, p.repository.ID) {
		out = append(out, p.repository.ID)
	}
	return out
}

// Provenance tells where versions come from that a Reader shows of one package.
type Provenance struct {
	s        *Upstreams
	asked    registry.Repository
	packages map[int64]rowAt // by the id of the package's row
	remotes  map[int64]place // by upstream
	at       registry.Name
}

// rowAt is a place that has a row of a package.
type rowAt struct {
	place
	cached bool // what it has came from remotes
}

// Provenance tells where the versions of a package may come from that the repository shows. No rights are checked. NotFound: about the
// repository.
func (s *Upstreams) Provenance(ctx context.Context, at registry.Name) (Provenance, error) {
	out := Provenance{s: s, at: at}
	r, err := s.core.RepositoryRow(ctx, at.Repository)
	if err != nil {
		return out, err
	}
	out.asked = r
	if r.Upstreams == 0 {
		return out, nil
	}
	g, err := s.graph(ctx)
	if err != nil {
		return out, err
	}
	places := g.places(r)
	have, err := s.rowsOf(ctx, r, places, at)
	if err != nil {
		return out, err
	}
	out.packages, out.remotes = map[int64]rowAt{}, map[int64]place{}
	for _, p := range places {
		if p.remote != nil {
			out.remotes[p.remote.ID] = p
		} else if pkg, known := have.packages[p.repository.ID]; known {
			out.packages[pkg.ID] = rowAt{p, pkg.Origin == metadata.OriginCached}
		}
	}
	return out, nil
}

// Asked is the repository that the caller names.
func (o Provenance) Asked() registry.Repository { return o.asked }

// Repositories are all that the package may come through, the asked one first.
func (o Provenance) Repositories() []int64 {
	out := []int64{o.asked.ID}
	add := func(p place) {
		for _, id := range p.repositories() {
			if !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	for _, p := range o.packages {
		add(p.place)
	}
	for _, p := range o.remotes {
		add(p)
	}
	return out
}

// Packages are the ids of the package's rows.
func (o Provenance) Packages() []int64 { return slices.Collect(maps.Keys(o.packages)) }

// Cached reports whether something of the package came from remotes.
func (o Provenance) Cached() bool {
	for _, p := range o.packages {
		if p.cached {
			return true
		}
	}
	return false
}

// Minimum reports whether an upstream that the package may come from has a minimum age.
func (o Provenance) Minimum() bool {
	for _, p := range o.remotes {
		if p.remote.Format == o.at.Format && p.remote.Settings.Cooldown != nil {
			return true
		}
	}
	return false
}

// From is where a version or file comes from.
type From struct {
	Repositories []int64   // on the way, the asked one first
	Remote       *Upstream // nil: it was published here
	PublishedAt  time.Time // as the remote says; zero: not known
	FirstSeenAt  time.Time // zero: it was there when the remote was first asked
	Undated      bool      // nothing is known of its age before a file of it is asked for
}

// Version is where a version comes from. For a version from a remote whose files are here, its oldest file says how old it is, or the manifest of an image. The store is
// read only for those.
func (o Provenance) Version(ctx context.Context, v registry.Version) (From, error) {
	if v.ID < 0 {
		return o.listed(v.ID, v.Name, "", v.PublishedAt), nil
	}
	src, cached := o.row(v.PackageID)
	if !cached {
		src.PublishedAt = v.PublishedAt
		return src, nil
	}
	files, err := o.cachedFiles(ctx, v.ID)
	if err != nil || len(files) == 0 {
		return src, err
	}
	if m := ofManifest(files, v.Name); m != nil {
		return o.of(src, *m), nil
	}
	oldest := slices.MinFunc(files, func(a, b metadata.CachedFile) int { return born(a).Compare(born(b)) })
	return o.of(src, oldest), nil
}

// ofManifest is the row of an image's manifest, which says how old all of the image is: its blobs are asked for by digest, so their registry says
// nothing of when it began to have them. nil: the version is no image.
func ofManifest(files []metadata.CachedFile, version string) *metadata.CachedFile {
	if digest.Digest(version).Validate() != nil {
		return nil
	}
	if i := slices.IndexFunc(files, func(c metadata.CachedFile) bool { return c.Path == version }); i >= 0 {
		return &files[i]
	}
	return nil
}

// File is where a file comes from. Of one that is on its way it is what its transfer knows.
func (o Provenance) File(ctx context.Context, f registry.File, version string) (From, error) {
	if a, ok := f.Arriving.(interface {
		from() (int64, time.Time, time.Time)
	}); ok {
		id, published, seen := a.from()
		src := o.remote(id)
		src.PublishedAt, src.FirstSeenAt = published, seen
		return src, nil
	}
	if f.VersionID < 0 {
		return o.listed(f.VersionID, version, f.Path, f.AddedAt), nil
	}
	src, cached := o.row(f.PackageID)
	if !cached {
		src.PublishedAt = f.AddedAt
		return src, nil
	}
	files, err := o.cachedFiles(ctx, f.VersionID)
	if i := slices.IndexFunc(files, func(c metadata.CachedFile) bool { return c.Path == f.Path }); i >= 0 {
		return o.of(src, files[i]), err
	}
	return src, err
}

func (o Provenance) cachedFiles(ctx context.Context, versionID int64) (out []metadata.CachedFile, err error) {
	err = o.s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		out, err = tx.Caches().CachedFiles(versionID)
		return err
	})
	return out, err
}

// born is when a file began to be old; zero: not known.
func born(f metadata.CachedFile) time.Time {
	if f.FirstSeenAt.After(f.PublishedAt) {
		return f.FirstSeenAt
	}
	return f.PublishedAt
}

// row is where the versions of a package's row come from, and whether that is a remote.
func (o Provenance) row(packageID int64) (From, bool) {
	p, known := o.packages[packageID]
	if !known {
		return From{Repositories: []int64{o.asked.ID}}, false
	}
	return From{Repositories: p.repositories()}, p.cached
}

func (o Provenance) of(src From, f metadata.CachedFile) From {
	src.PublishedAt, src.FirstSeenAt = f.PublishedAt, f.FirstSeenAt
	if p, ok := o.remotes[f.UpstreamID]; ok {
		src.Remote = p.remote
	}
	return src
}

func (o Provenance) remote(upstreamID int64) From {
	p, ok := o.remotes[upstreamID]
	if !ok {
		return From{Repositories: []int64{o.asked.ID}}
	}
	return From{Repositories: p.repositories(), Remote: p.remote}
}

// listed is where something comes from that only the index of a remote lists.
func (o Provenance) listed(versionID int64, version, path string, published time.Time) From {
	src := o.remote(upstreamOf(versionID))
	src.PublishedAt = published
	if src.Remote == nil {
		return src
	}
	if r, err := o.s.remoteOf(o.remotes[src.Remote.ID]); err == nil {
		doc := o.s.documents.of(indexKey{r.ID, o.at.Format, o.at.Package, "", r.fingerprint})
		doc.mu.Lock()
		defer doc.mu.Unlock()
		if doc.index != nil {
			src.FirstSeenAt = doc.index.firstSeen(version, path)
			if at, known := doc.index.dates[version]; known && path == "" {
				src.PublishedAt = at
			}
		}
		_, dated := r.source.(Dated)
		src.Undated = dated && src.PublishedAt.IsZero() && src.FirstSeenAt.IsZero()
	}
	return src
}

// indexVersionID is the id of a version that an index lists: negative, and it tells whose index that is.
func indexVersionID(upstreamID int64, i int) int64 { return -(upstreamID<<32 + int64(i) + 1) }

// upstreamOf is the upstream in whose index a version with a negative id is listed.
func upstreamOf(versionID int64) int64 { return (-versionID - 1) >> 32 }

// Narrow leaves those versions of a listing for which keep is true, and lets tags, count and the newest version follow: a tag of another
// version is dropped, but latest names the highest one that is left.
func Narrow(c *catalog.PackageListing, keep func(registry.Version) bool) {
	c.Versions = slices.DeleteFunc(slices.Clone(c.Versions), func(v registry.Version) bool { return !keep(v) })
	c.Tags = slices.Clone(c.Tags)
	have := make(map[string]registry.Version, len(c.Versions))
	for _, v := range c.Versions {
		have[v.Name] = v
	}
	retag(c, have)
	if len(c.Versions) == 0 {
		c.Tags = nil
	}
	c.Package.VersionCount = int64(len(c.Versions))
	c.Package.Latest = newest(*c)
}
