package client

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"strconv"

	"slipway/api"
)

// Prefetch starts a job that fetches what a list names into a repository; with look it only looks what is here.
func (c *Client) Prefetch(ctx context.Context, repository string, items []api.PrefetchItem, look bool) (api.Job, error) {
	var lines bytes.Buffer
	e := json.NewEncoder(&lines)
	for _, it := range items {
		if err := e.Encode(it); err != nil {
			return api.Job{}, err
		}
	}
	return call[api.Job](ctx, c, request{method: http.MethodPost, path: segments("repositories", repository, "prefetch"), query: queryOf("look", strconv.FormatBool(look)),
		stream: &lines, media: "application/jsonl"})
}

// Job returns a job of the caller.
func (c *Client) Job(ctx context.Context, id string) (api.Job, error) {
	return call[api.Job](ctx, c, get(segments("jobs", id), nil))
}

// JobItems lists what became of the items of a job; state is that of the wanted ones, "" is any.
func (c *Client) JobItems(ctx context.Context, id, state string) iter.Seq2[api.JobItem, error] {
	return list[api.JobItem](ctx, c, segments("jobs", id, "items"), queryOf("state", state))
}
