package upstreams

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/internal/origin"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/publish"
)

// verify compares the sums with those that the remote announced: in its document, in the answer's header, or in a file beside it.
func (f *flight) verify(ctx context.Context, ask Ask, res *origin.Response) (arrival, error) {
	blob := f.sums.blob(f.written)
	want := f.announced(res)
	if want.Strongest() == "none" && ask.Sum != "" {
		if err := f.besides(ctx, ask, &want); err != nil {
			return arrival{}, err
		}
	}
	for _, c := range []struct {
		name       string
		want, have []byte
	}{
		{"sha256", raw(want.SHA256), raw(blob.Digest)}, {"sha512", want.SHA512, blob.SHA512}, {"sha1", want.SHA1, blob.SHA1}, {"md5", want.MD5, blob.MD5},
	} {
		if c.want == nil || bytes.Equal(c.want, c.have) {
			continue
		}
		if res.Encoding != "" && f.size < 0 && !f.otherForm {
			return arrival{}, errOtherForm // nothing of it has left, as its size is not known
		}
		return arrival{}, f.corrupt("its %s is %x, but %x was announced", c.name, c.have, c.want)
	}
	if err := f.r.accepts(want); err != nil {
		return arrival{}, err
	}
	return arrival{res, blob, want.Strongest()}, nil
}

func raw(d digest.Digest) []byte {
	if d == "" {
		return nil
	}
	b, err := hex.DecodeString(d.Encoded())
	if err != nil {
		return nil
	}
	return b
}

// addHeader adds the sums that Maven registries announce in the header of a file.
func (s *Sums) addHeader(res *origin.Response) {
	if s.SHA1 == nil {
		s.SHA1 = hexSum(res.Header.Get("X-Checksum-Sha1"), sha1.Size)
	}
	if s.SHA256 == "" {
		if b := hexSum(res.Header.Get("X-Checksum-Sha256"), sha256.Size); b != nil {
			s.SHA256 = digest.NewDigestFromBytes(digest.SHA256, b)
		}
	}
}

func hexSum(text string, size int) []byte {
	b, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != size {
		return nil
	}
	return b
}

// besides reads the sum in the file beside the file. A remote may have none.
func (f *flight) besides(ctx context.Context, ask Ask, want *Sums) error {
	res, err := f.r.client.Do(ctx, origin.Request{URL: ask.URL + ask.Sum, Kind: origin.Document, MaxBytes: 4 << 10})
	if origin.Is(err, origin.Absent) {
		return nil
	}
	if err != nil {
		return fault(f.at.Name, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return fault(f.at.Name, err)
	}
	fields := strings.Fields(string(text)) // some tools write the file's name behind the sum
	if len(fields) > 0 {
		want.SHA1 = hexSum(fields[0], sha1.Size)
	}
	return nil
}

// bytesHere reads the file before it is closed: from memory, where it is small.
type bytesHere struct{ *io.SectionReader }

// Close implements io.Closer.
func (bytesHere) Close() error { return nil }

// asRelease is what the format makes of the file; none of a blob of an image.
func (f *flight) asRelease(ctx context.Context, a arrival) (publish.Release, error) {
	if f.r.images != nil {
		return publish.Release{}, nil
	}
	entered := Entered{At: f.inVersion(), Path: f.path, Entry: f.entry, Blob: a.blob, Open: func(context.Context) (io.ReadCloser, error) {
		return bytesHere{io.NewSectionReader(f.grow, 0, a.blob.Size)}, nil
	}}
	if f.entry != nil {
		entered.Version = f.version
	}
	rel, err := f.r.source.Enter(ctx, entered)
	if err != nil {
		return rel, f.bad("sent a file that is not what its name says: " + registry.AsError(err).Error())
	}
	return rel, nil
}

// inVersion is where the file belongs, in the remote's repository. Its version may be empty where the file's content names it.
func (f *flight) inVersion() registry.Coordinate {
	at := f.at
	at.Repository = f.r.repository.Name
	if f.entry != nil {
		at.Version = cmp.Or(at.Version, f.entry.Version)
	}
	return at
}

// enter makes the file, whose bytes are stored, a file of a version, with an entry in the log.
func (f *flight) enter(ctx context.Context, a arrival, rel publish.Release, stored time.Time) (registry.File, error) {
	if f.r.images != nil {
		return f.enterPart(ctx, a, stored)
	}
	at := f.inVersion()
	mediaType := ""
	rel.Cached = &publish.Cached{Upstream: f.r.Name, Through: f.r.way, File: f.r.cachedFile(a.res, a.verified)}
	rel.Cached.File.FirstSeenAt, rel.Cached.File.CheckedAt = f.seen, f.asked
	if f.entry != nil {
		mediaType = f.entry.MediaType
		rel.Cached.File.PublishedAt = f.entry.PublishedAt
	}
	if len(rel.Files) > 0 {
		mediaType = cmp.Or(mediaType, rel.Files[0].MediaType)
	}
	rel.Mode, rel.Files = publish.Append, nil // the file that arrived
	if f.known != nil || f.r.source.Mutable(f.at, f.path) {
		rel.Mode = publish.Replace
	}
	result, err := f.s.publisher.Enter(ctx, f.actor, at.Name, rel, publish.Arrived(f.path, mediaType, a.blob, stored))
	if err != nil && registry.KindOf(err) == registry.AlreadyExists {
		return registry.File{}, f.changed(ctx, at, a.blob)
	}
	if err != nil {
		return registry.File{}, err
	}
	if i := slices.IndexFunc(result.Files, func(w registry.File) bool { return w.Path == f.path }); i >= 0 {
		return result.Files[i], nil
	}
	return f.s.local.File(ctx, at.Name.At(result.Version.Name), f.path)
}

// enterPart makes a blob a file of the versions that name it.
func (f *flight) enterPart(ctx context.Context, a arrival, stored time.Time) (registry.File, error) {
	at := f.at
	at.Repository = f.r.repository.Name
	cached := &publish.Cached{Upstream: f.r.Name, File: f.r.cachedFile(a.res, a.verified)}
	if err := f.s.publisher.EnterPart(ctx, f.actor, at.Name, cached, publish.Arrived(f.path, f.entry.MediaType, a.blob, stored)); err != nil {
		return registry.File{}, err
	}
	return f.s.local.File(ctx, at, f.path)
}

// cachedFile is where the answer came from.
func (r *remote) cachedFile(res *origin.Response, verified string) metadata.CachedFile {
	return metadata.CachedFile{UpstreamID: r.ID, URL: withoutQuery(res.URL), ETag: res.ETag, LastModified: res.LastModified, Verified: verified}
}

// changed is the error of a file that is here and of which the remote has other bytes.
func (f *flight) changed(ctx context.Context, at registry.Coordinate, blob registry.Blob) error {
	list, err := f.s.everEntered(ctx, f.r, at.Name)
	if err != nil {
		return err
	}
	was := metadata.CachedFile{Path: f.path}
	for _, here := range list {
		if here.Version == at.Version && here.Path == f.path {
			f.s.tellMutated(ctx, f.r, at.Name, here, "it has ", "sha256 "+blob.Digest.Encoded())
			if was = here.CachedFile; here.Changed != "sha256 "+blob.Digest.Encoded() {
				was.Denied = false // that was about others
			}
		}
	}
	return f.r.mutatedError(at, was)
}

func withoutQuery(u *url.URL) string {
	if u == nil {
		return ""
	}
	plain := *u
	plain.RawQuery, plain.User, plain.Fragment = "", nil, ""
	return plain.String()
}

// sums counts every sum that formats serve, in the pass that stores the bytes.
type sums struct{ sha256, sha1, md5, sha512 hash.Hash }

func newSums() *sums { return &sums{sha256.New(), sha1.New(), md5.New(), sha512.New()} }

// Write implements io.Writer. It never fails.
func (s *sums) Write(p []byte) (int, error) {
	for _, h := range [...]hash.Hash{s.sha256, s.sha1, s.md5, s.sha512} {
		_, _ = h.Write(p) // a hash never fails
	}
	return len(p), nil
}

func (s *sums) blob(size int64) registry.Blob {
	return registry.Blob{Digest: digest.NewDigest(digest.SHA256, s.sha256), Size: size, SHA1: s.sha1.Sum(nil), MD5: s.md5.Sum(nil), SHA512: s.sha512.Sum(nil)}
}
