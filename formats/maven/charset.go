package maven

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"

	"slipway/formats"
	"slipway/internal/lazyregexp"
)

// maxProlog bounds where the encoding of a document is looked for.
const maxProlog = 1024

// starts are the first bytes of documents that tell their encoding, or at least its family (XML 1.0, appendix F). Longer ones are
// first.
var starts = []struct {
	bytes string
	of    encoding.Encoding
}{
	{"\x00\x00\xfe\xff", utf32.UTF32(utf32.BigEndian, utf32.ExpectBOM)},
	{"\xff\xfe\x00\x00", utf32.UTF32(utf32.LittleEndian, utf32.ExpectBOM)},
	{"\xef\xbb\xbf", unicode.UTF8BOM},
	{"\xfe\xff", unicode.UTF16(unicode.BigEndian, unicode.UseBOM)},
	{"\xff\xfe", unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)},
	{"\x00<\x00", unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)},
	{"<\x00", unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)},
}

// ebcdicStart is "<?xm" in every EBCDIC code page.
const ebcdicStart = "\x4c\x6f\xa7\x94"

var declaration = lazyregexp.New(`^\s*<\?xml\s[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._:+-]+)["']`)

// utf8Of decodes a document by its byte order mark or declaration, as Maven does: without either it is UTF-8. What no character
// of its encoding is, or none of XML, becomes U+FFFD. Invalid: the encoding is not known.
func utf8Of(r io.Reader) (io.Reader, error) {
	in := bufio.NewReaderSize(r, maxProlog)
	head, _ := in.Peek(maxProlog) // an error is that of the next read, too
	of, err := encodingOf(head)
	if err != nil {
		return nil, err
	}
	return transform.NewReader(in, transform.Chain(of.NewDecoder(), runes.Map(xmlRune))), nil
}

func encodingOf(head []byte) (encoding.Encoding, error) {
	for _, s := range starts {
		if bytes.HasPrefix(head, []byte(s.bytes)) {
			return s.of, nil
		}
	}
	var family encoding.Encoding = encoding.Nop
	prolog := head
	if bytes.HasPrefix(head, []byte(ebcdicStart)) {
		family = charmap.CodePage037
		prolog, _ = family.NewDecoder().Bytes(head) // every byte is a character
	}
	m := declaration.Get().FindSubmatch(prolog)
	if m == nil {
		return family, nil
	}
	name := string(m[1])
	if of := encodingNamed(name); of != nil {
		return of, nil
	}
	return nil, invalid("the encoding %q is not known here", formats.Clip(name))
}

// javaNames are names of Java that are neither IANA's nor the web's, in lower case.
var javaNames = map[string]string{
	"x-macroman": "macintosh", "macroman": "macintosh", "8859_1": "iso-8859-1", "ms932": "shift_jis", "cp943": "shift_jis", "cp943c": "shift_jis",
	"euc_jp": "euc-jp", "eucjis": "euc-jp", "ms936": "gbk", "x-mswin-936": "gbk", "euc_cn": "gb2312", "euc-cn": "gb2312", "ms949": "euc-kr", "cp949": "euc-kr",
	"x-windows-949": "euc-kr", "euc_kr": "euc-kr", "ksc5601": "euc-kr", "ms950": "big5", "x-windows-950": "big5", "cp950": "big5", "big5_hkscs": "big5",
	"ms874": "windows-874", "x-windows-874": "windows-874", "koi8_r": "koi8-r", "koi8_u": "koi8-u", "ascii7": "us-ascii", "cp1047": "ibm1047", "cp1140": "ibm01140",
}

var javaISO = lazyregexp.New(`^iso_?8859[_-]?([0-9]{1,2})$`)

// encodingNamed returns the encoding with a name of IANA, of the web or of Java; nil: there is none. A declaration that can be
// read byte by byte is not in UTF-16 or UTF-32, whatever it says.
func encodingNamed(name string) encoding.Encoding {
	name = strings.ToLower(name)
	if strings.HasPrefix(name, "utf-16") || strings.HasPrefix(name, "utf-32") || strings.HasPrefix(name, "iso-10646-ucs") {
		return encoding.Nop
	}
	if java, ok := javaNames[name]; ok {
		name = java
	} else if m := javaISO.FindStringSubmatch(name); m != nil {
		name = "iso-8859-" + m[1]
	}
	if of, err := ianaindex.IANA.Encoding(name); err == nil && of != nil {
		return of
	}
	if of, err := htmlindex.Get(name); err == nil {
		return of
	}
	return nil
}

// xmlRune replaces what no XML document may hold (XML 1.0 section 2.2).
func xmlRune(r rune) rune {
	if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
		return utf8.RuneError
	}
	return r
}
