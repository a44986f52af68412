//go:build !nobrokers

package all

import (
	"slipway/integration"
	"slipway/integration/amqp"
	"slipway/integration/kafka"
	"slipway/integration/nats"
	"slipway/internal/outbound"
)

// brokers are the sinks that are message brokers.
func brokers(o outbound.Options, version string) integration.Sinks {
	return integration.Sinks{nats.New(o, version), kafka.New(o, version), amqp.New(o, version)}
}
