package npm

import (
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// text streams the next value, a string, unescaped. The reader is valid until it returns io.EOF, after the closing quote.
func (s *scanner) text() (io.Reader, error) {
	if err := s.expect('"'); err != nil {
		return nil, err
	}
	return &text{s: s}, nil
}

type text struct {
	s     *scanner
	ready []byte // unescaped, not yet delivered
	buf   [utf8.UTFMax]byte
	err   error
}

func (t *text) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) && t.err == nil {
		if len(t.ready) > 0 {
			m := copy(p[n:], t.ready)
			n, t.ready = n+m, t.ready[m:]
			continue
		}
		w, err := t.s.window()
		if err != nil {
			t.err = readError(err)
			break
		}
		w = w[:min(len(w), len(p)-n)]
		m := plain(w)
		n += copy(p[n:], w[:m])
		t.s.take(m)
		if m < len(w) {
			t.special(w[m])
		}
	}
	if n > 0 {
		return n, nil
	}
	return 0, t.err
}

// special handles the byte that ends a plain part.
func (t *text) special(c byte) {
	switch c {
	case '"':
		t.s.take(1)
		t.err = io.EOF
	case '\\':
		r, err := t.escape()
		if err != nil {
			t.err = err
			return
		}
		t.ready = t.buf[:utf8.EncodeRune(t.buf[:], r)]
	default:
		t.err = malformed("a control character in a string")
	}
}

var escapes = [256]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape takes one escape sequence, or two that make a surrogate pair.
func (t *text) escape() (rune, error) {
	c, err := t.s.r.Peek(2)
	if err != nil {
		return 0, readError(err)
	}
	if r := escapes[c[1]]; r != 0 {
		t.s.take(2)
		return r, nil
	}
	r, err := t.unicode()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	low, err := t.unicode()
	if err != nil {
		return 0, err
	}
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, malformed("half a surrogate pair")
	}
	return r, nil
}

// unicode takes \uXXXX.
func (t *text) unicode() (rune, error) {
	c, err := t.s.r.Peek(6)
	if err != nil {
		return 0, readError(err)
	}
	if c[0] != '\\' || c[1] != 'u' {
		return 0, malformed("an unknown escape sequence")
	}
	r, ok := hexRune(c[2:])
	if !ok {
		return 0, malformed("an unknown escape sequence")
	}
	t.s.take(6)
	return r, nil
}
