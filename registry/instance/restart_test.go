package instance_test

import (
	"context"
	"testing"

	"slipway/registry/instance"
	"slipway/registry/registrytest"
)

// TestRestart: a second start finds everything and makes nothing anew.
func TestRestart(t *testing.T) {
	e := registrytest.New(t)
	if err := e.Publish("web", "1"); err != nil {
		t.Fatal(err)
	}
	id := e.Core.Identity().ID
	s, err := instance.Open(context.Background(), e.Config)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if again := s.Core.Identity().ID; again != id || id == "" {
		t.Errorf("instance %q became %q", id, again)
	}
	if pw, err := s.Accounts.EnsureAdmin(context.Background(), ""); err != nil || pw != "" {
		t.Errorf("a second start makes an admin: %q, %v", pw, err)
	}
	if _, err := s.Catalog.VersionDetail(e.Admin, e.Name("web").At("1")); err != nil {
		t.Error(err)
	}
}
