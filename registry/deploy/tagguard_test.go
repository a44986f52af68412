package deploy_test

import (
	"context"
	"slices"
	"testing"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/deploy"
	"slipway/registry/registrytest"
)

// TestTagGuard: an auditor is told the rule and the environments that keep a tag, and the rights that move it.
func TestTagGuard(t *testing.T) {
	p := people{newDeployer(t, "1")}
	auditor := p.user("aud", access.Grant{Repository: "*", Actions: []access.Action{access.Audit}})
	ann := p.user("ann", deploysMain)
	eve := p.user("eve", access.Grant{Repository: "elsewhere", Actions: []access.Action{access.Deploy}})
	registrytest.Must(t, registrytest.ErrOf(p.Core.CreateRepository(p.Admin, "elsewhere", registry.RepositoryChange{})))
	registrytest.Must(t, registrytest.ErrOf(p.Core.UpdateRepository(p.Admin, "main", registry.RepositoryChange{Settings: map[string]any{
		"tag_rules": registry.TagRuleList{{Pattern: "stable*", Rule: registry.TagProtected}, {Pattern: "v*", Rule: registry.TagImmutable, Format: registrytest.Format}}}})))
	tag := "production"
	follows := func(by context.Context, name string) {
		t.Helper()
		registrytest.Must(t, registrytest.ErrOf(p.Deploy.CreateEnvironment(by, name, deploy.EnvironmentChange{Tag: &tag})))
	}
	follows(ann, "prod")
	follows(p.Admin, "prod-2")
	follows(eve, "hers") // whose owner does not deploy from main
	for _, c := range []struct {
		format, tag string
		rule        registry.TagRuleKind
		followers   []string
		with        []access.Action
	}{
		{"", "latest", "", nil, []access.Action{access.Tag, access.Publish}},
		{"", "stable-1", registry.TagProtected, nil, []access.Action{access.Tag}},
		{"", "v1", registry.TagImmutable, nil, []access.Action{access.Admin}},
		{registrytest.Format, "v1", registry.TagImmutable, nil, []access.Action{access.Admin}},
		{"", tag, "", []string{"prod", "prod-2"}, []access.Action{access.Tag}},
	} {
		g, err := p.Deploy.TagGuard(auditor, "main", c.format, c.tag)
		slices.Sort(g.Followers)
		if err != nil || g.Rule.Rule != c.rule || !slices.Equal(g.Followers, c.followers) || !slices.Equal(g.MovedWith(), c.with) {
			t.Errorf("%s of format %q: %+v, moved with %v, %v", c.tag, c.format, g, g.MovedWith(), err)
		}
	}
	p.kind("no auditor", registrytest.ErrOf(p.Deploy.TagGuard(ann, "main", "", tag)), registry.Denied)
	p.kind("another repository", registrytest.ErrOf(p.Deploy.TagGuard(ann, "elsewhere", "", tag)), registry.NotFound)
	p.kind("no format", registrytest.ErrOf(p.Deploy.TagGuard(auditor, "main", "x", tag)), registry.Invalid)
	p.kind("no tag", registrytest.ErrOf(p.Deploy.TagGuard(auditor, "main", "", "")), registry.Invalid)
	p.kind("no repository", registrytest.ErrOf(p.Deploy.TagGuard(auditor, "gone", "", tag)), registry.NotFound)
}
