package httpserver

import (
	"net/http"
	"testing"

	"slipway/registry/access"
)

func TestCredentials(t *testing.T) {
	for header, want := range map[string]access.Credentials{
		"":                           {},
		"Bearer slp_x":               {Token: "slp_x"},
		"bearer  slp_x ":             {Token: "slp_x"},
		"Bearer ":                    {},
		"Bearer":                     {},
		"Basic YWRtaW46aHVudGVyMg==": {User: "admin", Password: "hunter2"},
		"basic eDpzbHBfeA==":         {User: "x", Password: "slp_x"},
		"Basic Og==":                 {},                                 // two empty strings
		"Basic asO2cmc6cMOkw58=":     {User: "jörg", Password: "päß"},    // UTF-8
		"Basic avZyZzpw5N8=":         {User: "jörg", Password: "päß"},    // ISO-8859-1
		"Basic eDr/oMOk":             {User: "x", Password: "ÿ\u00a0Ã¤"}, // one byte that is no UTF-8 decides
		"Basic !":                    {Token: "unknown scheme"},
		"Negotiate abc":              {Token: "unknown scheme"},
		"slp_x":                      {Token: "unknown scheme"},
	} {
		h := http.Header{}
		if header != "" {
			h.Set("Authorization", header)
		}
		if got := Credentials(&http.Request{Header: h}); got != want {
			t.Errorf("%q: %+v, want %+v", header, got, want)
		}
	}
}
