package npm

import (
	"encoding/json"
	"io"
	"slices"

	"slipway/formats"
	"slipway/registry"
)

const (
	maxAttachments = 2    // the tarball and a provenance bundle
	maxStored      = 1e5  // versions that a document may name
	maxNameInDoc   = 1024 // bytes of an attachment's name
)

// document is the body of a PUT to a package. A publish has attachments; the others (deprecate, unpublish, owner, star) are
// the packument that the client read, with its changes.
type document struct {
	fields      map[string]json.RawMessage // the wantedFields that were sent
	hasVersions bool
	versions    []sentVersion
	attachments []attachment
}

// sentVersion is one member of "versions". Only the first manifest is kept whole: a publish has exactly one version, and of
// the thousands in a deprecation only the "deprecated" member matters.
type sentVersion struct {
	name       string
	manifest   object          // of the first version; nil: it is no object
	deprecated json.RawMessage // nil: the key is absent
}

type attachment struct {
	name        string
	contentType string
	length      *int64
	hasData     bool
}

// wantedFields are the top-level members that are read; others can be large and many.
var wantedFields = []string{"_id", "_rev", "name", "dist-tags", "readme", "readmeFilename", "maintainers", "users", "access"}

// readDocument reads a whole body. attach is called with the data of each attachment, unescaped but not decoded, and reads it
// to the end. Keys may come in any order: npm sends the attachments last, Yarn 4 first. Invalid, TooLarge, BadBody, or the
// error of attach.
func readDocument(body io.Reader, attach func(name string, data io.Reader) error) (document, error) {
	s := newScanner(body)
	defer s.putBack()
	doc := document{fields: map[string]json.RawMessage{}}
	seen := map[string]bool{}
	err := s.object(func(key string) (err error) {
		if seen[key] {
			return malformed("%q stands there twice", formats.Clip(key))
		}
		switch key {
		case "_attachments":
			seen[key] = true
			return doc.readAttachments(s, attach)
		case "versions":
			seen[key], doc.hasVersions = true, true
			return doc.readVersions(s)
		}
		if !slices.Contains(wantedFields, key) {
			return s.skip()
		}
		seen[key] = true
		doc.fields[key], err = s.keep()
		return err
	})
	if err == nil {
		err = s.end()
	}
	return doc, err
}

func (d *document) readVersions(s *scanner) error {
	seen := map[string]bool{}
	return s.object(func(name string) (err error) {
		v := sentVersion{name: name}
		switch {
		case seen[name]:
			return malformed("version %q stands there twice", formats.Clip(name))
		case len(d.versions) >= maxStored:
			return registry.Errorf(registry.TooLarge, registry.AboutRequest, "a document can name at most %d versions", int(maxStored))
		case len(d.versions) == 0:
			raw, err := s.keep()
			if err != nil {
				return err
			}
			v.manifest, _ = parseObject(raw)
			v.deprecated = v.manifest.get("deprecated")
		default:
			v.deprecated, err = readDeprecated(s)
		}
		seen[name] = true
		d.versions = append(d.versions, v)
		return err
	})
}

func readDeprecated(s *scanner) (deprecated json.RawMessage, err error) {
	if ok, err := s.isObject(); !ok || err != nil {
		return nil, orMalformed(err, "a version must be an object")
	}
	err = s.object(func(key string) (err error) {
		if key != "deprecated" {
			return s.skip()
		}
		deprecated, err = s.keep()
		return err
	})
	return deprecated, err
}

func (d *document) readAttachments(s *scanner, attach func(name string, data io.Reader) error) error {
	if ok, err := s.isObject(); err != nil {
		return err
	} else if !ok {
		return s.skip() // null, as some clients send it with a packument
	}
	return s.object(func(name string) error {
		switch {
		case len(d.attachments) == maxAttachments:
			return registry.Errorf(registry.Invalid, registry.AboutRequest, "a publish has one .tgz attachment and at most one .sigstore")
		case len(name) > maxNameInDoc:
			return malformed("the name of an attachment is too long")
		}
		a := attachment{name: name}
		if err := a.read(s, attach); err != nil {
			return err
		}
		d.attachments = append(d.attachments, a)
		return nil
	})
}

func (a *attachment) read(s *scanner, attach func(name string, data io.Reader) error) error {
	if ok, err := s.isObject(); !ok || err != nil {
		return orMalformed(err, "an attachment must be an object")
	}
	return s.object(func(key string) error {
		switch key {
		case "data":
			if a.hasData {
				return malformed("%q has data twice", formats.Clip(a.name))
			}
			a.hasData = true
			data, err := s.text()
			if err != nil {
				return err
			}
			return attach(a.name, data)
		case "content_type":
			return keepAs(s, &a.contentType)
		case "length":
			return keepAs(s, &a.length)
		default:
			return s.skip()
		}
	})
}

// keepAs reads the next value into v.
func keepAs(s *scanner, v any) error {
	raw, err := s.keep()
	if err != nil {
		return err
	}
	if json.Unmarshal(raw, v) != nil {
		return malformed("%s is of the wrong type", formats.Clip(string(raw)))
	}
	return nil
}

func orMalformed(err error, text string) error {
	if err == nil {
		err = malformed("%s", text)
	}
	return err
}

// text returns a field that must be a string; "" if it is absent.
func (d *document) text(key string) (string, error) {
	raw := d.fields[key]
	if raw == nil {
		return "", nil
	}
	s, ok := unquoted(raw)
	if !ok && string(raw) != "null" {
		return "", registry.Errorf(registry.Invalid, registry.AboutRequest, "%q must be a string", key)
	}
	return s, nil
}
