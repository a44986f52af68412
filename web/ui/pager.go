package ui

import (
	"slipway/api/client"
	"slipway/web/internal/wire"
)

// pageOf reads ?after=, the cursor of a list of which limit items are shown. Invalid.
func pageOf(q wire.Query, limit int) (client.Page, error) {
	after, err := q.Text("after")
	return client.Page{Limit: limit, After: after}, err
}

// next is the address of this page with the part of its list that follows; "" at the end.
func (f *frame) next(p client.Page) string {
	if p.Next == "" {
		return ""
	}
	return f.with("after", p.Next)
}
