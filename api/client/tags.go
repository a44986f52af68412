package client

import (
	"context"
	"fmt"
	"iter"
	"net/http"

	"slipway/api"
)

func (p Package) tag(name string) string { return p.path() + "/tags" + segments(name) }

// Tags lists the tags of a package.
func (c *Client) Tags(ctx context.Context, p Package) iter.Seq2[api.Tag, error] {
	return c.TagsAt(ctx, p, "")
}

// TagsAt lists the tags that a package had at a past moment: an RFC 3339 time, or seq:N; "" is now.
func (c *Client) TagsAt(ctx context.Context, p Package, asOf string) iter.Seq2[api.Tag, error] {
	return list[api.Tag](ctx, c, p.path()+"/tags", queryOf("as_of", asOf))
}

// Tag returns what a tag names, now or as of a past moment: an RFC 3339 time, or seq:N; "" is now.
func (c *Client) Tag(ctx context.Context, p Package, tag, asOf string) (api.Tag, error) {
	return call[api.Tag](ctx, c, get(p.tag(tag), queryOf("as_of", asOf)))
}

// TagHistory lists everything that a tag ever named, newest first.
func (c *Client) TagHistory(ctx context.Context, p Package, tag string) iter.Seq2[api.Tag, error] {
	return list[api.Tag](ctx, c, p.tag(tag)+"/history", nil)
}

// SetTag points a tag at a version. With a generation it does so only when the tag has that generation, 0 meaning that
// there is no such tag; otherwise the Error (412) holds the present tag.
func (c *Client) SetTag(ctx context.Context, p Package, tag string, change api.TagChange, generation *int64) (api.Tag, error) {
	return call[api.Tag](ctx, c, request{method: http.MethodPut, path: p.tag(tag), header: ifMatch(generation), body: change})
}

// RemoveTag removes a tag; its history stays. generation is as in SetTag.
func (c *Client) RemoveTag(ctx context.Context, p Package, tag, reason string, generation *int64) error {
	return c.do(ctx, request{method: http.MethodDelete, path: p.tag(tag), header: ifMatch(generation), query: queryOf("reason", reason)})
}

func ifMatch(generation *int64) http.Header {
	h := http.Header{}
	if generation != nil {
		h.Set("If-Match", fmt.Sprintf(`"%d"`, *generation))
	}
	return h
}
