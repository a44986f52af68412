package pypi

import (
	"encoding/json"
	"fmt"
)

// descriptor is the stored descriptor of a version.
type descriptor struct {
	// The values of all files that Files does not name. Mostly these are all files; so the descriptor of a release with
	// hundreds of wheels, which each upload reads and writes, stays small.
	fileInfo
	Files map[string]fileInfo `json:"files,omitempty"`
}

// fileInfo has the values on a page that come from a file's archive.
type fileInfo struct {
	RequiresPython string `json:"requires_python,omitempty"`
}

// of returns the values of a file.
func (d descriptor) of(file string) fileInfo {
	if own, ok := d.Files[file]; ok {
		return own
	}
	return d.fileInfo
}

func readDescriptor(raw []byte) (descriptor, error) {
	var d descriptor
	if len(raw) == 0 {
		return d, nil
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return d, fmt.Errorf("pypi: descriptor of a version: %w", err)
	}
	return d, nil
}

// merge adds the file to its version's descriptor; the version's first file sets the values that later files need not repeat.
func (d distribution) merge(old []byte) ([]byte, error) {
	v, err := readDescriptor(old)
	if err != nil {
		return nil, err
	}
	info := fileInfo{RequiresPython: d.inside.metadata.requiresPython}
	switch {
	case len(old) == 0:
		v.fileInfo = info
	case info == v.fileInfo:
		delete(v.Files, d.file.text)
	default:
		if v.Files == nil {
			v.Files = map[string]fileInfo{}
		}
		v.Files[d.file.text] = info
	}
	return json.Marshal(v)
}
