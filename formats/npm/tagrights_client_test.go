package npm

import (
	"testing"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/deploy"
)

// TestNpmTagRights is acceptance 54: who may only publish moves latest and free dist-tags, and neither a followed nor a protected
// nor an immutable one, by whatever command; the client shows why.
func TestNpmTagRights(t *testing.T) {
	e, m := oneNpm(t)
	tag := "production"
	_, err := e.Deploy.CreateEnvironment(e.Admin, "prod", deploy.EnvironmentChange{Tag: &tag})
	must(t, err)
	one := m.pkg("web", "1.0.0")
	m.run(one, "publish")
	for _, tag := range []string{"production", "stable", "done"} {
		m.run(one, "dist-tag", "add", "web@1.0.0", tag)
	}
	_, err = e.Core.UpdateRepository(e.Admin, "main", registry.RepositoryChange{Settings: map[string]any{
		"tag_rules": registry.TagRuleList{{Pattern: "stable", Rule: registry.TagProtected}, {Pattern: "do*", Rule: registry.TagImmutable, Format: "npm"}}}})
	must(t, err)

	m.token(e.Token("main", access.Read, access.Publish))
	m.run(m.pkg("web", "1.1.0"), "publish")
	m.run(m.pkg("web", "1.2.0-rc.1"), "publish", "--tag", "next")
	m.run(m.pkg("web", "1.2.0-rc.2"), "publish", "--tag", "next")
	two := m.pkg("web", "2.0.0")
	for tag, why := range map[string]string{
		"production": `without the right "tag" in repository "main": environment "prod" follows it`, "stable": "has the tag rule stable=protected", "done": "has the tag rule npm:do*=immutable",
	} {
		out, err := m.try(two, "publish", "--tag", tag)
		if err == nil {
			t.Errorf("published with the tag %s", tag)
		}
		contains(t, out, "E403", why)
		m.fail(two, "E403", "dist-tag", "add", "web@1.1.0", tag)
		m.fail(two, "E403", "dist-tag", "rm", "web", tag)
	}
	m.token(e.Token("main", access.Read, access.Delete))
	m.fail(two, `environment "prod" follows it`, "dist-tag", "rm", "web", "production")
	m.fail(two, "can't be deleted", "unpublish", "web@1.0.0", "--force")
	m.token(e.everything())
	contains(t, m.run(two, "dist-tag", "ls", "web"), "latest: 1.1.0", "next: 1.2.0-rc.2", "production: 1.0.0", "stable: 1.0.0", "done: 1.0.0")
	lacks(t, m.run(two, "view", "web", "versions", "--json"), "2.0.0")

	m.token(e.Token("main", access.Read, access.Publish, access.Tag))
	m.run(two, "publish", "--tag", "production")
	m.run(two, "dist-tag", "add", "web@1.1.0", "stable")
	m.fail(two, "npm:do*=immutable", "dist-tag", "add", "web@1.1.0", "done")
	m.fail(two, "npm:do*=immutable", "dist-tag", "rm", "web", "done")
}
