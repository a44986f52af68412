package upstreams

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/internal/origin"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/registry/publish"
)

// Bounds of what a remote says of images.
const (
	maxManifest = 4 << 20 // bytes of a version, and of a list of referrers
	maxTagPages = 1000
	maxTags     = 1_000_000
)

// held is how long what a remote says of an image is taken to be as it was. Registries forbid clients to keep tags, which says nothing of
// how long a mirror may.
func held(res *origin.Response, ttl time.Duration) time.Duration {
	if res.FreshFor > 0 {
		return min(res.FreshFor, ttl)
	}
	return ttl
}

// said is what a remote says that a tag or a digest names: version, type and size, without its bytes. NotFound.
func (s *Upstreams) said(ctx context.Context, f found, p place, reference string) (*Entry, error) {
	r, err := s.remoteOf(p)
	if err != nil {
		return nil, err
	}
	x, err := s.answer(ctx, r, f.name, question{kind: registry.CacheTag, part: ":" + reference, fresh: held, fetch: func(ctx context.Context, _, _ string) (*fetched, *origin.Response, error) {
		e, res, err := r.digestOf(ctx, f.name.Package, reference)
		return small(&index{Index: Index{Entries: []Entry{e}}}, digest.Digest(e.Version)), res, err
	}}, false)
	if err != nil {
		return nil, err
	}
	return &x.Entries[0], nil
}

// smallIndex is what an answer takes that is little more than a digest.
const smallIndex = 512

// small is an answer that is not stored. sum tells it from others.
func small(x *index, sum digest.Digest) *fetched {
	x.bytes += smallIndex
	return &fetched{index: x, body: metadata.Blob{Digest: sum}}
}

// digestOf asks what a tag or digest names: by a HEAD, or by the bytes where the answer to that does not tell.
func (r *remote) digestOf(ctx context.Context, pkg, reference string) (Entry, *origin.Response, error) {
	ask := r.images.Manifest(r.elsewhere(ctx, pkg), reference)
	res, err := r.client.Do(ctx, origin.Request{Method: "HEAD", URL: ask.URL, Kind: origin.Tag, Accept: ask.Accept, Scope: ask.Scope})
	if err == nil {
		_ = res.Body.Close() // it is empty
		if d := digest.Digest(res.Header.Get("Docker-Content-Digest")); d.Validate() == nil {
			return Entry{Version: d.String(), MediaType: res.Header.Get("Content-Type"), Size: res.Length}, res, nil
		}
	}
	var f *origin.Fault
	if err != nil && (!errors.As(err, &f) || f.Status != statusNoMethod && f.Status != statusNotImplemented) {
		return Entry{}, nil, err
	}
	body, res, err := r.read(ctx, ask)
	if err != nil {
		return Entry{}, nil, err
	}
	return Entry{Version: digest.FromBytes(body).String(), MediaType: res.Header.Get("Content-Type"), Size: int64(len(body))}, res, nil
}

// read asks for a small document.
func (r *remote) read(ctx context.Context, ask Ask) ([]byte, *origin.Response, error) {
	res, err := r.client.Do(ctx, origin.Request{URL: ask.URL, Kind: origin.Document, Accept: ask.Accept, Scope: ask.Scope, MaxBytes: maxManifest})
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = res.Body.Close() }() // read to its end, or given up
	body, err := io.ReadAll(res.Body)
	return body, res, err
}

// bring fetches a version by its digest, and lets it enter with the tags that it was asked for by. NotFound; Unavailable, BadUpstream.
func (s *Upstreams) bring(ctx context.Context, f found, p place, d digest.Digest, tags []string) (registry.Version, error) {
	r, err := s.remoteOf(p)
	if err != nil {
		return registry.Version{}, err
	}
	seen, err := s.admitImage(ctx, r, f.name, d, false)
	if err != nil {
		return registry.Version{}, err
	}
	if src, here := f.entered(p.repository.ID); here {
		known, err := s.local.VersionDetail(ctx, src.at(f.name).At(d.String()))
		if err == nil && known.Version.State == registry.Deleted {
			return registry.Version{}, registry.Errorf(registry.NotFound, registry.AboutVersion, "%s of %q was deleted here, and is not fetched again", d, f.name.Package)
		}
	}
	at := f.name
	at.Repository = p.repository.Name
	_, err = s.answer(ctx, r, at, question{kind: registry.CacheFile, part: "@" + d.String(), fresh: held, fetch: func(ctx context.Context, _, _ string) (*fetched, *origin.Response, error) {
		res, err := s.enterManifest(ctx, r, at, d, seen, tags)
		return small(&index{}, d), res, err
	}}, false)
	if err != nil {
		return registry.Version{}, about(registry.AboutVersion, err)
	}
	v, err := s.local.Resolve(ctx, at, catalog.Ref{Version: d.String()})
	for i := 0; err == nil && i < len(tags); i++ {
		err = s.serve(ctx, f, p, v, tags[i])
	}
	return v, err
}

// enterManifest fetches a version, verifies it, and commits it. seen is since when it counts as there; zero: since ever.
func (s *Upstreams) enterManifest(ctx context.Context, r *remote, at registry.Name, d digest.Digest, seen time.Time, tags []string) (*origin.Response, error) {
	body, res, err := r.read(ctx, r.images.Manifest(r.elsewhere(ctx, at.Package), d.String()))
	if err != nil {
		return nil, err
	}
	if have := d.Algorithm().FromBytes(body); have != d {
		return nil, s.corrupt(r, at.At(d.String()), d.String(), "its digest is %s", have)
	}
	entered := Entered{At: at.At(d.String()), Path: d.String(), Entry: &Entry{Version: d.String(), MediaType: res.Header.Get("Content-Type")}, Tags: tags, Now: s.core.Now(),
		Blob: registry.Blob{Digest: digest.FromBytes(body), Size: int64(len(body))},
		Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }}
	with := &beside{s: s, r: r, at: at.At(d.String()), cached: map[string]metadata.CachedFile{}}
	entered.Beside = with.read
	var rel publish.Release
	if err := s.guarded(r, at.Package, func() (err error) {
		rel, err = r.source.Enter(ctx, entered)
		return err
	}); err != nil {
		return nil, r.unreadable("manifest", err)
	}
	rel.Cached.Upstream, rel.Cached.Through = r.Name, r.way
	rel.Cached.File = r.cachedFile(res, d.Algorithm().String())
	rel.Cached.File.FirstSeenAt, rel.Cached.Beside = seen, with.cached
	_, err = s.publisher.Enter(ctx, access.From(ctx), at, rel, with.files...)
	return res, err
}

// tagList asks a remote for its list of tags.
func (s *Upstreams) tagList(ctx context.Context, f found, p place) (*index, error) {
	r, err := s.remoteOf(p)
	if err != nil {
		return nil, err
	}
	return s.answer(ctx, r, f.name, question{kind: registry.CacheDocument, part: "/tags", fresh: held, fetch: func(ctx context.Context, _, _ string) (*fetched, *origin.Response, error) {
		ask := r.images.Tags(r.elsewhere(ctx, f.name.Package))
		x, sum := &index{}, digest.SHA256.Digester()
		var first *origin.Response
		for range maxTagPages {
			body, res, err := r.read(ctx, ask)
			if err != nil {
				return nil, nil, err
			}
			if first == nil {
				first = res
			}
			_, _ = sum.Hash().Write(body) // a hash never fails
			names, err := r.images.ParseTags(body)
			if err != nil {
				return nil, nil, r.unreadable("list of tags", err)
			}
			for _, name := range names {
				x.Tags = append(x.Tags, registry.Tag{Name: name})
				x.bytes += 200 + len(name)
			}
			if ask.URL = nextPage(res); ask.URL == "" || len(x.Tags) >= maxTags {
				break
			}
		}
		slices.SortFunc(x.Tags, func(a, b registry.Tag) int { return strings.Compare(a.Name, b.Name) })
		x.Tags = slices.CompactFunc(x.Tags, func(a, b registry.Tag) bool { return a.Name == b.Name })
		return small(x, sum.Digest()), first, nil
	}}, false)
}

// nextPage is the address of the page that a list links to; "" at its end.
func nextPage(res *origin.Response) string {
	for _, field := range res.Header.Values("Link") {
		for link := range strings.SplitSeq(field, ",") {
			target, params, _ := strings.Cut(strings.TrimSpace(link), ">")
			target, bracketed := strings.CutPrefix(target, "<")
			if !bracketed || !strings.Contains(strings.ReplaceAll(params, `"`, ""), "rel=next") {
				continue
			}
			if u, err := res.URL.Parse(target); err == nil {
				return u.String()
			}
		}
	}
	return ""
}

// referrersAt asks a remote for the versions that are about a digest. None is an answer, too.
func (s *Upstreams) referrersAt(ctx context.Context, f found, p place, d digest.Digest) (*index, error) {
	r, err := s.remoteOf(p)
	if err != nil {
		return nil, err
	}
	return s.answer(ctx, r, f.name, question{kind: registry.CacheDocument, part: "^" + d.String(), fresh: held, fetch: func(ctx context.Context, _, _ string) (*fetched, *origin.Response, error) {
		name := r.elsewhere(ctx, f.name.Package)
		ask, tag := r.images.Referrers(name, d)
		body, res, err := r.read(ctx, ask)
		if origin.Is(err, origin.Absent) { // it does not know the question
			body, res, err = r.read(ctx, r.images.Manifest(name, tag))
		}
		if origin.Is(err, origin.Absent) {
			return small(&index{}, ""), &origin.Response{FreshFor: -1}, nil
		}
		if err != nil {
			return nil, nil, err
		}
		x := &index{bytes: 4 * len(body)}
		err = s.guarded(r, f.name.Package, func() (err error) {
			x.Versions, err = r.images.ParseReferrers(body)
			return err
		})
		if err != nil {
			return nil, nil, r.unreadable("list of referrers", err)
		}
		return small(x, digest.FromBytes(body)), res, nil
	}}, false)
}

// elsewhere is the name of a package at the remote.
func (r *remote) elsewhere(ctx context.Context, pkg string) string {
	if r.images == nil {
		return pkg
	}
	return r.prefix + r.images.Named(pkg, r.prefix == "" && r.Settings.Library, func() string {
		if r.prefix != "" {
			return ""
		}
		return r.service.of(ctx, r)
	})
}

// of asks the remote what it calls itself where it wants a token. It is asked once.
func (s *service) of(ctx context.Context, r *remote) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known {
		return s.name
	}
	res, err := r.client.Do(ctx, origin.Request{Kind: origin.Tag})
	var f *origin.Fault
	switch {
	case err == nil:
		_ = res.Body.Close() // of no interest
		s.known = true
	case errors.As(err, &f) && len(f.Challenges) > 0:
		s.known, s.name = true, origin.Service(f.Challenges)
	}
	return s.name
}

// unreadable is the fault of a remote that sent something which can't be used.
func (r *remote) unreadable(what string, err error) error {
	return &origin.Fault{Class: origin.Bad, Upstream: r.Name, Text: fmt.Sprintf("sent a %s that can't be used: %s", what, registry.AsError(err).Error())}
}
