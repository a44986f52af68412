package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"

	"slipway/storage"
)

const maxTextBytes = 200

// failure is an error between this process and the server, in words that hold no secret: neither the URL of the request nor
// any text of the server, which may repeat headers. It hides its cause, so that a broken connection to the server is not
// taken for a broken connection of the client.
type failure struct {
	code   string // of S3, when the server has answered
	status int
	text   string
	is     error // storage.ErrNoSpace, storage.ErrUnavailable, or nil
}

func (f *failure) Error() string {
	if f.status != 0 {
		return fmt.Sprintf("the server says %s (HTTP %d)", f.code, f.status)
	}
	return f.text
}

func (f *failure) Unwrap() error { return f.is }

// clean turns an error of minio-go into a failure. A cancellation by the caller stays context.Canceled.
func clean(err error) error {
	var f *failure
	var res minio.ErrorResponse
	var timeout net.Error
	switch {
	case err == nil, errors.As(err, &f):
		return err
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.As(err, &res):
		return &failure{code: clip(codeOnly(res.Code)), status: res.StatusCode, text: clip(codeOnly(res.Code)), is: meaning(res)}
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return &failure{text: "the server took too long", is: errors.Join(storage.ErrUnavailable, context.DeadlineExceeded)}
	default:
		return &failure{text: clip(cause(err)), is: outage(err)}
	}
}

// codeOnly returns code, or a fixed text when code is no error code but a sentence that some proxy wrote.
func codeOnly(code string) string {
	for _, c := range code {
		if !strings.ContainsRune(allowed+" ", c) {
			return "unknown error"
		}
	}
	return code
}

// meaning is the storage error that an answer stands for, after minio-go has retried the answers that may pass.
func meaning(res minio.ErrorResponse) error {
	switch {
	case res.StatusCode == http.StatusInsufficientStorage, res.Code == "XMinioStorageFull", res.Code == "QuotaExceeded":
		return storage.ErrNoSpace
	case res.StatusCode == http.StatusNotImplemented: // retrying later would not help
		return nil
	case res.StatusCode >= http.StatusInternalServerError, res.StatusCode == http.StatusTooManyRequests, slices.Contains(passingCodes, res.Code):
		return storage.ErrUnavailable
	}
	return nil
}

// passingCodes are the codes of passing faults that come with other statuses too: 200 for a copy that failed, 400.
var passingCodes = []string{"InternalError", "SlowDown", "ServiceUnavailable", "RequestTimeout"}

// outage is the storage error of a network failure: the store could not be asked.
func outage(err error) error {
	var request *url.Error
	var network net.Error
	if errors.As(err, &request) || errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errNotMade) {
		return storage.ErrUnavailable
	}
	return nil
}

// cause is the innermost text of a network error, without method and URL.
func cause(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	switch text := err.Error(); {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), strings.Contains(text, "closed by foreign host"):
		return "the server closed the connection"
	default:
		return text
	}
}

func clip(s string) string { return s[:min(len(s), maxTextBytes)] }

// is reports whether err is an answer of the server with one of the codes.
func is(err error, codes ...string) bool {
	code := minio.ToErrorResponse(err).Code
	if f := (*failure)(nil); errors.As(err, &f) {
		code = f.code
	}
	for _, c := range codes {
		if c == code {
			return true
		}
	}
	return false
}

func missing(err error) bool { return is(err, minio.NoSuchKey) }

// wrap says which operation failed.
func wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("s3: %s: %w", op, err)
}

// wrapMissing is wrap where a missing key means that the blob or upload does not exist.
func wrapMissing(op string, err error) error {
	if missing(err) {
		err = storage.ErrNotExist
	}
	return wrap(op, err)
}
