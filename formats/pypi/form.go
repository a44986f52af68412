package pypi

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"slipway/formats"
	"slipway/registry"
)

// Bounds of a form beside its file. Wheels with thousands of Requires-Dist make as many parts.
const (
	maxParts      = 50_000
	maxTextBytes  = 32 << 20 // of all parts but the file
	maxValueBytes = 64 << 10 // of a field that is kept
)

// keptFields are the single fields that are used. All others, such as requires_dist, are ignored: the values that installers
// see are read from the archive.
var keptFields = map[string]bool{
	":action": true, "protocol_version": true, "filetype": true, "name": true, "version": true,
	"md5_digest": true, "sha256_digest": true, "blake2_256_digest": true,
}

// form is a legacy upload, read part by part.
type form struct {
	fields map[string]string
	parts  int
	text   int64
	buffer []byte // for copying values
}

const copyBytes = 4 << 10

// aboutAction marks requests to discontinued parts of the legacy API.
const aboutAction registry.Subject = "action"

// readForm reads a multipart body to its end. file is called with the content part and reads it whole; parts may come in any
// order, so only the file's name is known then. Invalid, TooLarge, BadBody, or the error of file.
func readForm(r *http.Request, file func(name string, content io.Reader) error) (*form, error) {
	parts, err := partsOf(r)
	if err != nil {
		return nil, err
	}
	f := &form{fields: map[string]string{}, buffer: make([]byte, copyBytes)}
	seen := false
	for {
		p, err := parts.NextRawPart()
		if err == io.EOF { //nolint:errorlint // only the closing boundary is a bare io.EOF
			break
		}
		if err != nil {
			return nil, formError(err)
		}
		if f.parts++; f.parts > maxParts {
			return nil, registry.Errorf(registry.TooLarge, registry.AboutRequest, "the form has more than %d parts", maxParts)
		}
		kind, params, err := mime.ParseMediaType(p.Header.Get("Content-Disposition"))
		if err != nil || kind != "form-data" {
			return nil, invalid(registry.AboutRequest, "a part of the form has no Content-Disposition with a name")
		}
		if params["name"] != "content" {
			if err := f.take(params["name"], p); err != nil {
				return nil, err
			}
			continue
		}
		if seen {
			return nil, invalid(registry.AboutRequest, "the form has two files in \"content\"; send one file per request")
		}
		seen = true
		if err := file(params["filename"], &partReader{p}); err != nil {
			return nil, err
		}
	}
	if err := f.rest(r.Body); err != nil {
		return nil, err
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	if !seen {
		return nil, invalid(registry.AboutRequest, "the form has no file in \"content\"")
	}
	return f, nil
}

func partsOf(r *http.Request) (*multipart.Reader, error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return nil, invalid(registry.AboutRequest, "an upload is a multipart/form-data body with the distribution file in \"content\"")
	}
	return multipart.NewReader(r.Body, params["boundary"]), nil
}

// rest reads what follows the closing boundary: a request that breaks off there is incomplete too.
func (f *form) rest(body io.Reader) error {
	left := maxTextBytes - f.text
	n, err := io.Copy(io.Discard, io.LimitReader(body, left+1))
	switch {
	case err != nil:
		return formError(err)
	case n > left:
		return registry.Errorf(registry.TooLarge, registry.AboutRequest, "more than %d bytes follow the form", left)
	}
	return nil
}

// take keeps the value of a field, or counts it.
func (f *form) take(name string, p io.Reader) error {
	left := maxTextBytes - f.text
	limit := left
	if keptFields[name] {
		limit = min(left, maxValueBytes)
	}
	var value strings.Builder
	var to io.Writer = io.Discard
	if keptFields[name] {
		to = &value
	}
	n, err := io.CopyBuffer(to, io.LimitReader(p, limit+1), f.buffer)
	f.text += n
	switch {
	case err != nil:
		return formError(err)
	case n > limit:
		return registry.Errorf(registry.TooLarge, registry.AboutRequest, "the form's field %q is larger than %d bytes, or all fields together than %d", formats.Clip(name), limit, maxTextBytes)
	case !keptFields[name]:
		return nil
	}
	text := strings.TrimSpace(value.String())
	if text == "" || text == unknown {
		return nil
	}
	if old, ok := f.fields[name]; ok && old != text {
		return invalid(registry.AboutRequest, "the form has %q twice, with different values", name)
	}
	f.fields[name] = text
	return nil
}

// check refuses a form that is no upload of a file.
func (f *form) check() error {
	switch action := f.fields[":action"]; action {
	case "file_upload":
	case "":
		return invalid(registry.AboutRequest, "the form has no \":action\"; it must be \"file_upload\"")
	default:
		return registry.Errorf(registry.Invalid, aboutAction, "the action %q is not offered: a project comes to be with its first file", formats.Clip(action))
	}
	if v := f.fields["protocol_version"]; v != "" && v != "1" {
		return invalid(registry.AboutRequest, "\"protocol_version\" must be 1, not %q", formats.Clip(v))
	}
	for _, name := range []string{"name", "version"} {
		if f.fields[name] == "" {
			return invalid(registry.AboutRequest, "the form's field %q is missing", name)
		}
	}
	return nil
}

// partReader turns the failures of a body into the core's errors.
type partReader struct{ r io.Reader }

func (p *partReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if err != nil && err != io.EOF { //nolint:errorlint // readers return io.EOF bare
		err = formError(err)
	}
	return n, err
}

// formError distinguishes a body that broke off from one that is no form.
func formError(err error) error {
	var known *registry.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &registry.Error{Kind: registry.BadBody, Subject: registry.AboutRequest, Detail: "the form ended early", Err: err}
	default:
		return &registry.Error{Kind: registry.Invalid, Subject: registry.AboutRequest, Detail: "the body is not a multipart form", Err: err}
	}
}
