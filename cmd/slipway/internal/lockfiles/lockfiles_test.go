package lockfiles_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"slipway/cmd/slipway/internal/lockfiles"
)

// text is a list as one line for each item, then one for each thing that was skipped.
func text(l lockfiles.List) string {
	var out []string
	for _, it := range l.Items {
		for i, d := range it.Digests {
			algorithm, digits, _ := strings.Cut(d, ":")
			it.Digests[i] = algorithm + ":" + digits[:4]
		}
		out = append(out, strings.TrimSpace(it.PURL+" "+strings.Join(it.Digests, " ")))
	}
	var skipped []string
	for _, s := range l.Skipped {
		skipped = append(skipped, "! "+s.What+": "+s.Why)
	}
	slices.Sort(skipped)
	return strings.Join(append(out, skipped...), "\n")
}

// TestFiles reads one small file of every kind in testdata, and compares what is found with the file of its name and .want.
func TestFiles(t *testing.T) {
	wants, err := filepath.Glob("testdata/*.want")
	if err != nil || len(wants) == 0 {
		t.Fatal(err)
	}
	for _, want := range wants {
		file := strings.TrimSuffix(want, ".want")
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			// "v1,package-lock.json" is package-lock.json.
			_, name, ok := strings.Cut(filepath.Base(file), ",")
			if !ok {
				name = filepath.Base(file)
			}
			got, err := lockfiles.Parse(name, data, lockfiles.Filter{})
			if err != nil {
				t.Fatal(err)
			}
			wanted, err := os.ReadFile(want)
			if err != nil {
				t.Fatal(err)
			}
			if text(got) != strings.TrimSpace(string(wanted)) {
				t.Errorf("found\n%s\nnot\n%s", text(got), wanted)
			}
		})
	}
}

// TestFilter: a platform or an interpreter leaves out the wheels of others, and keeps what fits all.
func TestFilter(t *testing.T) {
	lock := "version = 1\n[[package]]\nname = \"x\"\nversion = \"1\"\nsource = { registry = \"https://registry.example.com/simple\" }\n" +
		"sdist = { url = \"https://files.example.com/x-1.tar.gz\", hash = \"sha256:" + strings.Repeat("1", 64) + "\" }\nwheels = [\n"
	for i, tags := range []string{"cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64", "cp311-cp311-manylinux_2_17_x86_64", "cp312-cp312-macosx_11_0_arm64", "cp39-abi3-musllinux_1_2_x86_64", "py3-none-any", "cp313-abi3-manylinux_2_17_x86_64"} {
		lock += fmt.Sprintf("{ url = \"https://files.example.com/x-1-%s.whl\", hash = \"sha256:%s\" },\n", tags, strings.Repeat(fmt.Sprint(i+2), 64))
	}
	lock += "]\n"
	for _, c := range []struct {
		filter lockfiles.Filter
		want   string
	}{
		{lockfiles.Filter{}, "pkg:pypi/x@1 sha256:1111 sha256:2222 sha256:3333 sha256:4444 sha256:5555 sha256:6666 sha256:7777"},
		{lockfiles.Filter{Python: "cp312", Platform: "linux/amd64"}, "pkg:pypi/x@1 sha256:1111 sha256:2222 sha256:5555 sha256:6666"},
		{lockfiles.Filter{Platform: "darwin/arm64"}, "pkg:pypi/x@1 sha256:1111 sha256:4444 sha256:6666"},
		{lockfiles.Filter{Python: "cp311"}, "pkg:pypi/x@1 sha256:1111 sha256:3333 sha256:5555 sha256:6666"},
	} {
		got, err := lockfiles.Parse("uv.lock", []byte(lock), c.filter)
		if err != nil || text(got) != c.want {
			t.Errorf("%+v: %s, %v\nnot %s", c.filter, text(got), err, c.want)
		}
	}
}

// TestRefused: what is no such file is refused, in little time and memory.
func TestRefused(t *testing.T) {
	deep := strings.Repeat(`{"dependencies":{"a":`, 5000) + `{"version":"1"}` + strings.Repeat(`}}`, 5000)
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for i := range 12 {
		bomb += fmt.Sprintf("%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", 'b'+i, 'b'+i, 'a'+i, 'a'+i, 'a'+i, 'a'+i, 'a'+i, 'a'+i, 'a'+i, 'a'+i, 'a'+i)
	}
	for name, data := range map[string]string{
		"package-lock.json": deep, "npm-shrinkwrap.json": "{}", "pnpm-lock.yaml": bomb, "bun.lock": `{"packages":{"a":[]}}`, "yarn.lock": "no key\n",
		"uv.lock": "", "poetry.lock": "", "pylock.toml": "[[packages]]\n", "requirements.txt": "<html>\n", "verification-metadata.xml": "<html/>",
		"gradle.lockfile": "not one\n", "bom.json": "{}", "list": "<html>\n",
	} {
		if got, err := lockfiles.Parse(name, []byte(data), lockfiles.Filter{}); err == nil {
			t.Errorf("%s: %s", name, text(got))
		}
	}
	if _, err := lockfiles.Parse("list", make([]byte, lockfiles.MaxBytes+1), lockfiles.Filter{}); err == nil {
		t.Error("a file of any size is read")
	}
}

// FuzzParse: no file breaks a parser, and what it finds has the shape that the server is asked with.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // the folder of the corpus
		}
		_, name, ok := strings.Cut(filepath.Base(file), ",")
		if !ok {
			name = filepath.Base(file)
		}
		f.Add(name, data)
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		got, err := lockfiles.Parse(name, data, lockfiles.Filter{Python: "cp312", Platform: "linux/amd64"})
		if err != nil {
			return
		}
		for _, it := range got.Items {
			if !strings.HasPrefix(it.PURL, "pkg:") || strings.ContainsAny(it.PURL, "\n\r") {
				t.Errorf("item %q", it.PURL)
			}
			for _, d := range it.Digests {
				algorithm, digits, ok := strings.Cut(d, ":")
				if !ok || algorithm == "" || digits == "" || strings.Trim(digits, "0123456789abcdef") != "" {
					t.Errorf("digest %q of %q", d, it.PURL)
				}
			}
		}
	})
}
