package cli

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// FuzzAnswers: what a server says of where to go on, and of its log, is read or refused.
func FuzzAnswers(f *testing.F) {
	f.Add(`<http://h/api/v1/events?after=7>; rel="next"`, "slipway\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n", "00000000000000000007")
	f.Add("<?after=-9223372036854775808>", "o\n-1\n\n\n", "-1")
	f.Add("<%zz>", "o\n+7\nx\n", "1e3")
	f.Fuzz(func(t *testing.T, link, checkpoint, sequence string) {
		if n, err := nextOf(http.Header{"Link": {link}}); err == nil && !strings.Contains(link, fmt.Sprint(n)) && !strings.ContainsAny(link, "%+0") {
			t.Fatalf("%q goes on at %d", link, n)
		}
		if _, size, _, err := parseCheckpoint(checkpoint); err == nil && (size < 0 || !strings.Contains(checkpoint, fmt.Sprint("\n", size, "\n"))) {
			t.Fatalf("%q has the size %d", checkpoint, size)
		}
		e := event{Sequence: sequence}
		if n, err := e.seq(); err == nil && n < 0 {
			t.Fatalf("%q is the number %d", sequence, n)
		}
	})
}
