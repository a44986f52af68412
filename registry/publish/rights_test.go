package publish_test

import (
	"context"
	"strings"
	"testing"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/registry/content"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
	"slipway/registry/staging"
)

// TestRights: what needs which right, and what a caller without it is told.
func TestRights(t *testing.T) {
	e := registrytest.New(t)
	if err := e.Publish("web", "1"); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Core.CreateRepository(e.Admin, "other", registry.RepositoryChange{}); err != nil {
		t.Fatal(err)
	}
	name := e.Name("web")
	ops := map[string]struct {
		action access.Action
		run    func(ctx context.Context) error
	}{
		"read":    {access.Read, func(ctx context.Context) error { _, err := e.Catalog.Package(ctx, name); return err }},
		"publish": {access.Publish, func(ctx context.Context) error { _, err := e.Publisher.Begin(ctx, name); return err }},
		"tag": {access.Tag, func(ctx context.Context) error {
			_, err := e.Publisher.SetTag(ctx, name, "x", publish.TagChange{Version: "1"})
			return err
		}},
		"delete": {access.Delete, func(ctx context.Context) error {
			return e.Publisher.Delete(ctx, name.At("none"), "")
		}},
		// K12: who may not change anything learns from no refusal which packages there are.
		"tag absent": {access.Tag, func(ctx context.Context) error {
			_, err := e.Publisher.SetTag(ctx, e.Name("absent"), "x", publish.TagChange{Version: "1"})
			return err
		}},
		"delete absent": {access.Delete, func(ctx context.Context) error {
			return e.Publisher.Delete(ctx, e.Name("absent").At("1"), "")
		}},
	}
	for what, op := range ops {
		for _, action := range access.Actions {
			err := op.run(e.Login(access.Credentials{Token: e.Token("main", action)}))
			allowed := action == op.action || action == access.Admin
			if kind := registry.KindOf(err); !allowed && kind != registry.Denied {
				t.Errorf("%s with the right to %s: %v, want Denied", what, action, err)
			} else if allowed && err != nil && kind != registry.NotFound {
				t.Errorf("%s with the right to %s: %v", what, action, err)
			}
		}
		if err := op.run(e.Login(access.Credentials{Token: e.Token("other", access.Admin)})); registry.KindOf(err) != registry.NotFound {
			t.Errorf("%s with rights elsewhere: %v, want NotFound", what, err)
		}
		if err := op.run(context.Background()); registry.KindOf(err) != registry.Unauthenticated {
			t.Errorf("%s without credentials: %v, want Unauthenticated", what, err)
		}
	}
}

// TestS6Names: no name gets past its rules into the store, also where a front-end put it together by itself.
func TestS6Names(t *testing.T) {
	e := registrytest.New(t)
	for _, pkg := range []string{"", "../x", "a/../b", ".", "a\x00b", `a\b`, "e\u0301", "\uff0e\uff0e", strings.Repeat("x/", 300) + "x"} {
		for _, at := range []registry.Name{{Repository: "main", Format: registrytest.Format, Package: pkg, Display: pkg},
			{Repository: "main", Format: registrytest.Format, Package: "good", Display: pkg}} {
			if at.Display == "" && at.Package != "" {
				continue // stands for the package's
			}
			p, err := e.Publisher.Begin(e.Admin, at)
			if err == nil {
				_, err = p.Stage(e.Admin, content.StageFile{Path: "f"}, strings.NewReader("x"))
				if err == nil {
					_, err = p.Commit(e.Admin, publish.Release{Version: "1", PURL: "pkg:generic/x@1"})
				}
				p.Abort()
			}
			if registry.KindOf(err) != registry.Invalid || err == nil {
				t.Errorf("%q, shown as %q: %v, want Invalid", at.Package, at.Display, err)
			}
			_, err = e.Staging.Add(e.Admin, staging.Key{Repository: "main", ID: "set"},
				staging.File{At: at.At("1"), File: content.StageFile{Path: "f"}}, strings.NewReader("x"))
			if registry.KindOf(err) != registry.Invalid || err == nil {
				t.Errorf("%q, shown as %q, in a set: %v, want Invalid", at.Package, at.Display, err)
			}
		}
	}
	if found, err := e.Catalog.Packages(e.Admin, "main", catalog.PackageQuery{}); err != nil || len(found) > 0 {
		t.Errorf("%v, %v", found, err)
	}
}
