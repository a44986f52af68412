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

// list fetches a list, page by page as its items are asked for.
func list[T any](ctx context.Context, c *Client, path string, query url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		q := url.Values{"limit": {strconv.Itoa(pageLimit)}}
		for key, values := range query {
			q[key] = values
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
