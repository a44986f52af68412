package mirror

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/registry/upstreams"
)

// maxFilesOfItem bounds what one item may lead to: parents of parents, and what they import.
const maxFilesOfItem = 2000

// Prefetch starts a job that gets what a list names, as its caller would by asking for each file: from what is here, else from the
// remotes of the repository. With look nothing is fetched, and the job tells what is here. NotFound, Denied; Unauthenticated: callers
// without credentials; Invalid: the list is empty or too long.
func (m *Mirror) Prefetch(ctx context.Context, repository string, wants []Want, look bool) (Job, error) {
	actor, err := m.core.Authorize(ctx, access.Read, repository)
	if err != nil {
		return Job{}, err
	}
	if _, err := m.core.RepositoryRow(ctx, repository); err != nil {
		return Job{}, err
	}
	switch {
	case actor.Type == access.TypeAnonymous:
		return Job{}, registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to fetch what a list names")
	case len(wants) == 0:
		return Job{}, registry.Errorf(registry.Invalid, registry.AboutRequest, "the list is empty")
	case len(wants) > MaxItems:
		return Job{}, registry.Errorf(registry.Invalid, registry.AboutRequest, "the list has more than %d items; send it in parts", MaxItems)
	}
	one := m.newJob(actor, repository, wants, look)
	if err := m.jobs.start(ctx, one, func(ctx context.Context) { m.run(ctx, one) }); err != nil {
		return Job{}, err
	}
	return one.snapshot(), nil
}

// run works a job off.
func (m *Mirror) run(ctx context.Context, one *job) {
	var workers sync.WaitGroup
	var next atomic.Int64
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	for range min(atOnce, len(one.wants)) {
		workers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(one.wants) || ctx.Err() != nil {
					return
				}
				if err := m.runItem(ctx, one, i); err != nil {
					stop(err)
				}
			}
		})
	}
	workers.Wait()
	m.end(context.WithoutCancel(ctx), one, context.Cause(ctx))
}

// runItem gets one item with the rights that the caller has now. Its error ends the job.
func (m *Mirror) runItem(ctx context.Context, one *job, i int) error {
	select {
	case m.slots <- struct{}{}:
		defer func() { <-m.slots }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	actor, err := m.core.Callers.Actor(ctx, one.actor.ID)
	if err != nil {
		return err
	}
	g := &getting{m: m, look: one.state.Look, want: one.wants[i], repository: one.state.Repository, seen: map[string]bool{}}
	item := Item{PURL: g.want.PURL, State: Present}
	err = g.all(access.With(ctx, actor))
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	item.Files, item.Bytes = g.files, g.bytes
	switch {
	case err != nil:
		item.State, item.Reason = Missing, registry.AsError(err).Error()
	case g.fetched > 0:
		item.State = Fetched
	}
	one.note(i, item)
	return nil
}

// getting gets the files of one item.
type getting struct {
	m          *Mirror
	look       bool
	want       Want
	repository string

	seen    map[string]bool // files that are here, by coordinate and path
	found   []string        // of want.Digests
	files   int
	bytes   int64
	fetched int
}

func (g *getting) all(ctx context.Context) error {
	p, err := registry.ParsePURL(g.want.PURL)
	if err != nil {
		return err
	}
	names, err := g.m.core.Rules.NamesOf(g.repository, p)
	if err != nil {
		return err
	}
	at := names[0].At(p.Version)
	if gatherer, ok := g.m.sources[at.Format].(upstreams.Gatherer); ok {
		err = gatherer.Gather(ctx, at, p, g.get)
	} else if g.m.core.Rules[at.Format].Images {
		err = g.image(ctx, at, p)
	} else {
		err = g.listed(ctx, at, p)
	}
	if err != nil {
		return err
	}
	for _, d := range g.want.Digests {
		if !slices.Contains(g.found, d) {
			return registry.Errorf(registry.NotFound, registry.AboutFile, "no file of it has the digest %s", registry.Clip(d))
		}
	}
	return nil
}

// listed gets the files of a version that a document lists: those of the wanted digests, and what lies beside them.
func (g *getting) listed(ctx context.Context, at registry.Coordinate, p registry.PURL) error {
	if err := registry.CheckVersion(at.Version); err != nil {
		return err
	}
	d, err := g.detail(ctx, at)
	if err != nil {
		return err
	}
	at.Version = d.Version.Name
	only := p.Qualifiers.Get("file_name")
	var chosen []string
	byPath := slices.SortedFunc(slices.Values(d.Files), func(a, b registry.File) int { return strings.Compare(a.Path, b.Path) })
	for _, f := range byPath { // what lies beside a file comes after it
		if only != "" && f.Path != only || !g.mayBe(f) && !beside(f.Path, chosen) {
			continue
		}
		chosen = append(chosen, f.Path)
		r, err := g.get(ctx, at, f.Path)
		if err != nil {
			return err
		}
		if err := r.Close(); err != nil {
			return err
		}
	}
	if len(chosen) == 0 && len(g.want.Digests) == 0 {
		return registry.Errorf(registry.NotFound, registry.AboutFile, "%s %s has no such file", at.Package, registry.Clip(at.Version))
	}
	return nil
}

// detail is a version with its files as far as they are known.
func (g *getting) detail(ctx context.Context, at registry.Coordinate) (catalog.VersionDetail, error) {
	if g.look {
		return g.m.reader.DetailHere(ctx, at)
	}
	at, err := g.m.reader.CanonicalVersion(ctx, at)
	if err != nil {
		return catalog.VersionDetail{}, err
	}
	return g.m.reader.VersionDetail(ctx, at)
}

// beside reports whether a path is that of something about one of the files, such as the metadata of a wheel.
func beside(path string, files []string) bool {
	for _, f := range files {
		if strings.HasPrefix(path, f+".") {
			return true
		}
	}
	return false
}

// mayBe reports whether a file may have one of the wanted digests, by the sums that are known of it.
func (g *getting) mayBe(f registry.File) bool {
	if len(g.want.Digests) == 0 {
		return true
	}
	unknown := false
	for _, d := range g.want.Digests {
		algorithm, want := split(d)
		switch have := known(f.Blob, algorithm); {
		case have == nil:
			unknown = true
		case bytes.Equal(have, want):
			return true
		}
	}
	return unknown
}

// get implements upstreams.Get: from what is here or, unless it only looks, from a remote.
func (g *getting) get(ctx context.Context, at registry.Coordinate, path string) (io.ReadCloser, error) {
	f, err := g.m.reader.FileHere(ctx, at, path)
	fetched := false
	if !g.look && registry.KindOf(err) == registry.NotFound && err != nil {
		fetched = true
		f, err = g.m.reader.File(catalog.Whole(ctx), at, path)
	}
	if err != nil {
		return nil, err
	}
	key := versionKey(at.Format, at.Package, at.Version) + "\x00" + path
	if !g.seen[key] {
		if len(g.seen) == maxFilesOfItem {
			return nil, registry.Errorf(registry.Invalid, registry.AboutRequest, "it leads to more than %d files", maxFilesOfItem)
		}
		g.seen[key] = true
		g.files++
		g.bytes += f.Blob.Size
		if fetched {
			g.fetched++
		}
		if err := g.compare(ctx, f); err != nil {
			return nil, err
		}
	}
	return g.m.reader.Open(ctx, f, 0, -1)
}

// compare notes which of the wanted digests a file has.
func (g *getting) compare(ctx context.Context, f registry.File) error {
	for _, d := range g.want.Digests {
		algorithm, want := split(d)
		have := known(f.Blob, algorithm)
		if have == nil {
			var err error
			if have, err = g.count(ctx, f, algorithm); err != nil {
				return err
			}
		}
		if bytes.Equal(have, want) {
			g.found = append(g.found, d)
		}
	}
	return nil
}

// count reads a file for a sum that was not kept of it.
func (g *getting) count(ctx context.Context, f registry.File, algorithm string) ([]byte, error) {
	sum, ok := map[string]func() hash.Hash{"sha512": sha512.New, "sha1": sha1.New, "md5": md5.New}[algorithm]
	if !ok {
		return nil, registry.Errorf(registry.Invalid, registry.AboutRequest, "digests are sha256, sha512, sha1 or md5, not %q", registry.Clip(algorithm))
	}
	r, err := g.m.reader.Open(ctx, f, 0, -1)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	h := sum()
	if _, err := io.Copy(h, r); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}

// split takes a digest apart. A digest that is none equals no sum.
func split(d string) (algorithm string, sum []byte) {
	algorithm, digits, _ := strings.Cut(d, ":")
	sum, err := hex.DecodeString(digits)
	if err != nil || len(sum) == 0 {
		return algorithm, []byte{0}
	}
	return algorithm, sum
}

// known is the sum of a blob by an algorithm; nil: it is not kept.
func known(b registry.Blob, algorithm string) []byte {
	switch algorithm {
	case "sha256":
		if b.Digest == "" {
			return nil
		}
		_, sum := split(b.Digest.String())
		return sum
	case "sha512":
		return b.SHA512
	case "sha1":
		return b.SHA1
	case "md5":
		return b.MD5
	}
	return nil
}
