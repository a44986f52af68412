package archive

import (
	"bufio"
	"bytes"
	"io"

	"github.com/klauspost/compress/gzip"
)

// gunzip unpacks gzip members one behind the other, as gzip(1) does: zero bytes behind a member, with which some writers fill
// up their last block, are padding, and end the stream. The package gzip itself takes them for a broken member.
type gunzip struct {
	in     *bufio.Reader
	member gzip.Reader
	padded bool
}

// reset begins to read from in.
func (z *gunzip) reset(in *bufio.Reader) error {
	z.in, z.padded = in, false
	return z.next()
}

// next begins the next member.
func (z *gunzip) next() error {
	err := z.member.Reset(z.in)
	z.member.Multistream(false)
	return err
}

// Read implements io.Reader.
func (z *gunzip) Read(p []byte) (int, error) {
	for !z.padded {
		n, err := z.member.Read(p)
		if n > 0 && err == io.EOF {
			err = nil // the next call finds the end again
		}
		if n > 0 || err != io.EOF {
			return n, err
		}
		behind, err := z.in.Peek(1)
		if err != nil {
			return 0, err // io.EOF after the last member
		}
		if behind[0] == 0 {
			z.padded = true
		} else if err := z.next(); err != nil {
			return 0, err
		}
	}
	return 0, z.padding()
}

// padding reads to the end of the stream, where only zero bytes are allowed. io.EOF.
func (z *gunzip) padding() error {
	for {
		if _, err := z.in.Peek(1); err != nil {
			return err
		}
		rest, _ := z.in.Peek(z.in.Buffered()) // what has been read already
		if len(bytes.Trim(rest, "\x00")) > 0 {
			return Broken("there are bytes behind the end of the compressed file")
		}
		if _, err := z.in.Discard(len(rest)); err != nil {
			return err
		}
	}
}
