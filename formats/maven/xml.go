package maven

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"slipway/formats"
	"slipway/registry"
)

// Bounds of an XML document of a client (incident S-53).
const (
	maxXMLDepth    = 64
	maxXMLElements = 500_000
	maxXMLText     = 16 << 10 // of one element; further text is ignored
	maxXMLPath     = 256      // of an element that is read
)

// walkXML reads a document and calls visit at the end of each element that is not deeper than the bounds, with its path from
// the root ("project/scm/url") and the text in it, in UTF-8. Namespaces are ignored. Documents with a DTD, with entities other than
// those of HTML, or in an unknown encoding are refused: nothing is ever fetched or expanded. Invalid.
func walkXML(r io.Reader, visit func(path, text string) error) error {
	r, err := utf8Of(r)
	if err != nil {
		return err
	}
	d := xml.NewDecoder(r)
	d.Entity = xml.HTMLEntity
	d.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil } // it is UTF-8 by now
	w := xmlWalk{visit: visit}
	for {
		token, err := d.RawToken()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = w.token(token)
		}
		if err != nil {
			return xmlError(err)
		}
	}
	if len(w.open) > 0 || w.elements == 0 {
		return xmlError(errors.New("it ends early"))
	}
	return nil
}

func xmlError(err error) error {
	var known *registry.Error
	if errors.As(err, &known) {
		return err
	}
	return invalid("the XML can't be read: %s", formats.Clip(strings.ToValidUTF8(err.Error(), "")))
}

type xmlWalk struct {
	visit    func(path, text string) error
	path     []byte
	open     []openElement
	elements int
}

type openElement struct {
	name  string
	above int // length of the path above it
	text  []byte
}

// token handles raw tokens, without the decoder's own stack and namespaces.
func (w *xmlWalk) token(t xml.Token) error {
	switch t := t.(type) {
	case xml.StartElement:
		if w.elements++; w.elements > maxXMLElements {
			return errors.New("it has too many elements")
		}
		switch {
		case len(w.open) == maxXMLDepth:
			return errors.New("it nests too deep")
		case len(w.open) == 0 && w.elements > 1:
			return errors.New("it has two roots")
		}
		w.open = append(w.open, openElement{name: t.Name.Local, above: len(w.path)})
		if len(w.path) > 0 {
			w.path = append(w.path, '/')
		}
		w.path = append(w.path, t.Name.Local...)
	case xml.EndElement:
		n := len(w.open) - 1
		if n < 0 || w.open[n].name != t.Name.Local {
			return errors.New("an element is closed that is not open: " + t.Name.Local)
		}
		e := w.open[n]
		path := w.path
		w.open, w.path = w.open[:n], w.path[:e.above]
		if len(path) > maxXMLPath {
			return nil
		}
		return w.visit(string(path), string(bytes.TrimSpace(e.text)))
	case xml.CharData:
		if n := len(w.open) - 1; n >= 0 && len(w.open[n].text)+len(t) <= maxXMLText {
			w.open[n].text = append(w.open[n].text, t...)
		}
	case xml.Directive:
		return errors.New("a DTD is not allowed")
	}
	return nil
}
