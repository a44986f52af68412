package pypi

import (
	"encoding/json"
	"fmt"
)

// descriptor is what is kept of a version beside its files.
type descriptor struct {
	// The values of all files that Files does not name. They are mostly those of every file, and what a release of hundreds of
	// wheels keeps is read and written with each of them.
	fileInfo
	Files map[string]fileInfo `json:"files,omitempty"`
}

// fileInfo is what a page says of a file and only its own archive knows.
type fileInfo struct {
	RequiresPython string `json:"requires_python,omitempty"`
}

// of returns what is known of a file.
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

// merge adds the file to what is known of its version, whose first file says what its others need not repeat.
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
