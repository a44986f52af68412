package formatstest

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"slipway/registry"
	"slipway/registry/access"
)

// promoted: a version of a repository, as seen through another one, becomes one of a third: the same bytes, told once, and the same again
// is nothing. Other content there, a missing right and the repository itself are refused.
func (s Suite) promoted(t *testing.T) {
	srv := s.group(t)
	at := s.only(t, srv)
	at.Repository = allRepository
	_, err := srv.Core.CreateRepository(srv.Admin, "releases", registry.RepositoryChange{Settings: s.Settings})
	srv.must(err)
	var tags []string
	if s.New().Rules().Images { // which are pulled by tags
		tags = []string{"1.0.0"}
	}
	pkg, v, err := srv.Upstreams.Promote(srv.Admin, at, "releases", tags)
	srv.must(err)
	if pkg.Repository != "releases" || v.Name != at.Version || pkg.Origin != "" {
		t.Errorf("%+v, %+v", pkg, v)
	}
	if strings.Contains(v.PURL, "main") || strings.Contains(v.PURL, allRepository) {
		t.Errorf("the package URL is that of another repository: %s", v.PURL)
	}
	as := reader(srv, "rita", "releases")
	if res := srv.Do(as, s.Download("releases", "example", "1.0.0")); res.Status != http.StatusOK || !bytes.Equal(res.Body, s.Content("example", "1.0.0", []byte("first"))) {
		t.Errorf("download: %v", res)
	}
	size := srv.logSize()
	if _, _, err := srv.Upstreams.Promote(srv.Admin, at, "releases", tags); err != nil || srv.logSize() != size {
		t.Errorf("again: %v, %d entries more", err, srv.logSize()-size)
	}
	for name, c := range map[string]struct {
		grants []access.Grant
		to     string
		kind   registry.Kind
	}{
		"without the right to publish": {grants([]access.Action{access.Read}, "main", allRepository, "releases"), "releases", registry.Denied},
		"without the right to read":    {append(grants([]access.Action{access.Read}, allRepository), grants([]access.Action{access.Publish}, "releases")...), "releases", registry.NotFound},
		"into its own repository":      {grants([]access.Action{access.Read, access.Publish}, allRepository, "main"), "main", registry.Invalid},
	} {
		ctx := access.With(srv.Admin, access.Actor{Type: access.TypeToken, ID: "token:9", Name: "t", Token: "t", Grants: c.grants, Owner: c.grants})
		if _, _, err := srv.Upstreams.Promote(ctx, at, c.to, nil); err == nil || registry.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
	srv.MustFsck(t)
}
