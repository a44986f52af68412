package wire

import (
	"bufio"
	"errors"
	"net/http"

	"slipway/registry"
)

// JSONLines is the media type of bodies of which every line is a JSON object.
const JSONLines = "application/jsonl"

// maxLineBytes bounds one line.
const maxLineBytes = 256 << 10

// Lines reads a body of at most limit bytes of which every line is a JSON object, into values of a type. Empty lines are left out.
// Invalid, TooLarge, BadBody.
func Lines[T any](r *http.Request, limit int64, most int) ([]T, error) {
	var out []T
	in := bufio.NewScanner(http.MaxBytesReader(nil, r.Body, limit))
	in.Buffer(nil, maxLineBytes)
	for n := 1; in.Scan(); n++ {
		if len(in.Bytes()) == 0 {
			continue
		}
		var v T
		if err := DecodeObject(in.Bytes(), &v); err != nil {
			return nil, Invalid("line %d: %s", n, registry.AsError(err).Detail)
		}
		if len(out) == most {
			return nil, registry.Errorf(registry.TooLarge, registry.AboutRequest, "the body has more than %d lines; send it in parts", most)
		}
		out = append(out, v)
	}
	var large *http.MaxBytesError
	switch err := in.Err(); {
	case errors.As(err, &large):
		return nil, registry.Errorf(registry.TooLarge, registry.AboutRequest, "the body is larger than the limit of %d bytes; send it in parts", limit)
	case errors.Is(err, bufio.ErrTooLong):
		return nil, Invalid("a line is longer than %d bytes", maxLineBytes)
	default:
		return out, err
	}
}
