package npm

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"slipway/formats/formatstest"
	"slipway/web/api"
)

// TestFaults lets every call of a backend fail in turn.
func TestFaults(t *testing.T) {
	tarball := func(c *formatstest.Client, version string) []byte {
		return pack(t, `{"name":"`+c.Package+`","version":"`+version+`","gitHead":"0123456789abcdef0123456789abcdef01234567"}`)
	}
	publish := func(c *formatstest.Client, version string) error {
		_, err := c.Send(formatstest.Request{Method: http.MethodPut, Path: "/npm/main/" + c.Package,
			Body: pub{name: c.Package, version: version, tarball: tarball(c, version)}.body(t)}, http.StatusCreated)
		return err
	}
	has := func(c *formatstest.Client, version string) bool {
		return c.AllOf(c.Has("/npm/main/"+c.Package+"/-/"+fileName(c.Package, version), tarball(c, version)),
			c.Has("/npm/main/"+c.Package+"/"+version, nil))
	}
	// latest is what an installation takes.
	latest := func(c *formatstest.Client, want string) bool {
		res := c.Do(formatstest.Admin, formatstest.Request{Method: http.MethodGet, Path: "/npm/main/" + c.Package})
		var doc struct {
			Tags     map[string]string          `json:"dist-tags"`
			Versions map[string]json.RawMessage `json:"versions"`
		}
		if res.Status == http.StatusNotFound {
			return false
		}
		if err := json.Unmarshal(res.Body, &doc); err != nil || doc.Versions[doc.Tags["latest"]] == nil {
			c.Halfway("the packument is %v", res)
		}
		return doc.Tags["latest"] == want
	}
	versions := formatstest.Versions{
		Format:  formatName,
		Publish: func(c *formatstest.Client, version string) (string, error) { return version, publish(c, version) },
		Has:     has,
	}
	formatstest.RunFaults(t, formatstest.Faults{
		Mounts:  func() []formatstest.Mounter { return []formatstest.Mounter{New(), api.New(api.Options{})} },
		Refusal: refusal,
		Changes: append(versions.Changes(),
			versions.Read(func(c *formatstest.Client, version string) map[string][]byte {
				base := "/npm/main/" + c.Package
				return map[string][]byte{base: nil, base + "/" + version: nil, base + "/-/" + fileName(c.Package, version): tarball(c, version)}
			}),
			formatstest.Change{
				Name:   "publish",
				Do:     func(c *formatstest.Client) error { return publish(c, "1.0.0") },
				Done:   func(c *formatstest.Client) bool { return c.AllOf(has(c, "1.0.0"), latest(c, "1.0.0")) },
				Events: []string{"artifact.published", "tag.set"},
			},
			formatstest.Change{
				Name:   "publish the next",
				Before: func(c *formatstest.Client) error { return publish(c, "1.0.0") },
				Do:     func(c *formatstest.Client) error { return publish(c, "1.0.1") },
				Done:   func(c *formatstest.Client) bool { return c.AllOf(has(c, "1.0.1"), latest(c, "1.0.1")) },
				Events: []string{"artifact.published", "tag.set"},
			},
			formatstest.Change{
				Name: "set a dist-tag",
				Before: func(c *formatstest.Client) error {
					return errors.Join(publish(c, "1.0.0"), publish(c, "1.0.1"))
				},
				Do: func(c *formatstest.Client) error {
					_, err := c.Send(formatstest.Request{Method: http.MethodPut, Path: "/npm/main/-/package/" + c.Package + "/dist-tags/latest", Body: []byte(`"1.0.0"`)}, http.StatusOK, http.StatusCreated)
					return err
				},
				Done:   func(c *formatstest.Client) bool { return latest(c, "1.0.0") },
				Events: []string{"tag.set"},
			}),
	})
}

// refusal reports why an answer is not an error in the form of the protocol.
func refusal(res formatstest.Response) error {
	var body failure
	if err := json.Unmarshal(res.Body, &body); err != nil {
		return err
	}
	if body.Error == "" || body.Message == "" || body.Code == "" {
		return errors.New("no error of npm's form")
	}
	return nil
}
