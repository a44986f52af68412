package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/minio/minio-go/v7"
)

const (
	maxTries    = 8
	triesPause  = 5 * time.Millisecond // at most, doubled with each try
	conflictNow = "ConditionalRequestConflict"
)

// errNotMade says that the server reported an error after it had sent the status 200, as happens with copies; minio-go
// misses it.
var errNotMade = errors.New("the server has not made the copy")

func made(etag string, err error) error {
	if err == nil && etag == "" {
		return errNotMade
	}
	return err
}

// persist repeats a request, which must be harmless to repeat, where minio-go does not: when the answer broke off, when it
// held an error despite its status 200, and at 409. A 409 means that another request for the same key is under way or, on
// servers whose keys are file paths, that a delete is just removing the directory.
func persist(ctx context.Context, request func() error) error {
	for try := 1; ; try++ {
		err := request()
		if err == nil || ctx.Err() != nil || !passing(err) || try == maxTries {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(rand.N(triesPause << try)):
		}
	}
}

func passing(err error) bool {
	var sent *url.Error // minio-go has repeated that
	var syntax *xml.SyntaxError
	return minio.ToErrorResponse(err).StatusCode == http.StatusConflict || errors.Is(err, errNotMade) ||
		!errors.As(err, &sent) && (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.As(err, &syntax))
}
