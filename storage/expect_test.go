package storage_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
)

func TestExpect(t *testing.T) {
	const body = "some bytes"
	want := digest.FromString(body)
	wraps := map[string]func(io.Reader) io.Reader{
		"plain":          func(r io.Reader) io.Reader { return r },
		"one byte":       iotest.OneByteReader,
		"EOF with bytes": iotest.DataErrReader,
	}
	for name, wrap := range wraps {
		if got, err := io.ReadAll(storage.Expect(wrap(strings.NewReader(body)), want)); err != nil || string(got) != body {
			t.Errorf("%s: right bytes: %q, %v", name, got, err)
		}
		if _, err := io.ReadAll(storage.Expect(wrap(strings.NewReader(body+"x")), want)); !errors.Is(err, storage.ErrMismatch) {
			t.Errorf("%s: more bytes: %v, want ErrMismatch", name, err)
		}
		if _, err := io.ReadAll(storage.Expect(wrap(strings.NewReader(body[1:])), want)); !errors.Is(err, storage.ErrMismatch) {
			t.Errorf("%s: fewer bytes: %v, want ErrMismatch", name, err)
		}
	}
	broken := errors.New("broken")
	if _, err := io.ReadAll(storage.Expect(iotest.ErrReader(broken), want)); !errors.Is(err, broken) {
		t.Errorf("error of r: %v, want it unchanged", err)
	}
}
