package api_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/registry/access"
)

// TestStorage: what repositories hold is counted, packages are listed by it and by their changes page by page, and it is said why bytes are kept.
func TestStorage(t *testing.T) {
	a := newAPI(t)
	for _, pkg := range []string{"small", "middle", "large"} {
		a.publish(pkg, "1.0.0")
	}
	a.publish("middle", "1.1.0")
	a.publish("large", "1.1.0", "1.2.0")
	a.publish("small", "1.0.1-rc")
	type usage struct {
		Format                                 string
		Packages, Versions, Bytes, CachedBytes int64
	}
	var storage struct {
		Formats     []usage
		StoredBlobs int64  `json:"stored_blobs"`
		StoredBytes int64  `json:"stored_bytes"`
		CountedAt   string `json:"counted_at"`
	}
	a.want(200, "GET", "/storage", "", &storage)
	if len(storage.Formats) != 0 || storage.CountedAt != "" {
		t.Errorf("before a count: %+v", storage)
	}
	a.want(200, "POST", "/storage/count", "", &storage)
	if len(storage.Formats) != 1 || storage.Formats[0].Packages != 3 || storage.Formats[0].Versions != 7 || storage.Formats[0].Bytes == 0 || storage.StoredBlobs == 0 || storage.CountedAt == "" {
		t.Errorf("counted: %+v", storage)
	}
	var repository struct{ Formats []usage }
	a.want(200, "GET", "/repositories/main/usage", "", &repository)
	if !slices.Equal(repository.Formats, storage.Formats) {
		t.Errorf("main: %+v, all: %+v", repository, storage)
	}
	var all struct {
		Items []struct{ Repository string }
		Next  string
	}
	a.want(200, "GET", "/storage/repositories?limit=1", "", &all)
	if len(all.Items) != 1 || all.Items[0].Repository != "main" || all.Next != "main" {
		t.Errorf("%+v", all)
	}
	type page struct {
		Items []struct {
			Name string
			Size int64
		}
		Next string
	}
	for query, want := range map[string]string{"": "large middle small", "sort=name": "large middle small", "sort=size": "large small middle", "sort=newest": "small large middle", "sort=newest&format=test": "small large middle"} {
		for _, limit := range []string{"1", "2", "3", "10"} {
			var got []string
			for after := ""; ; {
				var p page
				a.want(200, "GET", "/repositories/main/packages?limit="+limit+"&"+query+"&after="+url.QueryEscape(after), "", &p)
				for _, item := range p.Items {
					got = append(got, item.Name)
					if item.Size == 0 {
						t.Errorf("%s has no size", item.Name)
					}
				}
				if after = p.Next; after == "" {
					break
				}
			}
			if list := strings.Join(got, " "); list != want {
				t.Errorf("%s, %s at once: %s, want %s", query, limit, list, want)
			}
		}
	}
	for _, query := range []string{"sort=odd", "sort=size&q=a", "sort=size&after=x", "sort=size&format=odd"} {
		a.want(400, "GET", "/repositories/main/packages?"+query, "", nil)
	}

	var v struct{ Files []struct{ Digest string } }
	a.want(200, "GET", packages+"/small/versions/1.0.0", "", &v)
	var kept struct {
		Needed bool
		Uses   []struct{ Kind, Repository, Package, Version string }
	}
	a.want(200, "GET", "/blobs/"+v.Files[0].Digest, "", &kept)
	if !kept.Needed || !slices.ContainsFunc(kept.Uses, func(u struct{ Kind, Repository, Package, Version string }) bool {
		return u.Kind == "file" && u.Repository == "main" && u.Package == "small" && u.Version == "1.0.0"
	}) {
		t.Errorf("%+v", kept)
	}
	a.want(404, "GET", "/blobs/sha256:"+strings.Repeat("0", 64), "", nil)
	a.want(400, "GET", "/blobs/sha512:"+strings.Repeat("0", 128), "", nil)
	auditor := a.UserToken("ann", 0, access.Grant{Repository: "*", Actions: []access.Action{access.Audit}})
	for path, status := range map[string]int{"/storage": 200, "/storage/repositories": 200, "/blobs/" + v.Files[0].Digest: 200} {
		if res := a.call(auditor, "GET", path, ""); res.Status != status {
			t.Errorf("%s of an auditor: %v", path, res)
		}
	}
	if res := a.call(auditor, "POST", "/storage/count", ""); res.Status != 403 {
		t.Errorf("a count by an auditor: %v", res)
	}
	if res := a.call(formatstest.As(a.ReadToken(formatstest.OtherRepository)), "GET", "/repositories/main/usage", ""); res.Status != 404 || strings.Contains(string(res.Body), "test") {
		t.Errorf("what a hidden repository holds: %v", res)
	}
}
