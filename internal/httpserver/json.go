package httpserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"unicode/utf8"

	"slipway/registry"
)

// MaxJSONDepth bounds how deep a client's document may nest.
const MaxJSONDepth = 64

// jsonFactor is how many bytes of memory a byte of JSON costs until its values are used.
const jsonFactor = 4

// JSON writes v as application/json with its exact length. An error is returned before anything is written.
func JSON(w http.ResponseWriter, status int, v any) error {
	body, err := marshal(v)
	if err != nil {
		return err
	}
	writeBody(w, status, "application/json", body)
	return nil
}

// writeJSON writes values of the server's own types, which can always be marshalled.
func writeJSON(w http.ResponseWriter, status int, contentType string, v any) {
	body, err := marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte("{}\n")
	}
	writeBody(w, status, contentType, body)
}

// marshal leaves <, > and & as they are: what is served as JSON is never read as HTML, because of nosniff.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

func writeBody(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client disconnected, so the error can't be reported
}

// DecodeJSON reads a body of at most limit bytes into v: one JSON value, nothing behind it, at most 64 levels deep,
// valid UTF-8. Invalid, TooLarge, BadBody.
func DecodeJSON(r *http.Request, limit int64, v any) error {
	body, err := ReadBody(r, limit, jsonFactor)
	switch {
	case err != nil:
		return bodyError(err)
	case int64(len(body)) > limit:
		return registry.Errorf(registry.TooLarge, registry.AboutRequest, "the body is larger than the limit of %d bytes", limit)
	case len(bytes.TrimSpace(body)) == 0:
		return registry.Errorf(registry.Invalid, registry.AboutRequest, "a JSON body is needed")
	case !utf8.Valid(body):
		return registry.Errorf(registry.Invalid, registry.AboutRequest, "the body is not valid UTF-8")
	case TooDeep(body):
		return registry.Errorf(registry.Invalid, registry.AboutRequest, "the body nests deeper than %d levels", MaxJSONDepth)
	}
	if err := json.Unmarshal(body, v); err != nil {
		var own *registry.Error // of a type with its own UnmarshalJSON rules
		if errors.As(err, &own) {
			return own
		}
		return registry.Errorf(registry.Invalid, registry.AboutRequest, "%s", jsonReason(err))
	}
	return nil
}

// jsonReason describes an error by the client's keys, not by Go types.
func jsonReason(err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return "the body is not valid JSON at byte " + strconv.FormatInt(syntax.Offset, 10)
	case errors.As(err, &kind) && kind.Field != "":
		return "the body's " + strconv.Quote(kind.Field) + " can't be a " + kind.Value
	case errors.As(err, &kind):
		return "the body can't be a " + kind.Value
	default:
		return "the body is not what is expected here: " + err.Error()
	}
}

// TooDeep reports whether a JSON text nests deeper than MaxJSONDepth. It counts brackets outside of strings; the parser
// checks whether they match.
func TooDeep(body []byte) bool {
	depth, quoted, escaped := 0, false, false
	for _, c := range body {
		switch {
		case escaped:
			escaped = false
		case quoted:
			escaped = c == '\\'
			quoted = c != '"'
		case c == '"':
			quoted = true
		case c == '{' || c == '[':
			if depth++; depth > MaxJSONDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
