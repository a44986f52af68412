package raw_test

import (
	"net/http"
	"testing"

	"slipway/formats/formatstest"
	"slipway/formats/raw"
	"slipway/web/api"
)

// TestFaults lets every call of a backend fail in turn.
func TestFaults(t *testing.T) {
	file := func(c *formatstest.Client, version, name string) (path string, content []byte) {
		return "/raw/main/" + c.Package + "/" + version + "/" + name, []byte(name + " of " + c.Package + " " + version)
	}
	put := func(c *formatstest.Client, version, name string) error {
		path, content := file(c, version, name)
		_, err := c.Send(formatstest.Request{Method: http.MethodPut, Path: path, Body: content}, http.StatusCreated, http.StatusOK)
		return err
	}
	has := func(c *formatstest.Client, version, name string) bool {
		path, content := file(c, version, name)
		return c.Has(path, content)
	}
	versions := formatstest.Versions{
		Format:  "raw",
		Publish: func(c *formatstest.Client, version string) (string, error) { return version, put(c, version, "tool") },
		Has:     func(c *formatstest.Client, version string) bool { return has(c, version, "tool") },
	}
	formatstest.RunFaults(t, formatstest.Faults{
		Mounts:  func() []formatstest.Mounter { return []formatstest.Mounter{raw.New(), api.New(api.Options{})} },
		Refusal: formatstest.ProblemRefusal,
		Changes: append(versions.Changes(),
			versions.Read(func(c *formatstest.Client, version string) map[string][]byte {
				path, content := file(c, version, "tool")
				return map[string][]byte{path: content, path + ".sha256": nil, "/raw/main/" + c.Package + "/": nil}
			}),
			formatstest.Change{
				Name:   "publish",
				Do:     func(c *formatstest.Client) error { return put(c, "1.0", "bin/tool") },
				Done:   func(c *formatstest.Client) bool { return has(c, "1.0", "bin/tool") },
				Events: []string{"artifact.published"},
			},
			formatstest.Change{
				Name:   "append",
				Before: func(c *formatstest.Client) error { return put(c, "1.0", "tool") },
				Do:     func(c *formatstest.Client) error { return put(c, "1.0", "more") },
				Done: func(c *formatstest.Client) bool {
					if !has(c, "1.0", "tool") {
						c.Halfway("what was there is gone")
					}
					return has(c, "1.0", "more")
				},
				Events: []string{"artifact.files_added"},
			}),
	})
}
