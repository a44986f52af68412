package formatstest

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
)

// Versions are how a format publishes them, for the changes that the JSON API makes of them all.
type Versions struct {
	Format string
	// Package is the name of c.Package in the API; nil: the same.
	Package func(c *Client) string
	// Publish publishes a version and returns its name in the API.
	Publish func(c *Client, version string) (name string, err error)
	// Has reports whether the version is visible whole.
	Has func(c *Client, version string) bool
}

// Changes are MoveTag and Delete.
func (v Versions) Changes() []Change { return []Change{v.MoveTag(), v.Delete()} }

// MoveTag moves a tag from one version to another.
func (v Versions) MoveTag() Change {
	set := func(c *Client, name string) error {
		body, err := json.Marshal(map[string]string{"version": name, "reason": "test"})
		c.must(err)
		_, err = c.Send(Request{Method: http.MethodPut, Path: v.path(c) + "/tags/production", Body: body}.With("Content-Type", "application/json"), http.StatusOK)
		return err
	}
	return Change{
		Name: "move tag",
		Before: func(c *Client) error {
			for _, version := range []string{"1.0.0", "2.0.0"} {
				name, err := v.Publish(c, version)
				if err != nil {
					return err
				}
				c.names[version] = name
			}
			return set(c, c.names["1.0.0"])
		},
		Do: func(c *Client) error { return set(c, c.names["2.0.0"]) },
		Done: func(c *Client) bool {
			res := c.Do(c.reader, Request{Method: http.MethodGet, Path: v.path(c) + "/tags/production"})
			var tag struct{ Version string }
			if err := json.Unmarshal(res.Body, &tag); err != nil || tag.Version != c.names["1.0.0"] && tag.Version != c.names["2.0.0"] {
				c.Halfway("the tag is %v", res)
			}
			return tag.Version == c.names["2.0.0"]
		},
		Events: []string{"tag.set"},
	}
}

// Delete deletes one of two versions.
func (v Versions) Delete() Change {
	return Change{
		Name: "delete",
		Before: func(c *Client) (err error) {
			if c.names["1.0.0"], err = v.Publish(c, "1.0.0"); err == nil {
				_, err = v.Publish(c, "2.0.0")
			}
			return err
		},
		Do: func(c *Client) error {
			_, err := c.Send(Request{Method: http.MethodDelete, Path: v.path(c) + "/versions/" + c.names["1.0.0"]}, http.StatusNoContent, http.StatusNotFound)
			return err
		},
		Done: func(c *Client) bool {
			if !v.Has(c, "2.0.0") {
				c.Halfway("the version beside it is gone")
			}
			return !v.Has(c, "1.0.0")
		},
		Events: []string{"artifact.deleted"},
	}
}

// Read reads a published version, by paths with their contents; nil are any.
func (v Versions) Read(files func(c *Client, version string) map[string][]byte) Change {
	return Change{
		Name: "read",
		Before: func(c *Client) error {
			_, err := v.Publish(c, "1.0.0")
			return err
		},
		Do: func(c *Client) error {
			contents := files(c, "1.0.0")
			for _, path := range slices.Sorted(maps.Keys(contents)) {
				want := contents[path]
				res, err := c.Send(Request{Method: http.MethodGet, Path: path}, http.StatusOK)
				if err != nil {
					return err
				}
				if want != nil && !bytes.Equal(res.Body, want) {
					c.t.Errorf("GET %s: other bytes: %v", path, res)
				}
			}
			return nil
		},
		Done: func(*Client) bool { return true },
	}
}

// path is where the API has the package.
func (v Versions) path(c *Client) string {
	name := c.Package
	if v.Package != nil {
		name = v.Package(c)
	}
	return "/api/v1/repositories/main/packages/" + v.Format + "/" + name
}
