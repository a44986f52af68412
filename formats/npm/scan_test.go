package npm

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"slipway/registry"
)

// collect reads a document and keeps what the attachments held, unescaped.
func collect(r io.Reader) (document, map[string]string, error) {
	got := map[string]string{}
	doc, err := readDocument(r, func(name string, data io.Reader) error {
		b, err := io.ReadAll(data)
		got[name] = string(b)
		return err
	})
	return doc, got, err
}

func TestReadDocument(t *testing.T) {
	bundle := `{"a":"\"ü😀\\"}`
	p := pub{name: "@acme/web", version: "1.0.0", tarball: []byte("tarball \xff\x00"), bundle: bundle, extra: map[string]any{"readme": "# hi"}}
	for name, order := range map[string][]string{
		"npm":  {"_id", "name", "dist-tags", "versions", "access", "readme", "_attachments"},
		"Yarn": {"_id", "_attachments", "name", "access", "dist-tags", "versions", "readme"},
	} {
		p.order = order
		for what, body := range map[string][]byte{"plain": p.body(t), "escaped": escapeAll(p.body(t)), "spaced": indented(t, p.body(t))} {
			for how, r := range map[string]io.Reader{
				"whole": bytes.NewReader(body), "bytewise": iotest.OneByteReader(bytes.NewReader(body)), "with EOF": iotest.DataErrReader(bytes.NewReader(body)),
			} {
				doc, got, err := collect(r)
				if err != nil {
					t.Fatalf("%s %s %s: %v", name, what, how, err)
				}
				if s := got["@acme/web-1.0.0.tgz"]; s != base64.StdEncoding.EncodeToString(p.tarball) {
					t.Errorf("%s %s %s: tarball %q", name, what, how, s)
				}
				if s := got["@acme/web-1.0.0.sigstore"]; s != bundle {
					t.Errorf("%s %s %s: bundle %q, want %q", name, what, how, s, bundle)
				}
				if len(doc.versions) != 1 || doc.versions[0].name != "1.0.0" || doc.versions[0].manifest.text("name") != "@acme/web" {
					t.Errorf("%s %s %s: versions %+v", name, what, how, doc.versions)
				}
				if readme, err := doc.text("readme"); readme != "# hi" || err != nil {
					t.Errorf("%s %s %s: readme %q %v", name, what, how, readme, err)
				}
				if len(doc.attachments) != 2 || *doc.attachments[0].length == 0 {
					t.Errorf("%s %s %s: attachments %+v", name, what, how, doc.attachments)
				}
			}
		}
	}
}

// escapeAll writes every character of every string as an escape sequence, where JSON allows it.
func escapeAll(body []byte) []byte {
	var out bytes.Buffer
	quoted := false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case c == '"':
			quoted = !quoted
			out.WriteByte(c)
		case quoted && c == '\\':
			out.Write(body[i : i+2])
			i++
		case quoted && c < 0x80 && c%3 == 0:
			fmt.Fprintf(&out, `\u%04x`, c)
		case quoted && c == '/':
			out.WriteString(`\/`)
		case quoted && bytes.HasPrefix(body[i:], []byte("😀")):
			out.WriteString(`\uD83D\ude00`)
			i += len("😀") - 1
		default:
			out.WriteByte(c)
		}
	}
	return out.Bytes()
}

func indented(t *testing.T, body []byte) []byte {
	var b bytes.Buffer
	must(t, json.Indent(&b, body, "\r\n", "\t "))
	return b.Bytes()
}

func compacted(t *testing.T, raw []byte) []byte {
	var b bytes.Buffer
	must(t, json.Compact(&b, raw))
	return b.Bytes()
}

func TestReadDocumentRefuses(t *testing.T) {
	for body, kind := range map[string]registry.Kind{
		``:                                       registry.BadBody,
		`{`:                                      registry.BadBody,
		`{"_attachments":{"a.tgz":{"data":"AAAA`: registry.BadBody,
		`[]`:                                     registry.Invalid,
		`{} {}`:                                  registry.Invalid,
		`{"name":"a"}x`:                          registry.Invalid,
		`{"name":}`:                              registry.Invalid,
		`{"name" "a"}`:                           registry.Invalid,
		`{"name":"a",}`:                          registry.Invalid,
		`{name:"a"}`:                             registry.Invalid,
		`{1:"a"}`:                                registry.Invalid,
		`{"name":"a" "_id":"b"}`:                 registry.Invalid,
		`{"name":nul}`:                           registry.Invalid,
		`{"name":"\x"}`:                          registry.Invalid,
		"{\"name\":\"\xff\"}":                    registry.Invalid,
		`{"name":"a","name":"b"}`:                registry.Invalid,
		`{"versions":{"1.0.0":{},"1.0.0":{}}}`:   registry.Invalid,
		`{"versions":{"1.0.0":{},"1.0.1":3}}`:    registry.Invalid,
		`{"versions":[]}`:                        registry.Invalid,
		`{"_attachments":{"a.tgz":"x"}}`:         registry.Invalid,
		`{"_attachments":{"a.tgz":{"data":3}}}`:  registry.Invalid,
		`{"_attachments":{"a.tgz":{"data":"a","data":"b"}}}`:       registry.Invalid,
		`{"_attachments":{"a.tgz":{"length":"3"}}}`:                registry.Invalid,
		`{"_attachments":{"a":{},"b":{},"c":{}}}`:                  registry.Invalid,
		`{"_attachments":{"a":{}},"_attachments":{"b":{}}}`:        registry.Invalid,
		"{\"_attachments\":{\"a.tgz\":{\"data\":\"a\nb\"}}}":       registry.Invalid,
		`{"_attachments":{"a.tgz":{"data":"\ud800xxxxxx"}}}`:       registry.Invalid,
		`{"_attachments":{"a.tgz":{"data":"\ud800\u0041"}}}`:       registry.Invalid,
		`{"_attachments":{"a.tgz":{"data":"\u00g0"}}}`:             registry.Invalid,
		`{"name":"` + strings.Repeat("a", maxMetadataBytes) + `"}`: registry.TooLarge,
		`{"` + strings.Repeat("a", maxKeyBytes) + `":1}`:           registry.TooLarge,
	} {
		_, _, err := collect(strings.NewReader(body))
		if got := registry.KindOf(err); err == nil || got != kind {
			t.Errorf("%.60q: %v, want kind %d", body, err, kind)
		}
	}
}

// TestReadDocumentNull: CouchDB documents may carry an empty or null _attachments.
func TestReadDocumentNull(t *testing.T) {
	for _, body := range []string{`{"_attachments":null}`, `{"_attachments":{}}`, ` {} `} {
		if doc, _, err := collect(strings.NewReader(body)); err != nil || len(doc.attachments) != 0 {
			t.Errorf("%s: %+v %v", body, doc, err)
		}
	}
}

// TestDepth: a million levels are refused after a few bytes, wherever they stand.
func TestDepth(t *testing.T) {
	deep := strings.Repeat("[", 1_000_000)
	for _, prefix := range []string{`{"name":`, `{"other":`, `{"versions":{"1.0.0":`, `{"versions":{"1.0.0":{},"1.0.1":{"x":`, `{"_attachments":{"a.tgz":{"x":`} {
		r := strings.NewReader(prefix + deep)
		_, _, err := collect(r)
		if registry.KindOf(err) != registry.Invalid || !strings.Contains(err.Error(), "levels") {
			t.Errorf("%s: %v", prefix, err)
		}
		if r.Len() < len(deep)-4*scanBufferBytes {
			t.Errorf("%s: read on to %d bytes before the end", prefix, r.Len())
		}
	}
}

// TestManyVersions: of a whole packument that a deprecation sends back, only the texts are kept.
func TestManyVersions(t *testing.T) {
	filler := strings.Repeat("x", 20_000)
	r, w := io.Pipe()
	go func() {
		fmt.Fprint(w, `{"_id":"web","versions":{`)
		for i := range 3000 {
			if i > 0 {
				fmt.Fprint(w, ",")
			}
			fmt.Fprintf(w, `"1.0.%d":{"name":"web","filler":"%s","deprecated":"old %d","z":[{"deprecated":"no"}]}`, i, filler, i)
		}
		fmt.Fprint(w, `},"_rev":"7-x"}`)
		_ = w.Close()
	}()
	doc, _, err := collect(r)
	if err != nil {
		t.Fatal(err)
	}
	if len(doc.versions) != 3000 {
		t.Fatalf("%d versions", len(doc.versions))
	}
	for i, v := range doc.versions {
		if want := fmt.Sprintf("old %d", i); deprecatedText(v.deprecated) != want || (v.manifest != nil) != (i == 0) {
			t.Fatalf("version %d: %s", i, v.deprecated)
		}
	}
	if rev, _ := doc.text("_rev"); rev != "7-x" {
		t.Errorf("_rev %q", rev)
	}
}

func TestBase64(t *testing.T) {
	for n := range 200 {
		want := bytes.Repeat([]byte{byte(n), 0xfe}, n)
		text := base64.StdEncoding.EncodeToString(want)
		for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), iotest.DataErrReader(strings.NewReader(text))} {
			if got, err := io.ReadAll(newBase64Reader(r)); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%d: %v", n, err)
			}
		}
	}
	big := bytes.Repeat([]byte("0123456789"), 100_000)
	if got, err := io.ReadAll(newBase64Reader(strings.NewReader(base64.StdEncoding.EncodeToString(big)))); err != nil || !bytes.Equal(got, big) {
		t.Fatal(err)
	}
	for _, text := range []string{"A", "AA", "AAA", "AAAA=", "AA==AAAA", "AAAA\nAAAA", "AAAA\r\n\r\n", "AAAA AAAA", "AA-_", "AAA*", "====", "AAAAA", "AB==", "AA==\n\n\n\n"} {
		if got, err := io.ReadAll(newBase64Reader(strings.NewReader(text))); !errors.Is(err, errBase64) {
			t.Errorf("%q: %q %v", text, got, err)
		}
	}
}

// FuzzReadDocument: a document that is taken is one that encoding/json takes too, with the same meaning.
func FuzzReadDocument(f *testing.F) {
	for _, s := range []string{
		`{"_id":"a","_attachments":{"a-1.tgz":{"content_type":"x","data":"AA\u003d\/","length":2}},"name":"a","versions":{"1.0.0":{"deprecated":"x"},"1.0.1":{"deprecated":""}}}`,
		`{"name":"\ud83d\ude00","x":[1,2.5e3,null,true,{"a":"]"}]}`, `{"_attachments":null}`, "{}", `{"name":"a"`, `{"a":{}}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		doc, data, err := collect(bytes.NewReader(body))
		slow, slowData, slowErr := collect(iotest.OneByteReader(bytes.NewReader(body)))
		if (err == nil) != (slowErr == nil) || err == nil && (fmt.Sprint(doc.fields) != fmt.Sprint(slow.fields) || fmt.Sprint(data) != fmt.Sprint(slowData)) {
			t.Fatalf("the result depends on how the bytes arrive: %v, %v", err, slowErr)
		}
		if err != nil {
			return
		}
		// What is skipped is not looked at closely, so only documents of known members compare.
		var want map[string]json.RawMessage
		if json.Unmarshal(body, &want) != nil {
			return
		}
		for key, raw := range doc.fields {
			if !bytes.Equal(compacted(t, want[key]), compacted(t, raw)) {
				t.Fatalf("%q is %s, want %s", key, raw, want[key])
			}
		}
		var attachments map[string]map[string]json.RawMessage
		if json.Unmarshal(want["_attachments"], &attachments) != nil {
			return
		}
		for name, text := range data {
			var s *string
			if json.Unmarshal(attachments[name]["data"], &s) == nil && s != nil && *s != text && !strings.ContainsRune(*s, '\uFFFD') {
				t.Fatalf("attachment %q is %q, want %q", name, text, *s)
			}
		}
	})
}
