package pypi

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"time"

	"slipway/formats"
)

// jsonListed is a file of the JSON form. What may be of several types is read by itself, so that one odd value does not cost the file.
type jsonListed struct {
	Filename       string          `json:"filename"`
	URL            string          `json:"url"`
	Hashes         json.RawMessage `json:"hashes"`
	RequiresPython json.RawMessage `json:"requires-python"`
	Size           json.RawMessage `json:"size"`
	UploadTime     json.RawMessage `json:"upload-time"`
	Yanked         json.RawMessage `json:"yanked"`
	CoreMetadata   json.RawMessage `json:"core-metadata"`
	DistInfo       json.RawMessage `json:"dist-info-metadata"`
	DataDistInfo   json.RawMessage `json:"data-dist-info-metadata"`
}

// as reads a value of one type; ok is false for one of another type.
func as[T any](raw json.RawMessage) (v T, ok bool) {
	ok = len(raw) > 0 && string(raw) != "null" && json.Unmarshal(raw, &v) == nil
	return v, ok
}

func (p *pageParser) addJSON(j jsonListed) error {
	f := listedFile{name: j.Filename, size: -1}
	var ok bool
	if f.url, _, ok = formats.Link(p.base, j.URL); !ok || j.URL == "" {
		return nil
	}
	sums, _ := as[map[string]string](j.Hashes)
	for algorithm, text := range sums {
		f.sumOf(algorithm, text)
	}
	if s, ok := as[string](j.RequiresPython); ok {
		f.requires(s)
	}
	if n, ok := as[int64](j.Size); ok && n > 0 {
		f.size = n
	}
	if s, ok := as[string](j.UploadTime); ok {
		if at, err := time.Parse(time.RFC3339Nano, s); err == nil && at.Year() > 1 {
			f.uploaded = at.UTC()
		}
	}
	if yes, ok := as[bool](j.Yanked); ok && yes {
		f.yank("")
	} else if s, ok := as[string](j.Yanked); ok {
		f.yank(s)
	}
	for _, raw := range []json.RawMessage{j.CoreMetadata, j.DistInfo, j.DataDistInfo} {
		sums, _ := as[map[string]string](raw)
		f.announceMetadata(sums["sha256"])
	}
	return p.add(f)
}

// readJSON reads the JSON form, one file at a time.
func (p *pageParser) readJSON(r io.Reader) error {
	bounded := &perValue{r: r, left: maxValueOfDoc}
	d := json.NewDecoder(bounded)
	name, seen := "", map[string]bool{}
	if _, err := d.Token(); err != nil { // the brace
		return err
	}
	for bounded.more(d) {
		t, err := d.Token()
		if err != nil {
			return err
		}
		key, _ := t.(string)
		if seen[key] {
			return notPage("\""+formats.Clip(key)+"\" stands there twice", nil)
		}
		switch key {
		case "files":
			seen[key] = true
			err = p.filesJSON(d, bounded)
		case "name":
			seen[key] = true
			err = d.Decode(&name)
		case "project-status":
			err = d.Decode(&p.status)
		default:
			err = skip(d, bounded)
		}
		if err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil { // the other brace
		return err
	}
	if _, err := d.Token(); err != io.EOF { //nolint:errorlint // the end is a bare io.EOF
		return cmp.Or(err, notPage("something follows it", nil))
	}
	if fold(name) != p.project {
		return notPage("it is about the project \""+formats.Clip(name)+"\"", nil)
	}
	return p.checkStatus()
}

func (p *pageParser) filesJSON(d *json.Decoder, bounded *perValue) error {
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return cmp.Or(err, notPage("its files are no list", nil))
	}
	for bounded.more(d) {
		var j jsonListed
		var wrongType *json.UnmarshalTypeError
		err := d.Decode(&j)
		if errors.As(err, &wrongType) {
			continue // what it holds is no file
		}
		if err != nil {
			return err
		}
		if err := p.addJSON(j); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// skip moves past a value of any length, token by token.
func skip(d *json.Decoder, bounded *perValue) error {
	for depth := 0; ; {
		bounded.left = maxValueOfDoc
		t, err := d.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// perValue bounds how much is read for one value, as the decoder holds a value whole.
type perValue struct {
	r    io.Reader
	left int
}

// more reports whether another value follows, which may be as long as any.
func (b *perValue) more(d *json.Decoder) bool {
	b.left = maxValueOfDoc
	return d.More()
}

func (b *perValue) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, notPage("a value of it is too long", nil)
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
