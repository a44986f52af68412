package docs_test

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// repository is what the tests of this package compare: pages and code.
type repository struct {
	files fs.FS
	pages map[string]string   // text of each Markdown page, by path
	code  map[string]string   // text of each Go file, by path
	tests map[string][]string // folders that have a test or fuzz function, by its name
}

var (
	testFunction = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(\w+ \*testing\.`)
	lineOfText   = regexp.MustCompile(`\n[ \t]*// ?`)
)

// repositoryOf returns the repository, which is read once for all tests.
func repositoryOf(t *testing.T) repository {
	t.Helper()
	r, err := readOnce()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var readOnce = sync.OnceValues(readRepository)

// readRepository reads all pages and code. Folders that begin with a dot are not part of the repository.
func readRepository() (repository, error) {
	r := repository{files: os.DirFS(".."), pages: map[string]string{}, code: map[string]string{}, tests: map[string][]string{}}
	err := fs.WalkDir(r.files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != "." && (d.Name()[0] == '.' || d.Name() == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		kind := path.Ext(name)
		if kind != ".md" && kind != ".go" {
			return nil
		}
		raw, err := fs.ReadFile(r.files, name)
		if err != nil {
			return err
		}
		if kind == ".md" {
			r.pages[name] = string(raw)
			return nil
		}
		for _, m := range testFunction.FindAllStringSubmatch(string(raw), -1) {
			r.tests[m[1]] = append(r.tests[m[1]], path.Dir(name))
		}
		r.code[name] = string(raw)
		return nil
	})
	return r, err
}

const numberList = `(\d+(?:\.\d+)*(?:(?:, | and |, and | to )\d+(?:\.\d+)*)*)`

var (
	citedSection    = regexp.MustCompile(`\b(npm|pypi|maven|oci|raw|releases-and-events)\.md ` + numberList)
	citedAcceptance = regexp.MustCompile(`\b[Aa]cceptance ` + numberList)
	// A section is a heading ("## 3. …", "### 4.1 …") or a paragraph ("**3.11** …"); a line of acceptance is a row ("| 12 | …").
	section        = regexp.MustCompile(`(?m)^(?:#{2,3} (\d+(?:\.\d+)*)\.? |\*\*(\d+(?:\.\d+)+)\*\* )`)
	acceptanceLine = regexp.MustCompile(`(?m)^\| (\d+(?:, \d+| – \d+)*) \|`)
	namedTest      = regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w*`)
)

// numbers reads "1.1, 1.2 and 1.4" and "20 to 28".
func numbers(list string) []string {
	var out []string
	from := 0
	for word := range strings.FieldsSeq(strings.NewReplacer(",", " ", "–", "to").Replace(list)) {
		switch word {
		case "and":
			continue
		case "to":
			from, _ = strconv.Atoi(out[len(out)-1]) // a section of two levels has no range
			continue
		}
		if to, err := strconv.Atoi(word); err == nil && from > 0 {
			for n := from + 1; n < to; n++ {
				out = append(out, strconv.Itoa(n))
			}
		}
		from = 0
		out = append(out, word)
	}
	return out
}

// numbered are the numbers of a page's sections, and those of its lines of acceptance.
func numbered(page string) (sections, acceptance map[string]bool) {
	sections, acceptance = map[string]bool{}, map[string]bool{}
	for _, m := range section.FindAllStringSubmatch(page, -1) {
		sections[m[1]+m[2]] = true
	}
	_, table, _ := strings.Cut(page, "Acceptance\n")
	for _, m := range acceptanceLine.FindAllStringSubmatch(table, -1) {
		for _, n := range numbers(m[1]) {
			acceptance[n] = true
		}
	}
	return sections, acceptance
}

// TestCitations: what comments and pages cite of docs/spec is there, by section and by line of acceptance.
func TestCitations(t *testing.T) {
	r := repositoryOf(t)
	cited := 0
	for name, text := range r.all() {
		if !strings.Contains(text, ".md") && !strings.Contains(text, "cceptance") {
			continue
		}
		text = lineOfText.ReplaceAllString(text, " ") // a citation may go over two lines of a comment
		for _, m := range citedSection.FindAllStringSubmatch(text, -1) {
			sections, _ := numbered(r.pages["docs/spec/"+m[1]+".md"])
			for _, n := range numbers(m[2]) {
				if cited++; !sections[n] {
					t.Errorf("%s cites %s.md %s, and docs/spec/%[2]s.md has no section %[3]s", name, m[1], n)
				}
			}
		}
		format, ok := strings.CutPrefix(path.Dir(name), "formats/")
		page, known := r.pages["docs/spec/"+format+".md"]
		if !ok || !known {
			continue
		}
		_, acceptance := numbered(page)
		for _, m := range citedAcceptance.FindAllStringSubmatch(text, -1) {
			for _, n := range numbers(m[1]) {
				if !acceptance[n] {
					t.Errorf("%s is about acceptance %s, and docs/spec/%s.md has no such line", name, n, format)
				}
			}
		}
	}
	if cited < 20 {
		t.Errorf("%d citations were found", cited)
	}
}

// all are pages and code.
func (r repository) all() map[string]string {
	all := maps.Clone(r.code)
	maps.Copy(all, r.pages)
	return all
}

// TestNamedTests: the tests that pages name exist.
func TestNamedTests(t *testing.T) {
	r := repositoryOf(t)
	for name, text := range r.pages {
		for _, test := range namedTest.FindAllString(text, -1) {
			if r.tests[test] == nil {
				t.Errorf("%s names %s, which does not exist", name, test)
			}
		}
	}
	seen := 0
	for _, m := range ruledOut.FindAllStringSubmatch(r.pages[incidentsPage], -1) {
		folder, test, _ := strings.Cut(m[1], ".")
		if seen++; !r.has(folder, test) {
			t.Errorf("%s names %s, and no folder %s has it", incidentsPage, m[1], folder)
		}
	}
	if seen < 100 {
		t.Errorf("%s names %d tests", incidentsPage, seen)
	}
}

const (
	incidentsPage = "docs/incidents.md"
	suiteRun      = "Run/" // of a subtest of formatstest
)

var (
	ruledOut    = regexp.MustCompile("`([\\w/]+\\.(?:Test|Fuzz|Run/)\\w*)`")
	incidentRow = regexp.MustCompile(`(?m)^\| ([SD]-\d+) \|`)
	incidentID  = regexp.MustCompile(`\b(?:func Test([SD]\d+)|t\.Run\("([SD]\d+)"|([SD]-\d+)\b)`)
)

// has reports whether a folder, named by a part of its path, has a test, or formatstest the subtest.
func (r repository) has(folder, test string) bool {
	if subtest, ok := strings.CutPrefix(test, suiteRun); ok {
		return strings.Contains(r.code["formats/formatstest/suite.go"], `t.Run("`+subtest+`"`)
	}
	return slices.ContainsFunc(r.tests[test], func(at string) bool {
		return strings.Contains("/"+at+"/", "/"+folder+"/")
	})
}

// TestIncidents: every id of an incident that a test bears, or a comment names, has a row; and rows have no gap.
func TestIncidents(t *testing.T) {
	r := repositoryOf(t)
	rows := map[string]bool{}
	var order []string
	for _, m := range incidentRow.FindAllStringSubmatch(r.pages[incidentsPage], -1) {
		if rows[m[1]] {
			t.Errorf("%s has two rows of %s", incidentsPage, m[1])
		}
		rows[m[1]] = true
		order = append(order, m[1])
	}
	for letter, last := range map[string]int{"S-": 0, "D-": 0} {
		for _, id := range order {
			if n, ok := strings.CutPrefix(id, letter); ok {
				if last++; n != strconv.Itoa(last) {
					t.Fatalf("%s has %s where %s%d belongs", incidentsPage, id, letter, last)
				}
			}
		}
	}
	for name, text := range r.code {
		if !mayBearID(text) {
			continue
		}
		for _, m := range incidentID.FindAllStringSubmatch(text, -1) {
			id := m[1] + m[2] + m[3]
			if id = id[:1] + "-" + strings.TrimPrefix(id[1:], "-"); !rows[id] {
				t.Errorf("%s bears the id %s, and %s has no such row", name, id, incidentsPage)
			}
		}
	}
}

// mayBearID is quick to say that a file has no id of an incident.
func mayBearID(code string) bool {
	return slices.ContainsFunc([]string{"S-", "D-", "TestS", "TestD", `"S`, `"D`}, func(s string) bool { return strings.Contains(code, s) })
}

var unmerged = regexp.MustCompile(`(?m)^(<<<<<<<|>>>>>>>) `)

// TestMerged: no page and no file of code has the marks of a merge that was not ended.
func TestMerged(t *testing.T) {
	for name, text := range repositoryOf(t).all() {
		if unmerged.MatchString(text) {
			t.Errorf("%s has marks of a merge", name)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestLinks: what pages link to within the repository is there.
func TestLinks(t *testing.T) {
	r := repositoryOf(t)
	for name, text := range r.pages {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			to, _, _ := strings.Cut(m[1], "#")
			if to == "" || strings.Contains(to, "://") {
				continue
			}
			if _, err := fs.Stat(r.files, path.Join(path.Dir(name), to)); err != nil {
				t.Errorf("%s links to %s: %v", name, m[1], err)
			}
		}
	}
}
