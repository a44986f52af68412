package pypi

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/web/api"
)

// TestFaults lets every call of a backend fail in turn.
func TestFaults(t *testing.T) {
	wheel := func(c *formatstest.Client, version string) dist {
		return dist{name: c.Package, version: version, header: []string{"Project-URL: Source, https://git.example.com/team/app"}}
	}
	upload := func(c *formatstest.Client, d dist, name string, content []byte) error {
		q := uploadRequest(t, "main", post{file: name, content: content, set: map[string]string{"name": d.name, "version": d.version}})
		_, err := c.Send(q, http.StatusOK)
		return err
	}
	uploadWheel := func(c *formatstest.Client, version string) error {
		d := wheel(c, version)
		return upload(c, d, d.wheelName(), d.wheel(t))
	}
	// has looks at the page of the project, and at the file and its metadata behind the link.
	has := func(c *formatstest.Client, name string, content []byte) bool {
		res := c.Do(formatstest.Admin, formatstest.Request{Method: http.MethodGet, Path: "/pypi/main/simple/" + c.Package + "/"}.With("Accept", medias[2].mime))
		if res.Status == http.StatusNotFound {
			return false
		}
		var page jsonPage
		if err := json.Unmarshal(res.Body, &page); err != nil {
			c.Halfway("%v: %v", res, err)
		}
		i := slices.IndexFunc(page.Files, func(f jsonFile) bool { return f.Filename == name })
		if i < 0 {
			return false
		}
		path := "/pypi/main" + page.Files[i].href()
		seen := []bool{true, c.Has(path, content)}
		if strings.HasSuffix(name, wheelSuffix) {
			seen = append(seen, c.Has(path+metadataSuffix, nil))
		}
		return c.AllOf(seen...)
	}
	hasWheel := func(c *formatstest.Client, version string) bool {
		d := wheel(c, version)
		return has(c, d.wheelName(), d.wheel(t))
	}
	versions := formatstest.Versions{
		Format:  formatName,
		Publish: func(c *formatstest.Client, version string) (string, error) { return version, uploadWheel(c, version) },
		Has:     hasWheel,
	}
	formatstest.RunFaults(t, formatstest.Faults{
		Mounts:  func() []formatstest.Mounter { return []formatstest.Mounter{New(), api.New(api.Options{})} },
		Refusal: refusal,
		Changes: append(versions.Changes(),
			versions.Read(func(c *formatstest.Client, version string) map[string][]byte {
				d := wheel(c, version)
				path := fmt.Sprintf("/pypi/main/files/%x/%s", sha256.Sum256(d.wheel(t)), d.wheelName())
				return map[string][]byte{"/pypi/main/simple/" + c.Package + "/": nil, path: d.wheel(t), path + metadataSuffix: nil}
			}),
			formatstest.Change{
				Name:   "upload a wheel",
				Do:     func(c *formatstest.Client) error { return uploadWheel(c, "1.0.0") },
				Done:   func(c *formatstest.Client) bool { return hasWheel(c, "1.0.0") },
				Events: []string{"artifact.published"},
			},
			formatstest.Change{
				Name:   "upload an sdist beside it",
				Before: func(c *formatstest.Client) error { return uploadWheel(c, "1.0.0") },
				Do: func(c *formatstest.Client) error {
					d := wheel(c, "1.0.0")
					return upload(c, d, d.sdistName(), d.sdist(t))
				},
				Done: func(c *formatstest.Client) bool {
					if !hasWheel(c, "1.0.0") {
						c.Halfway("what was there is gone")
					}
					d := wheel(c, "1.0.0")
					return has(c, d.sdistName(), d.sdist(t))
				},
				Events: []string{"artifact.files_added"},
			}),
	})
}

// refusal reports why an answer is not an error in the form of the protocol.
func refusal(res formatstest.Response) error {
	if lines := strings.Count(string(res.Body), "\n"); lines != 1 || len(res.Body) < 5 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/plain") {
		return errors.New("no line of text")
	}
	return nil
}
