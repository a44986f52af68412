package pypi

import (
	"errors"
	"io"
	"net/url"
	"path"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"slipway/formats"
)

// htmlPage is the HTML form while it is read.
type htmlPage struct {
	*pageParser
	based  bool        // a <base> was seen; only the first counts
	marked bool        // something says that this is a page of an index
	opened bool        // <html> or <body>
	closed bool        // the end of one
	link   *listedFile // whose text is being read
	text   strings.Builder
}

// readHTML reads the HTML form. A page without files is one only if it says so: a login page has none either.
func (p *pageParser) readHTML(r io.Reader) error {
	h := &htmlPage{pageParser: p}
	z := html.NewTokenizer(r)
	z.SetMaxBuf(maxValueOfDoc)
	for {
		switch z.Next() {
		case html.ErrorToken:
			switch err := z.Err(); {
			case errors.Is(err, html.ErrBufferExceeded):
				return notPage("a tag of it is too long", err)
			case err != io.EOF: //nolint:errorlint // the end is a bare io.EOF
				return err
			case h.opened && !h.closed, h.link != nil:
				return io.ErrUnexpectedEOF
			case len(p.known) == 0 && p.foreign == 0 && !h.marked:
				return notPage("it has no files", nil)
			}
			return p.checkStatus()
		case html.StartTagToken, html.SelfClosingTagToken:
			if err := h.start(z.Token()); err != nil {
				return err
			}
		case html.EndTagToken:
			if err := h.end(z.Token().DataAtom); err != nil {
				return err
			}
		case html.TextToken:
			text := string(z.Text())
			if strings.Contains(asciiLower(text), "links for") {
				h.marked = true
			}
			if h.link != nil && h.text.Len() < maxFilenameBytes {
				h.text.WriteString(text)
			}
		}
	}
}

func (h *htmlPage) start(t html.Token) error {
	attributes := map[string]string{}
	for _, a := range t.Attr {
		if _, twice := attributes[a.Key]; !twice {
			attributes[a.Key] = a.Val
		}
	}
	switch t.DataAtom {
	case atom.Html, atom.Body:
		h.opened = true
	case atom.Base:
		if base, err := h.base.Parse(attributes["href"]); err == nil && !h.based && attributes["href"] != "" {
			h.base, h.based = base, true
		}
	case atom.Meta:
		h.meta(attributes["name"], attributes["content"])
	case atom.A:
		if err := h.finish(); err != nil { // one that was not closed
			return err
		}
		h.anchor(attributes)
	}
	return nil
}

func (h *htmlPage) meta(name, content string) {
	if name == "pypi:repository-version" || name == "api-version" {
		h.marked = true
	}
	switch name {
	case "pypi:project-status":
		if h.status == nil {
			h.status = &status{}
		}
		h.status.Status = content
	case "pypi:project-status-reason":
		if h.status == nil {
			h.status = &status{}
		}
		h.status.Reason = content
	}
}

// anchor begins a link to a file. Its name is the last part of the address, as for installers; listings shorten the text.
func (h *htmlPage) anchor(attributes map[string]string) {
	address, fragment, ok := formats.Link(h.base, attributes["href"])
	if !ok || attributes["href"] == "" {
		return
	}
	f := &listedFile{url: address, size: -1}
	if u, err := url.Parse(address); err == nil {
		f.name = path.Base(u.Path)
	}
	for part := range strings.SplitSeq(fragment, "&") {
		algorithm, text, _ := strings.Cut(part, "=")
		f.sumOf(algorithm, text)
	}
	f.requires(attributes["data-requires-python"])
	if reason, yanked := attributes["data-yanked"]; yanked {
		f.yank(reason)
	}
	for _, key := range []string{"data-core-metadata", "data-dist-info-metadata"} {
		if text, ok := strings.CutPrefix(attributes[key], "sha256="); ok {
			f.announceMetadata(text)
		}
	}
	h.link = f
}

func (h *htmlPage) end(tag atom.Atom) error {
	switch tag {
	case atom.A:
		return h.finish()
	case atom.Html, atom.Body:
		h.closed = true
		return h.finish()
	}
	return nil
}

// finish adds the file whose link ends.
func (h *htmlPage) finish() error {
	if h.link == nil {
		return nil
	}
	f := *h.link
	if _, err := parseFilename(f.name); err != nil {
		f.name = strings.TrimSpace(h.text.String())
	}
	h.link = nil
	h.text.Reset()
	return h.add(f)
}
