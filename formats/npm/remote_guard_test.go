package npm

import (
	"net/http"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/registry/upstreams"
)

// TestGuardAtOnce: where a name may come from counts at once also for a package that was asked for before, and an origin ends by itself.
func TestGuardAtOnce(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{})
	path := tarballOf("left-pad", "1.0.0")
	m.wants(http.StatusOK, path)
	m.wants(http.StatusOK, path)

	m.Claim("mirror", formatName, "left-pad")
	m.wants(http.StatusNotFound, path)
	list, err := m.Upstreams.Claims(m.Admin, "mirror")
	must(t, err)
	must(t, m.Upstreams.RemoveClaim(m.Admin, list[0].ID))
	m.wants(http.StatusOK, path)

	at := sourceName("left-pad")
	at.Repository = "mirror"
	must(t, m.Upstreams.SetOrigin(m.Admin, at, upstreams.Origin{Origin: upstreams.OriginPublished, Reason: "for an hour", ExpiresAt: m.Core.Now().Add(time.Hour)}))
	m.wants(http.StatusNotFound, path)
	m.wants(http.StatusNotFound, path)
	m.later(2 * time.Hour)
	m.wants(http.StatusOK, path)
}
