package oci_test

import (
	"net/http"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/deploy"
)

// keepTags lets the environment prod follow production, and makes the rules stable=protected and v*=immutable.
func (s *server) keepTags(t testing.TB) {
	t.Helper()
	tag := "production"
	_, err := s.Deploy.CreateEnvironment(s.Admin, "prod", deploy.EnvironmentChange{Tag: &tag})
	must(t, err)
	_, err = s.Core.UpdateRepository(s.Admin, "main", registry.RepositoryChange{Settings: map[string]any{
		"tag_rules": registry.TagRuleList{{Pattern: "stable", Rule: registry.TagProtected}, {Pattern: "v*", Rule: registry.TagImmutable}}}})
	must(t, err)
}

// TestTagRights is acceptance 65: who may only push moves latest, and neither a followed nor a protected nor an immutable tag, by
// whatever client; the client shows why.
func TestTagRights(t *testing.T) {
	s := newServer(t, formatstest.Options{Local: true})
	m := newMachine(t, s)
	m.publisher()
	app := s.Addr + "/main/app"
	m.ok("crane", "append", "-f", m.layer("one", "one"), "-t", app+":latest")
	for _, tag := range []string{"production", "stable", "v1"} {
		m.ok("crane", "tag", app+":latest", tag)
	}
	kept := m.ok("crane", "digest", app+":v1")
	s.keepTags(t)

	m.login(string(s.token("main", access.Read, access.Publish)))
	m.ok("crane", "append", "-f", m.layer("two", "two"), "-t", app+":latest")
	m.ok("crane", "tag", app+":latest", "v2")
	m.ok("regctl", "registry", "set", "--tls", "disabled", s.Addr)
	layout := "oci:" + m.home + "/layout"
	m.ok("skopeo", m.skopeo("copy", "--src-tls-verify=false", "docker://"+app+":latest", layout)...)
	for tag, why := range map[string]string{
		"production": "follows it", "stable": "has the tag rule stable=protected", "v1": "has the tag rule v*=immutable",
	} {
		m.fails(why, "crane", "tag", app+":latest", tag)
		m.fails(why, "crane", "append", "-f", m.layer("three", tag), "-t", app+":"+tag)
		m.fails(why, "skopeo", m.skopeo("copy", "--dest-tls-verify=false", layout, "docker://"+app+":"+tag)...)
		m.fails(why, "regctl", "image", "copy", app+":latest", app+":"+tag)
		m.fails("DENIED|denied|forbidden|follows|tag rule|unauthorized", "regctl", "tag", "delete", app+":"+tag)
		s.refused(http.StatusForbidden, "DENIED", s.token("main", access.Read, access.Publish), http.MethodDelete, "main/app/manifests/"+tag, nil)
		s.refused(http.StatusForbidden, "DENIED", s.token("main", access.Read, access.Publish, access.Delete), http.MethodDelete, "main/app/manifests/"+tag, nil)
		if got := m.ok("crane", "digest", app+":"+tag); got != kept {
			t.Errorf("%s moved to %s", tag, got)
		}
	}
	m.ok("crane", "tag", app+"@"+kept, "production") // it is there already

	m.login(string(s.token("main", access.Read, access.Delete)))
	m.fails("can't be deleted", "crane", "delete", app+"@"+kept)
	m.login(string(s.token("main", access.Read, access.Tag, access.Delete)))
	m.ok("crane", "tag", app+":latest", "production")
	m.fails("v*=immutable", "crane", "tag", app+":latest", "v1")
	m.fails("v*=immutable", "crane", "delete", app+"@"+kept)
	s.MustFsck(t)
}

// refusedPushes shows what docker says of tags that its caller may not move.
func (m *machine) refusedPushes(ref string) {
	m.t.Helper()
	for tag, why := range map[string]string{"production": "follows it", "stable": "stable=protected", "v1": "v*=immutable"} {
		at := ref[:strings.LastIndex(ref, ":")+1] + tag
		m.ok("docker", "tag", ref, at)
		m.fails("denied: the tag \""+tag+"\"", "docker", "push", at)
		m.fails(why, "docker", "push", at)
	}
}
