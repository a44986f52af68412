package origin

import (
	"context"
	"net/http"
	"slices"
	"strings"
)

// ViaHeader is sent with every request: the instances of Slipway that it has passed, the newest last.
const ViaHeader = "Slipway-Via"

const maxVia = 16 // instances that a request may pass

// Via reads the instances that a request has passed before it arrived. Ids are letters, digits and _.-; anything else is skipped.
func Via(h http.Header) []string {
	var ids []string
	for _, line := range h.Values(ViaHeader) {
		for id := range strings.SplitSeq(line, ",") {
			if id = strings.TrimSpace(id); instanceID(id) {
				ids = append(ids, id)
			}
			if len(ids) > maxVia {
				return ids
			}
		}
	}
	return ids
}

// Loops reports whether a request that arrives has been here before, or has passed too many instances to be anything but a loop:
// the handler answers 508.
func Loops(h http.Header, instance string) bool {
	ids := Via(h)
	return slices.Contains(ids, instance) || len(ids) > maxVia
}

type viaKey struct{}

// WithVia makes requests under ctx carry the instances that the request they are made for has passed.
func WithVia(ctx context.Context, ids []string) context.Context {
	if len(ids) == 0 {
		return ctx
	}
	return context.WithValue(ctx, viaKey{}, ids)
}

// via is the value of the header of requests under ctx; "" if there is no instance to name.
func via(ctx context.Context, instance string) string {
	ids, _ := ctx.Value(viaKey{}).([]string)
	if instance != "" {
		ids = append(slices.Clip(ids), instance)
	}
	return strings.Join(ids, ", ")
}

func instanceID(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "_.-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}
