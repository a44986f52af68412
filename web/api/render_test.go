package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/api"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/catalog"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestRender holds every object of the API to its golden file: consumers hold on to these names.
func TestRender(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_000, time.FixedZone("", 3600))
	sum := digest.FromString("content")
	pkg := registry.Package{Format: "npm", Name: "@acme/web", Key: "@acme/web", Latest: "1.4.2", VersionCount: 3, CreatedAt: at, UpdatedAt: at}
	version := registry.Version{
		Name: "1.4.2", PURL: "pkg:npm/%40acme/web@1.4.2", State: registry.Deprecated, Reason: "use 2.0.0", Digest: sum, Size: 7,
		PublishedAt: at, PublishedBy: "jane", Seq: 42,
	}
	tag := registry.Tag{Name: "production", Version: "1.4.2", Digest: sum, Generation: 3, SetAt: at, SetBy: "jane", Reason: "release 12", SeqFrom: 43}
	ended := tag
	ended.EndedAt, ended.SeqTo = at.Add(time.Hour), 50
	for name, v := range map[string]any{
		"repository": described().repositoryWith(registry.Repository{Name: "main", Description: "all", Settings: []byte(`{"allow_reuse":true}`), CreatedAt: at}, []api.Upstream{}),
		"package":    packageOf(pkg),
		"version": detailOf(catalog.VersionDetail{
			Package: pkg, Version: version, Tags: []registry.Tag{tag},
			Files: []registry.File{{Path: "web-1.4.2.tgz", MediaType: "application/octet-stream", AddedAt: at, Blob: registry.Blob{
				ID: 1, Digest: sum, Size: 7, SHA1: []byte{1, 2}, MD5: []byte{3, 4}, SHA512: []byte{5, 6},
			}}, {Path: "plain", AddedAt: at, Blob: registry.Blob{ID: 1, Digest: sum}}},
			Facts: []registry.Fact{
				{Key: "source.commit", Value: "4f0c2d1", Source: "npm:gitHead", Rank: 1, Seq: 42, At: at},
				{Key: "custom.team.ticket", Value: "ABC-1", Source: "api", Rank: 1, Seq: 44, At: at},
			},
		}),
		"tag":         tagOf(tag),
		"tag-ended":   tagOf(ended),
		"token":       api.NewToken{Token: tokenOf(registry.Token{ID: 12, Name: "ci", User: "jane", Hint: "slp_abcd", CreatedAt: at, ExpiresAt: at}), Secret: "secret"},
		"permissions": permissionsOf([]access.Grant{{Repository: "main", Actions: []access.Action{access.Read, access.Publish}}}),
		"user":        userOf(accounts.UserDetail{User: registry.User{Name: "jane", CreatedAt: at, PasswordHash: "never shown"}, Groups: []string{"releasers"}}),
		"list":        api.List[int]{Items: []int{}},
	} {
		got, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name+".json")
		if *update {
			if err := os.WriteFile(path, append(got, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(append(got, '\n'), want) {
			t.Errorf("%s differs from its golden file:\n%s", name, got)
		}
	}
}
