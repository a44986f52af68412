//go:build nobrokers

package all

import (
	"slipway/integration"
	"slipway/internal/outbound"
)

func brokers(outbound.Options, string) integration.Sinks { return nil }
