package registry

import (
	"github.com/prometheus/client_golang/prometheus"
)

// RegisterMetrics registers collectors, unless reg is nil. Labels come from closed sets.
func RegisterMetrics(reg prometheus.Registerer, cs ...prometheus.Collector) {
	if reg != nil {
		reg.MustRegister(cs...)
	}
}
