package pypi

import (
	"encoding/json"
	"fmt"
)

// descriptor is what is kept of a version beside its files.
type descriptor struct {
	Files map[string]fileInfo `json:"files"`
}

// fileInfo is what a page says of a file and only its own archive knows.
type fileInfo struct {
	RequiresPython string `json:"requires_python,omitempty"`
}

func readDescriptor(raw []byte) (descriptor, error) {
	d := descriptor{Files: map[string]fileInfo{}}
	if len(raw) == 0 {
		return d, nil
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return d, fmt.Errorf("pypi: descriptor of a version: %w", err)
	}
	return d, nil
}

// merge adds the file to what is known of its version.
func (d distribution) merge(old []byte) ([]byte, error) {
	v, err := readDescriptor(old)
	if err != nil {
		return nil, err
	}
	v.Files[d.file.text] = fileInfo{RequiresPython: d.inside.metadata.requiresPython}
	return json.Marshal(v)
}
