package npm

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"sync"
	"unicode/utf8"

	"slipway/formats"
	"slipway/registry"
)

// Bounds of a document that a client sends, beside its tarball.
const (
	maxMetadataBytes  = 16 << 20  // kept in memory
	freeMetadataBytes = 512 << 10 // that every document may keep
	metadataFactor    = 3         // bytes of memory that a kept byte costs; measured
	maxKeyBytes       = 64 << 10  // one key, as it was sent
	maxDepth          = 128       // nesting
	scanBufferBytes   = 64 << 10
)

// scanner reads one JSON document from a stream, value by value: the caller walks down the objects it knows, and decides for
// each value whether to keep, skip or stream it. Only kept values are in memory. encoding/json can't do it: a string is one
// token there, so a tarball of 300 MB would be a gigabyte in memory.
type scanner struct {
	r    *bufio.Reader
	left int          // bytes that may still be kept
	hold func() error // called before more than freeMetadataBytes are kept; nil: it was called
}

// scanBuffers are reused from one document to the next.
var scanBuffers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, scanBufferBytes) }}

// newScanner returns a scanner whose buffer is reused once it is put back.
func newScanner(r io.Reader) *scanner {
	s := &scanner{r: scanBuffers.Get().(*bufio.Reader), left: maxMetadataBytes}
	s.r.Reset(r)
	if h, ok := r.(interface{ Hold() error }); ok {
		s.hold = h.Hold
	}
	return s
}

func (s *scanner) putBack() {
	s.r.Reset(nil) // lets go of the stream
	scanBuffers.Put(s.r)
}

// malformedText begins the text of an error of a scanner.
const malformedText = "the request's body is not a valid JSON document: "

func malformed(format string, args ...any) error {
	return registry.Errorf(registry.Invalid, registry.AboutRequest, malformedText+format, args...)
}

// readError is the error for a stream that ended too early.
func readError(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// window returns the buffered bytes, at least one. io.EOF at the end of the stream.
func (s *scanner) window() ([]byte, error) {
	if s.r.Buffered() == 0 {
		if _, err := s.r.Peek(1); err != nil {
			return nil, err
		}
	}
	return s.r.Peek(s.r.Buffered())
}

// take moves past n bytes of the window.
func (s *scanner) take(n int) { _, _ = s.r.Discard(n) } // they are buffered

// next returns the first byte of the next token without taking it.
func (s *scanner) next() (byte, error) {
	for {
		w, err := s.window()
		if err != nil {
			return 0, err
		}
		for i, c := range w {
			if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
				s.take(i)
				return c, nil
			}
		}
		s.take(len(w))
	}
}

// expect takes one structural byte.
func (s *scanner) expect(want byte) error {
	c, err := s.next()
	if err != nil {
		return readError(err)
	}
	if c != want {
		return malformed("%q where %q belongs", c, want)
	}
	s.take(1)
	return nil
}

// end checks that nothing follows the document.
func (s *scanner) end() error {
	c, err := s.next()
	if err == io.EOF {
		return nil
	}
	if err != nil {
		return err
	}
	return malformed("%q behind its end", c)
}

// object walks over the members of an object; fn consumes the value of each.
func (s *scanner) object(fn func(key string) error) error {
	if err := s.expect('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		c, err := s.next()
		switch {
		case err != nil:
			return readError(err)
		case c == '}':
			s.take(1)
			return nil
		case !first:
			if err := s.expect(','); err != nil {
				return err
			}
		}
		key, err := s.key()
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		if err := fn(key); err != nil {
			return err
		}
	}
}

// key takes the key of a member.
func (s *scanner) key() (string, error) {
	raw, err := s.near()
	if raw == nil && err == nil {
		raw, err = s.keepLong()
	}
	if err != nil {
		return "", err
	}
	if len(raw) > maxKeyBytes {
		return "", registry.Errorf(registry.TooLarge, registry.AboutRequest, "a key of the document is longer than %d bytes", maxKeyBytes)
	}
	key, ok := unquoted(raw)
	if !ok {
		return "", malformed("a key must be a string")
	}
	return key, nil
}

// isObject reports whether the next value is an object.
func (s *scanner) isObject() (bool, error) {
	c, err := s.next()
	return c == '{', readError(err)
}

// keep returns the next value as it was sent; it is valid JSON and valid UTF-8. TooLarge when the kept values of the document
// exceed maxMetadataBytes.
func (s *scanner) keep() (json.RawMessage, error) {
	raw, err := s.near()
	if raw == nil && err == nil {
		return s.keepLong()
	}
	return bytes.Clone(raw), err
}

// near takes the next value if all of it is in the window and keep would accept it; nil if not. The bytes are valid until the
// next read.
func (s *scanner) near() (json.RawMessage, error) {
	if _, err := s.next(); err != nil {
		return nil, readError(err)
	}
	w, err := s.window()
	if err != nil {
		return nil, err
	}
	end := (&syntax{text: w}).value(0, maxDepth)
	// A number or a word at the end of the window may continue after it.
	if end < 0 || end == len(w) || end > s.left || !utf8.Valid(w[:end]) {
		return nil, nil
	}
	if err := s.wait(end); err != nil {
		return nil, err
	}
	s.left -= end
	s.take(end)
	return w[:end], nil
}

// wait sees to it that there is memory for n more kept bytes.
func (s *scanner) wait(n int) error {
	if s.hold == nil || maxMetadataBytes-s.left+n <= freeMetadataBytes {
		return nil
	}
	hold := s.hold
	s.hold = nil
	return hold()
}

// keepLong is keep for values of every length, with an error for invalid ones.
func (s *scanner) keepLong() (json.RawMessage, error) {
	var dst []byte
	err := s.value(func(p []byte) error {
		if err := s.wait(len(p)); err != nil {
			return err
		}
		if s.left -= len(p); s.left < 0 {
			return registry.Errorf(registry.TooLarge, registry.AboutRequest, "the metadata of the package is larger than %d bytes", maxMetadataBytes)
		}
		dst = append(dst, p...)
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case !utf8.Valid(dst):
		return nil, malformed("it is not UTF-8")
	case !json.Valid(dst):
		return nil, malformed("%s", formats.Clip(string(dst)))
	}
	return dst, nil
}

// skip moves past the next value without checking it.
func (s *scanner) skip() error { return s.value(func([]byte) error { return nil }) }

// value passes the bytes of the next value to fn, piece by piece. It follows strings and brackets only: a caller that keeps
// the value must check that it is valid JSON.
func (s *scanner) value(fn func([]byte) error) error {
	if _, err := s.next(); err != nil {
		return readError(err)
	}
	v := valueState{}
	for {
		w, err := s.window()
		if err == io.EOF && v.scalar && v.depth == 0 && !v.quoted {
			return nil
		}
		if err != nil {
			return readError(err)
		}
		n, done, err := v.walk(w)
		if err != nil {
			return err
		}
		err = fn(w[:n])
		s.take(n)
		if err != nil || done {
			return err
		}
	}
}

// valueState is the state of a walk through a value.
type valueState struct {
	depth           int
	quoted, escaped bool
	scalar          bool // in a number or a word
}

// walk returns how much of p belongs to the value, and whether the value ends there.
func (v *valueState) walk(p []byte) (n int, done bool, err error) {
	for i := 0; i < len(p); i++ {
		if v.quoted {
			switch {
			case v.escaped:
				v.escaped = false
			case p[i] == '\\':
				v.escaped = true
			case p[i] == '"':
				v.quoted = false
				if v.depth == 0 {
					return i + 1, true, nil
				}
			default:
				i += max(plain(p[i:]), 1) - 1
			}
			continue
		}
		switch p[i] {
		case '"':
			v.quoted = true
		case '{', '[':
			if v.depth++; v.depth > maxDepth {
				return 0, false, malformed("it nests deeper than %d levels", maxDepth)
			}
		case '}', ']':
			if v.depth == 0 {
				return i, true, v.ended()
			}
			if v.depth--; v.depth == 0 {
				return i + 1, true, nil
			}
		case ',', ':', ' ', '\t', '\n', '\r':
			if v.depth == 0 {
				return i, true, v.ended()
			}
		default:
			v.scalar = v.scalar || v.depth == 0
		}
	}
	return len(p), false, nil
}

// ended is called where a delimiter ends a value without brackets or quotes: there must have been one.
func (v *valueState) ended() error {
	if !v.scalar {
		return malformed("a value is missing")
	}
	return nil
}
