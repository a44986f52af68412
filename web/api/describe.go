package api

import (
	"net/http"

	"slipway/web/internal/wire"
	"slipway/web/openapi"
)

// Descriptions that the operations of several resources share.

// paged returns a list's own parameters, followed by those of every list.
func paged(own ...openapi.Param) []openapi.Param {
	return append(own,
		openapi.Param{Name: "limit", About: "How many items at most; more than 1000 count as 1000.", Of: openapi.Object{"type": "integer", "minimum": 1, "default": wire.DefaultLimit}},
		openapi.Param{Name: "after", About: "The `next` of the page before."})
}

var (
	asOfParam   = openapi.Param{Name: "as_of", About: "A moment of the past: an RFC 3339 time, a day such as `2026-01-31` (its end, in UTC), or `seq:<n>` for the state right after an entry of the log."}
	reasonParam = openapi.Param{Name: "reason", About: "Why; it is kept in the log."}
	locationOf  = openapi.Param{Name: "Location", About: "Where it is."}
)

// success, created and accepted answer with JSON whose schema is that of the example's type.
func success(about string, example any, header ...openapi.Param) []openapi.Answer {
	return []openapi.Answer{{Status: http.StatusOK, About: about, Header: header, Content: openapi.JSON(example)}}
}

func created(about string, example any, header ...openapi.Param) []openapi.Answer {
	return []openapi.Answer{{Status: http.StatusCreated, About: about, Header: header, Content: openapi.JSON(example)}}
}

func accepted(about string, example any, header ...openapi.Param) []openapi.Answer {
	return []openapi.Answer{{Status: http.StatusAccepted, About: about, Header: header, Content: openapi.JSON(example)}}
}

// empty answers without a body.
func empty(about string) []openapi.Answer {
	return []openapi.Answer{{Status: http.StatusNoContent, About: about}}
}

// plain answers with plain text.
func plain(about, example string) []openapi.Answer {
	return []openapi.Answer{{Status: http.StatusOK, About: about,
		Content: []openapi.Content{{Media: wire.PlainText, Of: openapi.Object{"type": "string"}, Example: example}}}}
}

// raw is a body that is a published file, of any media type.
func raw() []openapi.Content {
	return []openapi.Content{{Media: "application/octet-stream", Of: openapi.Object{"type": "string", "format": "binary"}}}
}

// Values that the examples of several resources have. The examples are values of the API's own types, so their shape is always
// right.
const digestExample = "sha256:ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"

var (
	momentExample = "2026-01-02T03:04:05.000678Z"
	laterExample  = "2026-01-09T10:00:00.000000Z"
	seqExample    = int64(43)
)
