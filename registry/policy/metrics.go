package policy

import (
	"github.com/prometheus/client_golang/prometheus"

	"slipway/registry"
)

// decisions counts requests that rules and minimum ages refused, or would have refused.
type decisions struct{ total *prometheus.CounterVec }

func newDecisions(reg prometheus.Registerer) decisions {
	d := decisions{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "slipway_policy_decisions_total", Help: "Requests that rules and minimum ages refused or, in the mode audit, would have refused.",
	}, []string{"action", "mode"})}
	for mode, outcomes := range map[string][]Outcome{Enforce: {Hidden, Held, Denied}, Audit: {Held, Denied}} {
		for _, outcome := range outcomes {
			d.total.WithLabelValues(string(outcome), mode).Add(0)
		}
	}
	registry.RegisterMetrics(reg, d.total)
	return d
}

// count counts a decision that refuses. What is hidden is refused where nothing else of a name is left.
func (d decisions) count(by Decision, mode string) {
	d.total.WithLabelValues(string(by.Outcome), mode).Inc()
}
