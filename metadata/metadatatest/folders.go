package metadatatest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
)

// testFolders compares pages of every folder, of all lengths, with what the list of all files says.
func testFolders(e *env) {
	p := e.main()
	v, other, b := e.version(p, "1"), e.version(p, "2"), e.blob("a")
	paths := []string{"-", "0", "README", "a", "a b/c", "a-b", "a-b-c/d", "a.b", "a0", "b/a", "b/a0", "b/c-/x", "b/c.d/x", "b/c/d/e", "b/c/d/f", "b/c/g",
		"b/c/é/日本/x", "b/c/é/日本-x", "b/c0", "b0/x", "é/a", "é/é", "日本/語/1", "日本/語/2", "日本0", "\U0001F680/x", "\U0001F680\U0001F680"}
	slices.Sort(paths)
	folders := []string{"", "absent/", "a/"}
	for _, path := range paths {
		e.file(v, path, b, 1)
		e.file(other, "of another version/"+path, b, 1)
		for i, c := range []byte(path) {
			if c == '/' && !slices.Contains(folders, path[:i+1]) {
				folders = append(folders, path[:i+1])
			}
		}
	}
	for _, folder := range folders {
		want := listed(paths, folder)
		for limit := 1; limit <= len(want)+1; limit++ {
			var got []string
			page := metadata.FolderPage{VersionID: v.ID, Folder: folder, Limit: limit}
			for {
				list := read(e, func(tx metadata.Tx) ([]metadata.FolderEntry, error) { return tx.Files().Folder(page) })
				for _, x := range list {
					got = append(got, fmt.Sprint(x.Name, x.Dir))
					page.After, page.AfterIsDir = x.Name, x.Dir
					if x.File.Blob.ID != b.ID || x.Dir != strings.HasPrefix(x.File.Path, folder+x.Name+"/") || !x.Dir && x.File.Path != folder+x.Name {
						e.Errorf("%q has %+v", folder, x)
					}
				}
				if len(list) < limit {
					break
				}
			}
			equal(e, fmt.Sprintf("%q by %d", folder, limit), got, want)
		}
		var below []string
		for _, path := range paths {
			if strings.HasPrefix(path, folder) {
				below = append(below, path)
			}
		}
		of := func(page metadata.FileQuery) []string {
			return names(read(e, func(tx metadata.Tx) ([]metadata.File, error) { return tx.Files().Files(page) }), func(f metadata.File) string { return f.Path })
		}
		page := metadata.FileQuery{VersionID: v.ID, Below: folder}
		equal(e, "below "+folder, of(page), below)
		if len(below) > 1 {
			page.After, page.Limit = below[0], 1
			equal(e, "second below "+folder, of(page), below[1:2])
		}
	}
}

// listed returns the entries directly in a folder, from ascending paths.
func listed(paths []string, folder string) []string {
	var out []string
	for _, path := range paths {
		rest, ok := strings.CutPrefix(path, folder)
		if !ok {
			continue
		}
		name, _, dir := strings.Cut(rest, "/")
		if x := fmt.Sprint(name, dir); !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

func testFileBeside(e *env) {
	p := e.main()
	v, other, b := e.version(p, "1"), e.version(p, "2"), e.blob("a")
	for _, path := range []string{"a", "b/c/d", "b/c-", "b/c0", "é/x"} {
		e.file(v, path, b, 1)
	}
	e.file(other, "z", b, 1)
	for path, want := range map[string]string{ // of several the first
		"a/b": "a", "a/b/c/d/e": "a", "b": "b/c-", "b/c": "b/c/d", "b/c/d/e": "b/c/d", "é": "é/x", "é/x/y/z": "é/x", "b/c-/x": "b/c-",
	} {
		equal(e, path, read(e, func(tx metadata.Tx) (string, error) { return tx.Files().FileBeside(v.ID, path) }), want)
	}
	for _, path := range []string{"a", "a0", "a-b", "b/c/e", "b/d", "A/b", "aa/b", "z/a", "é/y", "new"} {
		missing(e, path, func(tx metadata.Tx) (string, error) { return tx.Files().FileBeside(v.ID, path) })
	}
}

func testSetDigest(e *env) {
	v := e.version(e.main(), "1")
	before := read(e, func(tx metadata.Tx) (metadata.Version, error) { return tx.Versions().VersionByID(v.ID) })
	e.clock.Add(time.Second)
	before.Digest = digest.FromString("content")
	e.update(func(tx metadata.Tx) error { return tx.Versions().SetDigest(v.ID, before.Digest) })
	equal(e, "version", read(e, func(tx metadata.Tx) (metadata.Version, error) { return tx.Versions().VersionByID(v.ID) }), before)
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Versions().SetDigest(99, "") })
}
