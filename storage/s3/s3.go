// Package s3 is the storage backend over a bucket of an S3 server. Below the prefix of the URL lie
//
//	blobs/sha256/ab/abcd…        a blob, named by the hex of its digest
//	uploads/<id>/tail            an unfinished upload: its last bytes, and which parts stand before them
//	uploads/<id>/part-…          a part of an upload
//	uploads/<id>/assembly-…      a multipart upload that makes a blob of parts, to be aborted unless it is completed
//	ready                        the probe
//
// so a bucket can be read and checked without the database. A blob appears whole, by the one request that makes its object:
// a PUT, a copy, or the completion of a multipart upload. Any number of processes may use one bucket; a process that loses
// a race for an upload gets an error. All state between requests lies in the bucket, not in memory.
package s3

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/opencontainers/go-digest"

	"slipway/storage"
)

const (
	// partBytes is the size of an upload's parts, which wait in a file. S3 wants at least 5 MiB and takes 10,000 parts: an
	// upload ends at 156 GiB. Larger parts make the tail dearer, which every Append reads and writes again; with smaller
	// parts a layer needs more copies.
	partBytes = 16 << 20
	// singleBytes is what Put sends in one request. Above it, parts go in parallel and fail one by one.
	singleBytes = 256 << 20
	// putPartBytes is the size of Put's parts, which are read from a file: a blob ends at 625 GiB.
	putPartBytes = 64 << 20
	maxParts     = 10_000
	parallel     = 4 // requests of one Put or Finish at a time

	maxRetries  = 8 // with minio-go's pauses about 4 s
	openTimeout = 20 * time.Second
	keepTimeout = time.Minute // for storing the bytes that arrived before the client disconnected
	nonceBytes  = 8
	readyName   = "ready"
)

// ErrNoBucket says that the bucket of a URL does not exist.
var ErrNoBucket = errors.New("does not exist: make it, or add create=true to the URL")

// Store keeps blobs and uploads in a bucket. It implements storage.Store, storage.Grower and storage.Presigner.
type Store struct {
	api      *minio.Core
	bucket   string
	prefix   string // "" or ends in a slash
	spoolDir string
	conns    *http.Transport
	apart    *apart
	late     struct {
		sync.Mutex
		refused bool // the server is known to refuse what comes too late
	}

	states states
	// unconditional is set once the server has refused a conditional PUT as not implemented.
	unconditional atomic.Bool

	partBytes, singleBytes, putPartBytes int64
}

var (
	_ storage.Store     = (*Store)(nil)
	_ storage.Grower    = (*Store)(nil)
	_ storage.Presigner = (*Store)(nil)
	_ storage.Fencer    = (*Store)(nil)
	_ storage.Sharer    = (*Store)(nil)
)

// New opens the bucket; Parse makes the options of a URL. The error, for example ErrNoBucket, says in one line what is
// wrong, and holds no secret.
func New(ctx context.Context, o Options) (*Store, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("s3: %w", err)
	}
	host, secure := o.host()
	creds := o.credentials()
	transport, ahead := newTransport(), &apart{}
	api, err := minio.NewCore(host, &minio.Options{
		Creds: creds, Secure: secure, Region: o.Region, BucketLookup: o.lookup(), Transport: attempts{transport, ahead}, MaxRetries: maxRetries,
	})
	if err != nil {
		return nil, fmt.Errorf("s3: endpoint: %w", clean(err))
	}
	s := &Store{
		api: api, bucket: o.Bucket, prefix: o.Prefix, spoolDir: o.Spool, conns: transport, apart: ahead,
		partBytes: partBytes, singleBytes: singleBytes, putPartBytes: putPartBytes,
	}
	if s.prefix != "" {
		s.prefix += "/"
	}
	err = s.open(ctx, creds, o)
	if err == nil && !o.Attached { // after the bucket: when the bucket can't be opened, no folder is made
		if err = openSpool(o.Spool); err != nil {
			err = fmt.Errorf("s3: spool: %w", err)
		}
	}
	if err != nil {
		transport.CloseIdleConnections()
		return nil, err
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, creds *credentials.Credentials, o Options) error {
	cc := s.api.CredContext()
	cc.Context = ctx
	if v, err := creds.GetWithContext(cc); err != nil || v.AccessKeyID == "" || v.SecretAccessKey == "" {
		return errors.New("s3: no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or another source of AWS credentials")
	}
	err := s.look(ctx)
	if is(err, minio.NoSuchBucket) {
		if !o.Create {
			return fmt.Errorf("s3: bucket %q at %s %w", s.bucket, s.api.EndpointURL().Host, ErrNoBucket)
		}
		err = s.api.MakeBucket(ctx, s.bucket, minio.MakeBucketOptions{Region: o.Region})
		if is(err, minio.BucketAlreadyOwnedByYou) { // another replica was faster
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("s3: bucket %q at %s: %w", s.bucket, s.api.EndpointURL().Host, clean(err))
	}
	return nil
}

// look lists at most one key: unlike the answer to a HEAD, the server's answer says what is wrong.
func (s *Store) look(ctx context.Context) error {
	for _, err := range s.list(ctx, s.prefix+readyName, "") {
		return err
	}
	return nil
}

// Close lets go of idle connections; unfinished uploads stay.
func (s *Store) Close() error {
	s.conns.CloseIdleConnections()
	return nil
}

// blobKey is the key of a blob's object; false: d is no sha256 digest.
func (s *Store) blobKey(d digest.Digest) (string, bool) {
	hex, ok := storage.Hex(d)
	if !ok {
		return "", false
	}
	return s.blobsPrefix() + hex[:2] + "/" + hex, true
}

func (s *Store) blobsPrefix() string { return s.prefix + "blobs/sha256/" }

func (s *Store) uploadsPrefix() string { return s.prefix + "uploads/" }

// blobOf is the reverse of blobKey.
func (s *Store) blobOf(key string) (digest.Digest, bool) {
	rest, ok := strings.CutPrefix(key, s.blobsPrefix())
	if !ok || len(rest) < 3 {
		return "", false
	}
	d := digest.NewDigestFromEncoded(digest.SHA256, rest[3:])
	want, ok := s.blobKey(d)
	return d, ok && want == key
}

func nonce() string {
	var b [nonceBytes]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
