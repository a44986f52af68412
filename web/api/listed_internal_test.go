package api

import (
	"testing"

	"slipway/registry"
	"slipway/registry/catalog"
)

// TestListedFile: a version that only a registry elsewhere lists may have files whose sha256 is not known.
func TestListedFile(t *testing.T) {
	out := detailOf(catalog.VersionDetail{Files: []registry.File{{Path: "pad-1.0.0.tgz", Blob: registry.Blob{SHA1: []byte{1}}}}})
	if f := out.Files[0]; f.SHA256 != "" || f.SHA1 != "01" {
		t.Errorf("%+v", f)
	}
}
