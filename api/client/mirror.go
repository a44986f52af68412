package client

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"strconv"

	"slipway/api"
)

// Prefetch starts a job that fetches what a list names into a repository; with look it only looks what is here.
func (c *Client) Prefetch(ctx context.Context, repository string, items []api.PrefetchItem, look bool) (api.Job, error) {
	lines, err := linesOf(items)
	if err != nil {
		return api.Job{}, err
	}
	return call[api.Job](ctx, c, request{method: http.MethodPost, path: segments("repositories", repository, "prefetch"), query: queryOf("look", strconv.FormatBool(look)),
		stream: lines, media: "application/jsonl"})
}

// linesOf are items as the lines of a body.
func linesOf(items []api.PrefetchItem) (*bytes.Buffer, error) {
	var lines bytes.Buffer
	e := json.NewEncoder(&lines)
	for _, it := range items {
		if err := e.Encode(it); err != nil {
			return nil, err
		}
	}
	return &lines, nil
}

// Jobs lists the jobs of the caller, and of the repositories that it administers, the newest first.
func (c *Client) Jobs(ctx context.Context) iter.Seq2[api.Job, error] {
	return list[api.Job](ctx, c, "/jobs", nil)
}

// Job returns a job of the caller.
func (c *Client) Job(ctx context.Context, id string) (api.Job, error) {
	return call[api.Job](ctx, c, get(segments("jobs", id), nil))
}

// JobItems lists what became of the items of a job; state is that of the wanted ones, "" is any.
func (c *Client) JobItems(ctx context.Context, id, state string) iter.Seq2[api.JobItem, error] {
	return list[api.JobItem](ctx, c, segments("jobs", id, "items"), queryOf("state", state))
}

// Export returns a bundle of what is here of a repository: a tar archive, which the caller reads and closes. items are the only versions
// that it has, none is all; since is the log entry after which something of a version must have entered, -1 is none. It has no timeout but
// that of ctx, and a bundle that is cut off ends with an error.
func (c *Client) Export(ctx context.Context, repository string, items []api.PrefetchItem, since int64) (io.ReadCloser, error) {
	lines, err := linesOf(items)
	if err != nil {
		return nil, err
	}
	rq := request{method: http.MethodPost, path: api.Prefix + segments("repositories", repository, "export"), stream: lines, media: "application/jsonl"}
	if since >= 0 {
		rq.query = queryOf("since", strconv.FormatInt(since, 10))
	}
	resp, err := c.open(ctx, rq)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// Import sends a bundle to a repository; trust is the key of the log that must have signed it. It has no timeout but that of ctx.
func (c *Client) Import(ctx context.Context, repository, trust string, bundle io.Reader) (api.ImportReport, error) {
	resp, err := c.open(ctx, request{method: http.MethodPost, path: api.Prefix + segments("repositories", repository, "import"), query: queryOf("trust", trust),
		stream: bundle, media: "application/octet-stream"})
	if err != nil {
		return api.ImportReport{}, err
	}
	defer resp.Body.Close()
	var out api.ImportReport
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return out, err
	}
	return out, decode(ctx, raw, &out)
}
