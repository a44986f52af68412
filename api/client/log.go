package client

import (
	"context"
	"strconv"
)

// LogKey returns the verifier of the log's key (C2SP signed-note), with a newline.
func (c *Client) LogKey(ctx context.Context) (string, error) {
	raw, err := c.text(ctx, get("/log/key", nil))
	return string(raw), err
}

// Checkpoint returns the newest signed statement of the log's size and root (C2SP tlog-checkpoint).
func (c *Client) Checkpoint(ctx context.Context) ([]byte, error) {
	return c.text(ctx, get("/log/checkpoint", nil))
}

// Tile returns a tile or a bundle of entries of the log by its path below /log (C2SP tlog-tiles), such as tile/0/000 or
// tile/entries/x001/234. It takes the right "audit" on the server.
func (c *Client) Tile(ctx context.Context, path string) ([]byte, error) {
	return c.text(ctx, get("/log/"+path, nil))
}

// Proof returns the proof that the entry of a sequence number is in the log, with the entry (C2SP tlog-proof).
func (c *Client) Proof(ctx context.Context, seq int64) ([]byte, error) {
	return c.text(ctx, get("/log/proof", queryOf("seq", strconv.FormatInt(seq, 10))))
}
