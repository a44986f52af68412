package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func (c commands) logCmd() *cobra.Command {
	var f Flags
	g := c.Group("log", "Check the log, and prove what is in it", `  slipway log verify
  slipway log proof 1042
  slipway log verify-proof slipway-1042.tlog-proof --key "$(cat slipway.vkey)"`, c.logVerifyCmd(&f), c.logKeyCmd(&f), c.logProofCmd(&f))
	f.Add(g)
	g.AddCommand(c.logVerifyProofCmd())
	return g
}

func (c commands) logVerifyCmd(f *Flags) *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use: "verify", Short: "Prove that nothing in the log was changed, removed or put in", Args: command.Exactly(0),
		Long: `Fetch the log and check it here, without trusting the server: the signature of its checkpoint, every entry's hash, the
Merkle tree over all of them and every tile of it, and that the log that this account verified before is a part of it,
unchanged. What was verified is remembered.

The first time, the server's key is believed and remembered, unless --key gives it (slipway-…+…, as on /api/v1/log/key);
later on another key is an error. Reading all entries needs the right "audit" on the whole server; without it, the
entries that you may see are proved one by one. A checkpoint follows within a second of an entry: entries of the last
second may be left for the next time.`,
		Example: `  slipway log verify
  slipway log verify --key slipway-9f86d081+1a2b3c4d+AbCd… --output json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := f.Connect(c.Program)
			if err != nil {
				return err
			}
			return c.logVerify(cmd.Context(), cl, key)
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "verifier of the log's key, to believe no other")
	return cmd
}

// verification is the result of "log verify".
type verification struct {
	Origin       string    `json:"origin"`
	Key          string    `json:"key"`
	Size         int64     `json:"size"`
	Root         tlog.Hash `json:"root"`
	Entries      int64     `json:"entries"`       // entries that were checked
	PreviousSize int64     `json:"previous_size"` // of the remembered checkpoint; 0 without one
}

func (c commands) logVerify(ctx context.Context, cl *Remote, key string) error {
	stored, err := loadLogins(c.Program)
	if err != nil {
		return err
	}
	known := stored.Servers[cl.Server()]
	l, err := openLog(ctx, cl.Client, key, known)
	if err != nil {
		return err
	}
	v, signed, err := l.verify(ctx)
	if err != nil {
		return err
	}
	if err := remember(c.Program, cl.Server(), func(l *login) { l.LogKey, l.Checkpoint = v.Key, string(signed) }); err != nil {
		return err
	}
	if cl.Output == command.JSON {
		return command.PrintJSON(c.Stdout, v)
	}
	_, err = fmt.Fprintf(c.Stdout, "%s: %s; %d of %d entries checked, root %s%s\n", command.Clean(v.Origin), "the log is intact",
		v.Entries, v.Size, v.Root, consistent(v))
	return err
}

func consistent(v verification) string {
	if v.PreviousSize == 0 {
		return "; verified for the first time here"
	}
	return fmt.Sprintf("; the %d entries verified before are unchanged", v.PreviousSize)
}

// remoteLog is a server's log as seen by a client that knows its key.
type remoteLog struct {
	cl       *client.Client
	key      string
	verifier note.Verifier
	before   tlog.Tree // the tree verified before; N is 0 when there is none
}

// openLog decides which key to trust.
func openLog(ctx context.Context, cl *client.Client, key string, known login) (*remoteLog, error) {
	raw, err := cl.LogKey(ctx)
	if err != nil {
		return nil, err
	}
	served := strings.TrimSpace(raw)
	want := cmp.Or(key, known.LogKey, served)
	if served != want {
		return nil, fmt.Errorf("the log has another key than it should: the server says %s, but %s is known; if the change is right, give the new one with --key", command.Clean(served), command.Clean(want))
	}
	l := &remoteLog{cl: cl, key: want}
	if l.verifier, err = note.NewVerifier(want); err != nil {
		return nil, fmt.Errorf("the log's key %q can't be read: %w", command.Clean(want), err)
	}
	if known.Checkpoint == "" {
		return l, nil
	}
	// The remembered checkpoint was verified with the key of its time, so only its text is parsed.
	_, size, root, err := parseCheckpoint(known.Checkpoint)
	if err != nil {
		return nil, fmt.Errorf("the remembered checkpoint can't be read: %w", err)
	}
	l.before = tlog.Tree{N: size, Hash: root}
	return l, nil
}

// verify checks the log as it is now and returns what was found, with the checkpoint to remember.
func (l *remoteLog) verify(ctx context.Context) (verification, []byte, error) {
	signed, now, err := l.checkpoint(ctx)
	if err != nil {
		return verification{}, nil, err
	}
	v := verification{Origin: l.verifier.Name(), Key: l.key, PreviousSize: l.before.N}
	if now.N < l.before.N {
		return v, nil, fmt.Errorf("the log has %d entries, but %d were verified before: it was cut", now.N, l.before.N)
	}
	v.Entries, err = l.entries(ctx, now)
	if client.IsStatus(err, http.StatusForbidden) {
		signed, now, v.Entries, err = l.proofs(ctx, signed, now)
	}
	v.Size, v.Root = now.N, now.Hash
	return v, signed, err
}

// checkpoint fetches the newest signed statement.
func (l *remoteLog) checkpoint(ctx context.Context) ([]byte, tlog.Tree, error) {
	signed, err := l.cl.Checkpoint(ctx)
	if err != nil {
		return nil, tlog.Tree{}, err
	}
	t, err := openCheckpoint(signed, l.verifier)
	return signed, t, err
}

// fetchTile fetches a tile; level -1 is the bundle of entries.
func (l *remoteLog) fetchTile(ctx context.Context, t tlog.Tile) ([]byte, error) {
	path := strings.Replace(strings.Replace(t.Path(), fmt.Sprintf("tile/%d/", tileHeight), "tile/", 1), "tile/data/", "tile/entries/", 1)
	return l.cl.Tile(ctx, path)
}

// leaf is the Merkle leaf of an entry, parsed.
type leaf struct {
	Seq     int64  `json:"seq"`
	ID      string `json:"id"`
	Time    string `json:"time"`
	Type    string `json:"type"`
	Subject string `json:"subject"`
	Actor   struct {
		ID string `json:"id"`
	} `json:"actor"`
}

// entries reads the whole log and recomputes its tree.
func (l *remoteLog) entries(ctx context.Context, now tlog.Tree) (int64, error) {
	t := &tree{check: func(tile tlog.Tile, hashes []byte) error {
		served, err := l.fetchTile(ctx, tile)
		if err != nil {
			return err
		}
		if at := firstDifference(hashes, served); at >= 0 {
			return fmt.Errorf("%s is not the tree of the entries: it differs from entry %d on", tile.Path(),
				(tile.N<<tileHeight+int64(at))<<(tileHeight*tile.L))
		}
		return nil
	}}
	lastTime := ""
	for t.size < now.N {
		width := int(min(now.N-t.size, tileWidth))
		raw, err := l.fetchTile(ctx, tlog.Tile{H: tileHeight, L: -1, N: t.size >> tileHeight, W: width})
		if err != nil {
			return t.size, err
		}
		bundle, err := parseBundle(raw)
		if err == nil && len(bundle) != width {
			err = fmt.Errorf("a bundle has %d entries instead of %d", len(bundle), width)
		}
		if err != nil {
			return t.size, fmt.Errorf("entry %d: %w", t.size, err)
		}
		for _, raw := range bundle {
			if lastTime, err = l.entry(t, raw, lastTime); err != nil {
				return t.size, err
			}
		}
	}
	if err := t.end(); err != nil {
		return t.size, err
	}
	if t.root() != now.Hash {
		return t.size, errors.New("the entries are not those that the checkpoint states: their root differs")
	}
	return t.size, nil
}

// entry adds one entry and compares the tree with the one verified before, where it is as large.
func (l *remoteLog) entry(t *tree, raw []byte, lastTime string) (string, error) {
	var e leaf
	if err := json.Unmarshal(raw, &e); err != nil {
		return "", fmt.Errorf("entry %d can't be read: %w", t.size, err)
	}
	if e.Seq != t.size {
		return "", fmt.Errorf("entry %d says that it is entry %d", t.size, e.Seq)
	}
	if e.Time < lastTime {
		return "", fmt.Errorf("entry %d is older than the one before it", t.size)
	}
	if err := t.add(tlog.RecordHash(raw)); err != nil {
		return "", err
	}
	if t.size == l.before.N && t.root() != l.before.Hash {
		return "", fmt.Errorf("the first %d entries are not those that were verified before: the log was rewritten", t.size)
	}
	return e.Time, nil
}
