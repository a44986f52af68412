package client

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/url"
	"strconv"

	"slipway/api"
)

// pageLimit is how many items are asked for at once.
const pageLimit = 1000

// Page is one page of a list.
type Page struct {
	Limit int    // how many items at most; 0: as many as the server sends at once
	After string // the Next of the page before; "": the first page
	Next  string // set when the page is fetched: the After of the next one; "" at the end
}

type pageKey struct{}

// OnePage returns a context under which a method that returns a list fetches this page of it and no other, and sets its Next. It is for
// programs that show lists page by page.
func OnePage(ctx context.Context, page *Page) context.Context {
	return context.WithValue(ctx, pageKey{}, page)
}

// list fetches a list, page by page as its items are asked for.
func list[T any](ctx context.Context, c *Client, path string, query url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		q := url.Values{"limit": {strconv.Itoa(pageLimit)}}
		for key, values := range query {
			q[key] = values
		}
		only, _ := ctx.Value(pageKey{}).(*Page)
		if only != nil {
			if only.Limit > 0 {
				q.Set("limit", strconv.Itoa(only.Limit))
			}
			if only.After != "" {
				q.Set("after", only.After)
			}
		}
		for {
			page, err := call[api.List[json.RawMessage]](withoutRaw(ctx), c, get(path, q))
			if err != nil {
				yield(*new(T), err)
				return
			}
			for _, raw := range page.Items {
				var item T
				if err := decode(ctx, raw, &item); !yield(item, err) || err != nil {
					return
				}
			}
			if only != nil {
				only.Next = page.Next
				return
			}
			if page.Next == "" {
				return
			}
			if page.Next == q.Get("after") {
				yield(*new(T), errors.New("the server's list does not end"))
				return
			}
			q.Set("after", page.Next)
		}
	}
}

// withoutRaw keeps pages from the function of WithRaw, which is for their items.
func withoutRaw(ctx context.Context) context.Context { return context.WithValue(ctx, rawKey{}, nil) }
