package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"slices"
	"strings"

	"slipway/api"
)

// ErrDigest is the error of a file whose bytes do not match its description.
var ErrDigest = errors.New("bytes do not have the expected digest")

const sha256Prefix = "sha256:"

// OpenFile returns the bytes of a file of a version, which the caller closes. They are compared, on the way, with the size
// and the digest of file as Version describes it: the reader ends with io.EOF only when the bytes match, else with
// ErrDigest or with an error that names the size. It has no timeout but that of ctx.
func (c *Client) OpenFile(ctx context.Context, p Package, version string, file api.File) (io.ReadCloser, error) {
	content, _, err := c.ResumeFile(ctx, p, version, file, nil)
	return content, err
}

// ResumeFile is OpenFile for a file whose first bytes were fetched before; nil is none. It reads had to its end and asks for
// the bytes behind it. from is where the returned bytes begin: behind had, or 0 where the server sends the file from its
// start. The comparison covers what had gave, so that an ErrDigest may be the fault of either.
func (c *Client) ResumeFile(ctx context.Context, p Package, version string, file api.File, had io.Reader) (content io.ReadCloser, from int64, err error) {
	sum := sha256.New()
	if had != nil {
		if from, err = io.Copy(sum, io.LimitReader(had, file.Size)); err != nil {
			return nil, 0, err
		}
	}
	rq := request{method: http.MethodGet, path: api.Prefix + p.version(version) + "/files" + segments(file.Path)}
	if from == file.Size { // a range of no bytes can't be asked for
		return &verified{body: http.NoBody, file: file, sum: sum}, from, nil
	}
	if from > 0 {
		etag := `"` + strings.TrimPrefix(file.Digest, sha256Prefix) + `"`
		rq.header = http.Header{"Range": {fmt.Sprintf("bytes=%d-", from)}, "If-Range": {etag}}
	}
	resp, err := c.open(ctx, rq)
	if err != nil {
		return nil, 0, err
	}
	if resp.StatusCode != http.StatusPartialContent {
		sum.Reset()
		from = 0
	} else if want := fmt.Sprintf("bytes %d-%d/%d", from, file.Size-1, file.Size); resp.Header.Get("Content-Range") != want {
		_ = resp.Body.Close() // of no use
		return nil, 0, fmt.Errorf("the server sends another part of the file than %s", want)
	}
	return &verified{body: resp.Body, file: file, sum: sum, left: file.Size - from}, from, nil
}

// OpenRange returns length bytes of a file of a version from offset on, which the caller closes. They are not compared with the file's digest.
func (c *Client) OpenRange(ctx context.Context, p Package, version, path string, offset, length int64) (io.ReadCloser, error) {
	resp, err := c.open(ctx, request{method: http.MethodGet, path: api.Prefix + p.version(version) + "/files" + segments(path),
		header: http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", offset, offset+length-1)}}})
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusPartialContent {
		_ = resp.Body.Close() // of no use
		return nil, fmt.Errorf("the server does not send a part of the file, but %s", resp.Status)
	}
	return resp.Body, nil
}

// verified is the body of an answer that must match a file's description.
type verified struct {
	body io.ReadCloser
	file api.File
	sum  hash.Hash
	left int64
}

func (v *verified) Read(p []byte) (int, error) {
	n, err := v.body.Read(p)
	if v.left -= int64(n); v.left < 0 {
		return n, fmt.Errorf("the server sends more than the %d bytes that it says", v.file.Size)
	}
	v.sum.Write(p[:n]) // never fails
	if err == io.EOF && (v.left > 0 || sha256Prefix+hex.EncodeToString(v.sum.Sum(nil)) != v.file.Digest) {
		err = ErrDigest
	}
	return n, err
}

func (v *verified) Close() error { return v.body.Close() }

// ContentDigest computes the digest of a version from the descriptions of its files: the digest of a single file, else the
// digest of the list of all files, as sha256sum writes it, ordered by path. The digests of the files must be sha256:<hex>.
func ContentDigest(files []api.File) (api.Digest, error) {
	lines := make([]string, len(files))
	for i, f := range files {
		sum, ok := strings.CutPrefix(f.Digest, sha256Prefix)
		if raw, err := hex.DecodeString(sum); !ok || err != nil || len(raw) != sha256.Size || sum != strings.ToLower(sum) {
			return "", fmt.Errorf("%q is no digest of a file", f.Digest)
		}
		lines[i] = sum + "  " + f.Path + "\n"
	}
	if len(files) == 1 {
		return api.Digest(files[0].Digest), nil
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[2*sha256.Size:], b[2*sha256.Size:]) })
	sum := sha256.Sum256([]byte(strings.Join(lines, "")))
	return api.Digest(sha256Prefix + hex.EncodeToString(sum[:])), nil
}
