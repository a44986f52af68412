package formats

import "bytes"

// pageStarts are how an HTML page begins, in lower case.
var pageStarts = [][]byte{[]byte("<!doctype html"), []byte("<html"), []byte("<head"), []byte("<body"), []byte("<script"), []byte("<title")}

// IsHTML reports whether bytes begin an HTML page, XHTML too, as the login page of a proxy does that comes in place of a file.
func IsHTML(head []byte) bool {
	head = bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	for {
		head = bytes.TrimLeft(head, " \t\r\n\f\x00")
		rest, found := cutMarkup(head, "<!--", "-->")
		if !found {
			rest, found = cutMarkup(head, "<?", "?>")
		}
		if !found {
			break
		}
		head = rest
	}
	for _, start := range pageStarts {
		if len(head) > len(start) && bytes.EqualFold(head[:len(start)], start) && bytes.IndexByte([]byte(" \t\r\n/>"), head[len(start)]) >= 0 {
			return true
		}
	}
	return false
}

// cutMarkup returns what follows a comment or a processing instruction that b begins with; found is false where there is none, or it
// does not end.
func cutMarkup(b []byte, begin, end string) (rest []byte, found bool) {
	inner, ok := bytes.CutPrefix(b, []byte(begin))
	if !ok {
		return b, false
	}
	_, rest, found = bytes.Cut(inner, []byte(end))
	return rest, found
}
