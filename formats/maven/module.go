package maven

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"net/url"
	"path"
	"strings"
)

// maxModuleBytes bounds a .module file that is read for the files it names; a larger one is stored and not read.
const maxModuleBytes = 8 << 20

// moduleFactor is how many bytes of memory a byte of a .module file costs while it is read; TestMemoryFactors measures it.
const moduleFactor = 32

// moduleFile is a file of a version, as named by Gradle Module Metadata (1.1, "files").
type moduleFile struct {
	URL    string `json:"url"`
	SHA256 string `json:"sha256"`
}

// readModule lists the files of all variants; none for any other document.
func readModule(r io.Reader) ([]moduleFile, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxModuleBytes+1))
	if err != nil || len(raw) > maxModuleBytes {
		return nil, err
	}
	var doc struct {
		Variants []struct {
			Files []moduleFile `json:"files"`
		} `json:"variants"`
	}
	if json.Unmarshal(raw, &doc) != nil {
		return nil, nil
	}
	var out []moduleFile
	for _, v := range doc.Variants {
		out = append(out, v.Files...)
	}
	return out, nil
}

// has reports whether the file is among the staged ones, or lies outside of their folder: then it belongs to another version. The
// url of a snapshot's file may keep the literal version.
func (m moduleFile) has(files []stagedFile) bool {
	name, err := url.PathUnescape(m.URL)
	if err != nil {
		name = m.URL
	}
	if name = path.Clean(name); strings.Contains(name, "/") {
		return true
	}
	for _, f := range files {
		same := f.Path == name || f.name.build != "" && f.name.stem+"-"+f.base()+snapshot+f.name.rest == name
		if same && (m.SHA256 == "" || m.SHA256 == hex.EncodeToString(sha256Of(f.Blob))) {
			return true
		}
	}
	return false
}
