package maven

import (
	"crypto/sha1"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/formats"
	"slipway/formats/formatstest"
	"slipway/formats/raw"
	"slipway/web/api"
)

// faultClient sends what Maven sends.
type faultClient struct {
	*formatstest.Client
	header []string // name and value, with each file
}

func (c faultClient) put(path, body string) error {
	q := formatstest.Request{Method: http.MethodPut, Path: "/maven/main/com/acme/" + path, Body: []byte(body)}
	if len(c.header) > 0 {
		q = q.With(c.header[0], c.header[1])
	}
	_, err := c.Send(q, http.StatusCreated, http.StatusOK)
	return err
}

// files are jar and POM of a version.
func (c faultClient) files(artifact, version string) map[string]string {
	base := artifact + "/" + version + "/" + artifact + "-" + version
	return map[string]string{base + ".jar": "jar of " + base, base + ".pom": pomOf(artifact, version, "")}
}

func (c faultClient) deploy(artifact, version string) error {
	base := artifact + "/" + version + "/" + artifact + "-" + version
	files := c.files(artifact, version)
	for _, suffix := range []string{".jar", ".pom"} {
		if err := c.put(base+suffix, files[base+suffix]); err != nil {
			return err
		}
		if err := c.put(base+suffix+".sha1", sumHex(sha1.New(), files[base+suffix])); err != nil {
			return err
		}
	}
	metadata := versionsOf(artifact, version)
	if err := c.put(artifact+"/maven-metadata.xml", metadata); err != nil {
		return err
	}
	return c.put(artifact+"/maven-metadata.xml.sha1", sumHex(sha1.New(), metadata))
}

// stage sends the files of a version that a publish holds.
func (c faultClient) stage(artifact, version string) error {
	files := c.files(artifact, version)
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if err := c.put(path, files[path]); err != nil {
			return err
		}
	}
	return nil
}

// has reports whether a version is listed, and its files are there with their sums.
func (c faultClient) has(artifact, version string) bool {
	list := c.Do(formatstest.Admin, formatstest.Request{Method: http.MethodGet, Path: "/maven/main/com/acme/" + artifact + "/maven-metadata.xml"})
	seen := []bool{list.Status == http.StatusOK && strings.Contains(string(list.Body), "<version>"+version+"</version>")}
	for path, content := range c.files(artifact, version) {
		seen = append(seen, c.Has("/maven/main/com/acme/"+path, []byte(content)),
			c.Has("/maven/main/com/acme/"+path+".sha1", []byte(sumHex(sha1.New(), content))))
	}
	return c.AllOf(seen...)
}

// TestFaults lets every call of a backend fail in turn.
func TestFaults(t *testing.T) {
	deploy := func(c *formatstest.Client, version string) error {
		return faultClient{Client: c}.deploy(c.Package, version)
	}
	has := func(c *formatstest.Client, version string) bool {
		return faultClient{Client: c}.has(c.Package, version)
	}
	versions := formatstest.Versions{
		Format:  formatName,
		Package: func(c *formatstest.Client) string { return "com.acme:" + c.Package },
		Publish: func(c *formatstest.Client, version string) (string, error) { return version, deploy(c, version) },
		Has:     has,
	}
	const snapshot, build = "1.0-SNAPSHOT", "1.0-20260102.030405-1"
	formatstest.RunFaults(t, formatstest.Faults{
		Mounts: func() []formatstest.Mounter {
			return []formatstest.Mounter{New(Options{Quiet: time.Hour}), raw.New(), api.New(api.Options{})}
		},
		Refusal: refusal,
		Changes: append(versions.Changes(),
			versions.Read(func(c *formatstest.Client, version string) map[string][]byte {
				files := map[string][]byte{"/maven/main/com/acme/" + c.Package + "/maven-metadata.xml": nil}
				for path, content := range (faultClient{Client: c}).files(c.Package, version) {
					files["/maven/main/com/acme/"+path] = []byte(content)
					files["/maven/main/com/acme/"+path+".sha256"] = nil
				}
				return files
			}),
			formatstest.Change{
				Name:   "deploy",
				Do:     func(c *formatstest.Client) error { return deploy(c, "1.0") },
				Done:   func(c *formatstest.Client) bool { return has(c, "1.0") },
				Events: []string{"artifact.published"},
			},
			formatstest.Change{
				Name:   "deploy the next",
				Before: func(c *formatstest.Client) error { return deploy(c, "1.0") },
				Do:     func(c *formatstest.Client) error { return deploy(c, "1.1") },
				Done: func(c *formatstest.Client) bool {
					if !has(c, "1.0") {
						c.Halfway("what was there is gone")
					}
					return has(c, "1.1")
				},
				Events: []string{"artifact.published"},
			},
			formatstest.Change{
				Name: "deploy a snapshot",
				Do: func(c *formatstest.Client) error {
					m := faultClient{Client: c}
					dir := c.Package + "/" + snapshot + "/"
					if err := m.put(dir+c.Package+"-"+build+".jar", "jar"); err != nil {
						return err
					}
					if err := m.put(dir+c.Package+"-"+build+".pom", pomOf(c.Package, snapshot, "")); err != nil {
						return err
					}
					return m.put(dir+"maven-metadata.xml", `<metadata><groupId>com.acme</groupId><artifactId>`+c.Package+`</artifactId><version>`+snapshot+
						`</version><versioning><snapshot><timestamp>20260102.030405</timestamp><buildNumber>1</buildNumber></snapshot></versioning></metadata>`)
				},
				Done: func(c *formatstest.Client) bool {
					dir := "/maven/main/com/acme/" + c.Package + "/" + snapshot + "/"
					return c.AllOf(c.Has(dir+"maven-metadata.xml", nil), c.Has(dir+c.Package+"-"+build+".jar", []byte("jar")),
						c.Has(dir+c.Package+"-"+build+".pom", nil), c.Has(dir+c.Package+"-"+snapshot+".jar", []byte("jar")))
				},
				Events: []string{"artifact.published"},
			},
			formatstest.Change{
				Name: "publish",
				Do: func(c *formatstest.Client) error {
					m := faultClient{Client: c, header: []string{formats.PublishHeader, c.Package}}
					for _, artifact := range []string{c.Package + "-api", c.Package + "-core"} {
						if err := m.stage(artifact, "1.0"); err != nil {
							return err
						}
					}
					_, err := c.Send(formatstest.Request{Method: http.MethodPost, Path: "/api/v1/publishes/" + c.Package + "/commit"}, http.StatusOK)
					return err
				},
				Done: func(c *formatstest.Client) bool {
					m := faultClient{Client: c}
					return c.AllOf(m.has(c.Package+"-api", "1.0"), m.has(c.Package+"-core", "1.0"))
				},
				Events: []string{"artifact.published", "artifact.published"},
			}),
	})
}
