package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"slipway/metadata"
	"slipway/storage"
)

// Kind classifies a failure; every front-end turns it into its own protocol's answer.
type Kind int

// Kinds of failure.
const (
	Internal           Kind = iota // a fault of the server; the cause is logged, never sent
	Invalid                        // the request can't be understood or breaks a rule
	Unauthenticated                // no credentials, or wrong ones
	Denied                         // the caller is known, but lacks the right
	NotFound                       // absent, or hidden from this caller
	AlreadyExists                  // the name is taken by other content
	Conflict                       // something existing, such as a tombstone or a deployment, forbids the change
	PreconditionFailed             // an If-Match or the like does not hold
	DigestMismatch                 // the bytes are not those announced
	TooLarge                       // over a named limit
	RangeInvalid                   // the requested part of a file does not exist
	BadBody                        // the request's body broke off or could not be read
	NoSpace                        // the disk or a quota is full
	Unavailable                    // try again soon
	TooMany                        // the caller asks too often
	BadUpstream                    // a remote registry gave an answer that can't be used
	Blocked                        // a rule keeps it from every caller, whatever their rights; its cause is a *Refused
)

// Subject says what a failure is about.
type Subject string

// Subjects.
const (
	AboutRepository Subject = "repository"
	AboutPackage    Subject = "package"
	AboutVersion    Subject = "version"
	AboutFile       Subject = "file"
	AboutBlob       Subject = "blob"
	AboutUpload     Subject = "upload"
	AboutTag        Subject = "tag"
	AboutToken      Subject = "token"
	AboutSession    Subject = "session"
	AboutUser       Subject = "user"
	AboutGroup      Subject = "group"
	AboutRole       Subject = "role"
	AboutRequest    Subject = "request"
	AboutInstance   Subject = "instance"
	AboutUpstream   Subject = "upstream"
	AboutClaim      Subject = "claim"
	AboutRule       Subject = "rule"

	AboutEnvironment Subject = "environment"
	AboutService     Subject = "service"
	AboutDeployment  Subject = "deployment"

	AboutSubscription Subject = "subscription"
	AboutDelivery     Subject = "delivery"
	AboutConsumer     Subject = "consumer"
)

// Error is the error that every method of the core returns.
type Error struct {
	Kind       Kind
	Subject    Subject
	Detail     string        // safe to show to the client
	RetryAfter time.Duration // with Unavailable and TooMany
	Err        error         // cause: logged, never sent
}

func (e *Error) Error() string {
	if e.Err == nil {
		return e.Detail
	}
	if e.Detail == "" {
		return e.Err.Error()
	}
	return e.Detail + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is(err, &Error{Kind: k, Subject: s}) compare kind, and subject unless it is empty.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind && (t.Subject == "" || t.Subject == e.Subject)
}

// Errorf makes an Error whose detail the client may see.
func Errorf(k Kind, s Subject, format string, args ...any) *Error {
	return &Error{Kind: k, Subject: s, Detail: fmt.Sprintf(format, args...)}
}

// KindOf returns the kind of err; Internal for an unknown error.
func KindOf(err error) Kind {
	if err == nil {
		return Internal
	}
	return AsError(err).Kind
}

// AsError turns any error into an Error: sentinels of storage and metadata, a broken body, a full disk, or Internal.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			return &Error{Kind: s.kind, Detail: s.detail, RetryAfter: s.retry, Err: err}
		}
	}
	return &Error{Kind: Internal, Detail: "internal error", Err: err}
}

var sentinels = []struct {
	err    error
	kind   Kind
	detail string
	retry  time.Duration
}{
	{storage.ErrNoSpace, NoSpace, "the server's disk is full", 30 * time.Second},
	{metadata.ErrNoSpace, NoSpace, "the server's disk is full", 30 * time.Second},
	{metadata.ErrUnavailable, Unavailable, "the server's database does not answer", 5 * time.Second},
	{storage.ErrUnavailable, Unavailable, "the server's store of files does not answer", 5 * time.Second},
	{storage.ErrMismatch, DigestMismatch, "the bytes do not have the announced digest", 0},
	{storage.ErrTooLarge, TooLarge, "larger than allowed", 0},
	{storage.ErrRange, RangeInvalid, "range not satisfiable", 0},
	{storage.ErrNotExist, NotFound, "not found", 0},
	{metadata.ErrNotExist, NotFound, "not found", 0},
	{metadata.ErrText, Invalid, "a text of the request is not UTF-8, or has a NUL character", 0},
	{metadata.ErrExists, AlreadyExists, "exists already", 0},
	{syscall.EROFS, Unavailable, "the server's disk can't be written", 30 * time.Second},
	{syscall.EMFILE, Unavailable, "the server has no free file descriptors", time.Second},
	{syscall.ENFILE, Unavailable, "the server has no free file descriptors", time.Second},
	{io.ErrUnexpectedEOF, BadBody, "the request's body ended early", 0},
	{context.Canceled, BadBody, "the client went away", 0},
	{context.DeadlineExceeded, Unavailable, "the server took too long", time.Second},
}

// Missing turns a metadata look-up's ErrNotExist into a NotFound about s.
func Missing(err error, s Subject, format string, args ...any) error {
	if errors.Is(err, metadata.ErrNotExist) {
		return &Error{Kind: NotFound, Subject: s, Detail: fmt.Sprintf(format, args...), Err: err}
	}
	return err
}
