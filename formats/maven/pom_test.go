package maven

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"slipway/formats/formatstest"
	"slipway/registry"
)

// TestEncodings: a POM in any encoding that Maven reads is read, and stored as it is. What no character is becomes a replacement
// character in what is taken out of it.
func TestEncodings(t *testing.T) {
	const head = `<?xml version="1.0" encoding="%s"?><project><groupId>com.acme</groupId><artifactId>lib</artifactId><version>1.0</version><name>%s</name></project>`
	for name, c := range map[string]struct {
		of   encoding.Encoding
		text string
	}{
		"GBK": {simplifiedchinese.GBK, "中文"}, "GB2312": {simplifiedchinese.GBK, "中文"}, "GB18030": {simplifiedchinese.GB18030, "中文"}, "Big5": {traditionalchinese.Big5, "中文"},
		"Shift_JIS": {japanese.ShiftJIS, "日本"}, "MS932": {japanese.ShiftJIS, "日本"}, "EUC-JP": {japanese.EUCJP, "日本"}, "EUC-KR": {korean.EUCKR, "한국"}, "ks_c_5601-1987": {korean.EUCKR, "한국"},
		"ISO-8859-9": {charmap.ISO8859_9, "ğ"}, "ISO8859_2": {charmap.ISO8859_2, "ř"}, "latin1": {charmap.ISO8859_1, "ö"}, "windows-1250": {charmap.Windows1250, "ř"}, "Cp1252": {charmap.Windows1252, "€"},
		"MacRoman": {charmap.Macintosh, "ö"}, "x-MacRoman": {charmap.Macintosh, "ö"}, "KOI8-R": {charmap.KOI8R, "Ж"}, "cp866": {charmap.CodePage866, "Ж"}, "IBM850": {charmap.CodePage850, "ö"},
		"Cp1047": {charmap.CodePage1047, "ö"}, "utf8": {encoding.Nop, "ö€"}, "UTF8": {encoding.Nop, "ö€"}, "us-ascii": {encoding.Nop, "o"},
		"UTF-16": {unicode.UTF16(unicode.BigEndian, unicode.UseBOM), "ö€"}, "utf-16": {unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), "ö€"},
		"UTF-16LE": {unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "ö€"}, "UTF-16BE": {unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), "ö€"},
		"UTF-32": {utf32.UTF32(utf32.LittleEndian, utf32.UseBOM), "ö€"}, "utf-8": {unicode.UTF8BOM, "ö€"},
	} {
		raw, err := c.of.NewEncoder().Bytes(fmt.Appendf(nil, head, name, c.text))
		must(t, err)
		if p, err := parsePOM(raw); err != nil || p.Name != c.text || p.Group != "com.acme" {
			t.Errorf("%s: %q %v, want %q", name, p.Name, err, c.text)
		}
	}
	for body, want := range map[string]string{
		"<project><name>M\xf6ller</name></project>":                                      "M\ufffdller",
		"<?xml version='1.0'  encoding = 'UTF-8' ?><project><name>\xff</name></project>": "\ufffd",
		"<project><name>a\x01b</name></project>":                                         "a\ufffdb",
		"<?xml version='1.0' encoding='UTF-16'?><project><name>ö</name></project>":       "ö",
	} {
		if p, err := parsePOM([]byte(body)); err != nil || p.Name != want {
			t.Errorf("%q: %q %v, want %q", body, p.Name, err, want)
		}
	}
	if _, err := parsePOM(fmt.Appendf(nil, head, "no-such-encoding", "x")); registry.KindOf(err) != registry.Invalid {
		t.Errorf("an unknown encoding: %v", err)
	}
	e := newEnv(t, Options{})
	raw, err := simplifiedchinese.GBK.NewEncoder().String(fmt.Sprintf(head, "GBK", "中文"))
	must(t, err)
	e.put(formatstest.Admin, "com/acme/lib/1.0/lib-1.0.pom", raw, 201)
	e.put(formatstest.Admin, "com/acme/lib/maven-metadata.xml", versionsOf("lib", "1.0"), 201)
	if res := e.get(formatstest.Admin, "com/acme/lib/1.0/lib-1.0.pom", 200); string(res.Body) != raw {
		t.Errorf("stored as %q", res.Body)
	}
}

// TestPOMRule is M11: what is refused by default may be taken, with a warning or without.
func TestPOMRule(t *testing.T) {
	e := newEnv(t, Options{})
	bad := map[string]string{
		"differs": strings.Replace(pomOf("differs", "1.0", ""), "com.acme", "org.acme", 1),
		"maven1":  "<project><pomVersion>3</pomVersion><id>acme:maven1</id><currentVersion>1.0</currentVersion></project>",
		"broken":  "<project><groupId>com.acme</groupId>", "doctype": "<!DOCTYPE project><project/>", "none": "not XML",
	}
	for rule, warns := range map[string]bool{pomStrict: false, pomWarn: true, pomOff: false} {
		e.Set(map[string]any{"maven_pom": rule})
		for name, body := range bad {
			pom := "com/acme/" + rule + "-" + name + "/1.0/" + rule + "-" + name + "-1.0.pom"
			if rule == pomStrict {
				e.put(formatstest.Admin, pom, body, 400)
				continue
			}
			res := e.put(formatstest.Admin, pom, body, 201)
			if got := res.Header.Get("Warning"); strings.HasPrefix(got, `299 - "`) != warns {
				t.Errorf("%s %s: warning %q", rule, name, got)
			}
			e.put(formatstest.Admin, strings.TrimSuffix(pom, "pom")+"jar", "bytes", 201)
			e.put(formatstest.Admin, "com/acme/"+rule+"-"+name+"/maven-metadata.xml", versionsOf(rule+"-"+name, "1.0"), 201)
			if res := e.get(e.reader(), pom, 200); string(res.Body) != body {
				t.Errorf("%s %s is served as %q", rule, name, res.Body)
			}
		}
	}
	for value, status := range map[string]int{`"nothing"`: 400, `true`: 400, `"strict"`: 200, `"warn"`: 200, `"off"`: 200} {
		res := e.do(formatstest.Admin, http.MethodPatch, "/api/v1/repositories/main", `{"settings":{"maven_pom":`+value+`}}`)
		e.want(res, value, status, map[int]string{400: "maven_pom", 200: `"maven_pom":` + value}[status])
	}
	e.MustFsck(t)
}
