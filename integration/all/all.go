// Package all lists the sinks.
package all

import (
	"slipway/integration"
	"slipway/integration/webhook"
	"slipway/internal/outbound"
)

// Sinks makes every sink that a subscription can name; the first is the default. They reach what o lets them. version is this
// program's. The caller closes them. A program that is built with the tag nobrokers has webhooks only.
func Sinks(o outbound.Options, version string) integration.Sinks {
	return append(integration.Sinks{webhook.New(o, version)}, brokers(o, version)...)
}
