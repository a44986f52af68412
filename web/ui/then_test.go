package ui_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"slipway/api"
	"slipway/formats/all"
	"slipway/formats/formatstest"
)

// newestSeq is the number of the newest entry of the log.
func (s *site) newestSeq() int64 {
	s.t.Helper()
	var events []api.Event
	res := s.get(formatstest.Admin, "/api/v1/events?order=newest&limit=1", "Accept", "application/json")
	if err := json.Unmarshal(res.Body, &events); err != nil || len(events) != 1 {
		s.t.Fatalf("%v: %v", res, err)
	}
	seq, err := strconv.ParseInt(events[0].Sequence, 10, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return seq
}

// told is a version as pages show it, with what the API says of its files.
type told struct{ files, page string }

// tell reads a version, at a past moment or, with "", now.
func (s *site) tell(path, asOf string) (out told) {
	s.t.Helper()
	query := ""
	if asOf != "" {
		query = "?as_of=" + asOf
	}
	format, rest, _ := strings.Cut(strings.TrimPrefix(path, "/r/main/"), "/")
	name, version, _ := strings.Cut(rest, "/v/")
	below := "/api/v1/repositories/main/packages/" + format + "/" + strings.ReplaceAll(name, "/", "%2F") + "/versions/" + version
	var v api.Version
	res := s.get(formatstest.Admin, below+query, "Accept", "application/json")
	if err := json.Unmarshal(res.Body, &v); err != nil || res.Status != http.StatusOK {
		s.t.Fatalf("%s%s: %v %v", below, query, res, err)
	}
	var size int64
	for _, f := range v.Files {
		out.files += f.Path + "=" + f.SHA256[:6] + " "
		size += f.Size
	}
	if format != "oci" && size != v.Size {
		s.t.Errorf("%s%s: %d bytes, and files of %d", below, query, v.Size, size)
	}
	for _, part := range []string{"/readme", "/description"} {
		out.page += string(s.get(formatstest.Admin, below+part+query, "Accept", "application/json").Body)
	}
	out.page += mainOf(s.page(formatstest.Admin, path+query))
	return out
}

// TestTextsOfThen: readmes, descriptions and files of a past moment are what was there then, in every format.
func TestTextsOfThen(t *testing.T) {
	s := newPage(t, formatstest.Options{}, all.All()...)
	s.send(http.MethodPatch, "/api/v1/repositories/main", `{"settings":{"maven_immediate":true,"raw_redeploy":true}}`, http.StatusOK)
	raw := func(path, text string, status int) func() {
		return func() { s.put("/raw/main/doc/1/"+path, []byte(text), "text/plain", status) }
	}
	about := func(words string) string {
		return "Metadata-Version: 2.4\nName: then\nVersion: 1.0\nSummary: " + words + "\nDescription-Content-Type: text/markdown\n\n" + words + "\n"
	}
	npm := func(version, words string) func() {
		return func() { s.publishNPM("then", version, map[string]any{"readme": words}, "README.md", words) }
	}
	maven := func(ext, text string) func() {
		return func() {
			s.put("/maven/main/com/acme/then/1/then-1"+ext, []byte(text), "application/xml", http.StatusCreated)
		}
	}
	for _, c := range []struct {
		path  string
		steps []func()
		says  []string // after each step
	}{
		{"/r/main/raw/doc/v/1", []func(){raw("a.txt", "a", 201), raw("README.md", "first words", 201), raw("b.txt", "b", 201), raw("README.md", "second words", 200), func() {
			s.send(http.MethodDelete, "/raw/main/doc/1/README.md", "", http.StatusNoContent)
		}}, []string{"", "", "", "", ""}},
		{"/r/main/pypi/then/v/1.0", []func(){
			func() { s.publishWheel("then-1.0-cp39-cp39-win_amd64.whl", about("first words")) },
			func() { s.publishWheel("then-1.0-cp310-cp310-win_amd64.whl", about("second words")) },
		}, []string{"first words", "second words"}},
		{"/r/main/npm/then/v/1.0.0", []func(){npm("1.0.0", "first words"), npm("2.0.0", "second words")}, []string{"first words", "first words"}},
		{"/r/main/maven/com.acme:then/v/1", []func(){
			maven(".jar.asc", "-----BEGIN PGP SIGNATURE-----\n-----END PGP SIGNATURE-----\n"),
			maven(".pom", `<project><groupId>com.acme</groupId><artifactId>then</artifactId><version>1</version><description>first words</description></project>`),
		}, []string{"", "first words"}},
	} {
		var moments []string
		var files []string
		for i, step := range c.steps {
			step()
			moments = append(moments, "seq:"+strconv.FormatInt(s.newestSeq(), 10))
			now := s.tell(c.path, "")
			if i > 0 && now.files == files[i-1] && !strings.Contains(c.path, "/npm/") {
				t.Errorf("%s: step %d changes nothing: %s", c.path, i, now.files)
			}
			files = append(files, now.files)
		}
		for i, moment := range moments {
			then := s.tell(c.path, moment)
			if then.files != files[i] {
				t.Errorf("%s at %s has the files %s, want %s", c.path, moment, then.files, files[i])
			}
			if !strings.Contains(then.page, c.says[i]) || c.says[i] != "second words" && strings.Contains(then.page, "second words") {
				t.Errorf("%s at %s does not tell %q, or what came later", c.path, moment, c.says[i])
			}
		}
		if slices.Contains(c.says, "second words") && !strings.Contains(s.tell(c.path, "").page, "second words") {
			t.Errorf("%s: the page of now does not tell what came last", c.path)
		}
	}
}
