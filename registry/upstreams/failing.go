package upstreams

import (
	"context"
	"slices"

	"slipway/registry"
)

// Values of Settings.OnFailure: what becomes of names that a place may have and can't tell about now.
const (
	FailureFail = "fail" // they are unavailable, so that no client takes them from a place that comes later
	FailureSkip = "skip" // the places that come later answer
)

// skips reports whether the place is left out where it can't answer: a link on the way says so.
func (p place) skips() bool {
	return slices.ContainsFunc(p.path, func(l *Upstream) bool { return l.Settings.OnFailure == FailureSkip })
}

// down reports whether an error says that a remote can't answer.
func down(err error) bool {
	if err == nil {
		return false
	}
	k := registry.KindOf(err)
	return k == registry.Unavailable || k == registry.BadUpstream
}

// passOver reports whether a place that could not answer is left out of an answer, and tells of it.
func (s *Upstreams) passOver(ctx context.Context, p place, err error) bool {
	if !p.skips() || !down(err) {
		return false
	}
	registry.CacheUseOf(ctx).LeaveOut(p.remote.Name)
	s.metrics.skipped.WithLabelValues(s.metrics.label(p.remote.Name)).Inc()
	return true
}
