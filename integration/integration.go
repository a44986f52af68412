// Package integration carries the registry's events to other programs. Subscriptions say which events go where; fan-out makes
// deliveries of the log's entries; the dispatcher sends them through the sinks that the subscriptions name. The sinks and the
// bodies they send live in the folders below.
package integration

import (
	"slipway/internal/seal"
	"slipway/registry"
)

// Subscriptions keeps the subscriptions of an instance, and what is to be delivered to them.
type Subscriptions struct {
	core     *registry.Core
	renderer Renderer
	sinks    Sinks
	sealed   seal.Sealer // secrets of subscriptions
}

// NewSubscriptions makes the part. renderer makes the messages of presets, and sinks are what a subscription can name: without
// a renderer or a sink there can be no subscriptions. sealKey are 32 bytes that secrets are kept under, and where it is nil
// none can be kept.
func NewSubscriptions(core *registry.Core, renderer Renderer, sinks Sinks, sealKey []byte) (*Subscriptions, error) {
	sealed, err := seal.New(sealKey, "subscriptions")
	return &Subscriptions{core: core, renderer: renderer, sinks: sinks, sealed: sealed}, err
}
