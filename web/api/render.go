package api

import (
	"net/http"
	"strconv"
	"time"

	"slipway/api"
	"slipway/internal/httpserver"
	"slipway/registry"
)

// timeLayout is RFC 3339 in UTC with microseconds.
const timeLayout = "2006-01-02T15:04:05.000000Z"

func timeText(t time.Time) string { return t.UTC().Format(timeLayout) }

// timeOrNull is null for the zero time.
func timeOrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := timeText(t)
	return &s
}

// listOf fetches one page and renders it. After a full page it fetches one more row, so that next is absent exactly at the
// end.
func listOf[R, J any](p registry.Page, fetch func(registry.Page) ([]R, error), cursor func(R) string, render func(R) J) (api.List[J], error) {
	rows, err := fetch(p)
	if err != nil {
		return api.List[J]{}, err
	}
	out := api.List[J]{Items: make([]J, len(rows))}
	for i, r := range rows {
		out.Items[i] = render(r)
	}
	if len(rows) == 0 || len(rows) < p.Limit {
		return out, nil
	}
	after := cursor(rows[len(rows)-1])
	more, err := fetch(registry.Page{After: after, Limit: 1})
	if len(more) > 0 {
		out.Next = after
	}
	return out, err
}

// writeList is listOf, answered.
func writeList[R, J any](w http.ResponseWriter, p registry.Page, fetch func(registry.Page) ([]R, error), cursor func(R) string, render func(R) J) error {
	out, err := listOf(p, fetch, cursor, render)
	if err != nil {
		return err
	}
	return httpserver.JSON(w, http.StatusOK, out)
}

// writeOne answers with one rendered row, unless there was an error.
func writeOne[R, J any](w http.ResponseWriter, status int, row R, err error, render func(R) J) error {
	if err != nil {
		return err
	}
	return httpserver.JSON(w, status, render(row))
}

// writeNothing answers 204 unless there was an error.
func writeNothing(w http.ResponseWriter, err error) error {
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}

func numberText(n int64) string { return strconv.FormatInt(n, 10) }
