package formatstest

import (
	"context"
	"testing"

	"slipway/internal/httpserver"
	"slipway/registry/registrytest"
	"slipway/storage/s3"
	"slipway/storage/s3/s3test"
)

// Stores runs a test over files and over a real S3 server.
func Stores(t *testing.T, run func(t *testing.T, o Options)) {
	t.Run("local", func(t *testing.T) { run(t, Options{Local: true}) })
	t.Run("s3", func(t *testing.T) { run(t, OnS3(t)) })
}

// Downloads is Stores, and once more over the S3 server with every download redirected to it: for tests of clients.
func Downloads(t *testing.T, run func(t *testing.T, o Options)) {
	Stores(t, run)
	redirected(t, run)
}

// Answers runs a test with both kinds of answers to a download that a client can tell apart: the bytes themselves, over files, and
// a redirection to a real S3 server.
func Answers(t *testing.T, run func(t *testing.T, o Options)) {
	t.Run("local", func(t *testing.T) { run(t, Options{Local: true}) })
	redirected(t, run)
}

func redirected(t *testing.T, run func(t *testing.T, o Options)) {
	t.Run("s3 redirect", func(t *testing.T) {
		o := OnS3(t)
		o.Site = httpserver.Options{RedirectBytes: 1}
		run(t, o)
	})
}

// OnS3 are the options of a server whose bytes are in a bucket of the test's own, on a real S3 server.
func OnS3(t testing.TB) Options {
	t.Helper()
	blobs, err := s3.New(context.Background(), s3test.Options(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = blobs.Close() })
	return Options{Core: []registrytest.Option{registrytest.WithBlobs(blobs)}}
}
