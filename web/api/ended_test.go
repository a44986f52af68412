package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/internal/httpserver"
	"slipway/web/api"
)

// TestEndedMeanwhile: a caller who may no more when its body is there changes nothing by any operation. The collector and fsck are
// left out: they take away only what is garbage anyway, and nothing.
func TestEndedMeanwhile(t *testing.T) {
	p := prepare(t)
	asked := 0
	p.routes(func(route httpserver.Route, method string, e example) {
		if e.body == "" || e.admin != 0 || slices.Contains([]string{"api.gc", "api.fsck"}, route.Name) {
			return
		}
		t.Run(method+" "+route.Name, func(t *testing.T) {
			if strings.Contains(e.body, "%s") {
				e.body = fmt.Sprintf(e.body, "slow")
			}
			q := formatstest.Request{Method: method, Path: api.Prefix + e.path, Body: []byte(e.body)}.With("Content-Type", "application/json")
			if p.Ended(t, q, formatstest.ProblemRefusal) {
				asked++
			}
		})
	})
	if asked < 15 {
		t.Errorf("only %d operations have read a body", asked)
	}
}
