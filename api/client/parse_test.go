package client

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"slipway/api"
)

// FuzzAnswers: any next position that a server sends is either read or refused.
func FuzzAnswers(f *testing.F) {
	f.Add(`<http://h/api/v1/events?after=7>; rel="next"`, "00000000000000000007")
	f.Add("<?after=-9223372036854775808>", "-1")
	f.Add("<%zz>", "1e3")
	f.Fuzz(func(t *testing.T, link, sequence string) {
		if n, err := nextOf(http.Header{"Link": {link}}); err == nil && !strings.Contains(link, fmt.Sprint(n)) && !strings.ContainsAny(link, "%+0") {
			t.Fatalf("%q goes on at %d", link, n)
		}
		e := Event{Event: api.Event{Sequence: sequence}}
		if n, err := e.Seq(); err == nil && n < 0 {
			t.Fatalf("%q is the number %d", sequence, n)
		}
	})
}
