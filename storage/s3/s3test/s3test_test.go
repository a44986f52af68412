package s3test

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestTaken: another server that got the port first is not taken for the server that was started on it.
func TestTaken(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	if err := await(other.URL); err == nil {
		t.Error("another server is taken for the S3 server")
	}
	url := Server(t)
	if err := await(url); err != nil {
		t.Error(err)
	}
	if err := ours(url, t.TempDir()); err == nil {
		t.Error("another process's S3 server is taken for our own")
	}
}
