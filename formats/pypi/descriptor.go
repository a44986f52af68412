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

// fileInfo has the values on a page that the file's row has no place for.
type fileInfo struct {
	RequiresPython string `json:"requires_python,omitempty"`
	// Yanked and Reason are of a file that was yanked elsewhere, where a version's files need not have that in common; what is
	// yanked here is a version.
	Yanked bool   `json:"yanked,omitempty"`
	Reason string `json:"yanked_reason,omitempty"`
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

// merge adds the file to its version's descriptor.
func (d distribution) merge(old []byte) ([]byte, error) {
	return mergeFile(old, d.file.text, fileInfo{RequiresPython: d.inside.metadata.requiresPython})
}

// mergeFile sets the values of one file; the version's first file sets those that later files need not repeat.
func mergeFile(old []byte, file string, info fileInfo) ([]byte, error) {
	v, err := readDescriptor(old)
	if err != nil {
		return nil, err
	}
	switch {
	case len(old) == 0:
		v.fileInfo = info
	case info == v.fileInfo:
		delete(v.Files, file)
	default:
		if v.Files == nil {
			v.Files = map[string]fileInfo{}
		}
		v.Files[file] = info
	}
	return json.Marshal(v)
}
