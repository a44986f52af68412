package integration

import "slipway/registry"

// Subscriptions keeps the subscriptions of an instance, and what is to be delivered to them.
type Subscriptions struct {
	core     *registry.Core
	renderer Renderer
	sealed   sealer // secrets of subscriptions
}

// NewSubscriptions makes the part. renderer makes the messages of presets, and where it is nil there can be no subscriptions.
// sealKey are 32 bytes that secrets are kept under, and where it is nil none can be kept.
func NewSubscriptions(core *registry.Core, renderer Renderer, sealKey []byte) (*Subscriptions, error) {
	sealed, err := newSealer(sealKey, "subscriptions")
	return &Subscriptions{core: core, renderer: renderer, sealed: sealed}, err
}
