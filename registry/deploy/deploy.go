// Package deploy keeps environments, reported deployments, and which versions run, now and at past moments.
package deploy

import "slipway/registry"

// Records keeps the deployments of an instance.
type Records struct {
	core *registry.Core
}

// New makes the part.
func New(core *registry.Core) *Records { return &Records{core: core} }
