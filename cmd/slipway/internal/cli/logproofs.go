package cli

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"slipway/api/client"

	"golang.org/x/mod/sumdb/tlog"
)

// proofs checks a log of which the caller may read only some entries: it verifies a proof for every visible event, and that
// the tree contains the tree verified before. It returns the newest checkpoint seen.
func (l *remoteLog) proofs(ctx context.Context, signed []byte, now tlog.Tree) ([]byte, tlog.Tree, int64, error) {
	if err := l.extends(ctx, l.before, now); err != nil {
		return nil, now, 0, err
	}
	var count int64
	t := &follower{c: l.cl, after: -1, once: true}
	t.handle = func(ctx context.Context, e *client.Event) error {
		seq, err := e.Seq()
		if err != nil {
			return err
		}
		if seq >= now.N {
			return nil // newer than the checkpoint: checked next time
		}
		p, err := l.proof(ctx, seq)
		if err != nil {
			return err
		}
		if p.tree.N > now.N {
			if err := l.extends(ctx, now, p.tree); err != nil {
				return err
			}
			signed, now = p.signed, p.tree
		} else if p.tree != now {
			return errors.New("its proof is of another tree than the newest checkpoint")
		}
		count++
		return p.check(seq, e)
	}
	err := t.run(ctx)
	return signed, now, count, err
}

// extends checks that the older tree is the beginning of the newer one.
func (l *remoteLog) extends(ctx context.Context, old, now tlog.Tree) error {
	if old.N == 0 {
		return nil
	}
	root, err := tlog.TreeHash(old.N, tlog.TileHashReader(now, &tiles{ctx, l}))
	if err != nil {
		return fmt.Errorf("the tree of %d entries can't be checked: %w", now.N, err)
	}
	if root != old.Hash {
		return fmt.Errorf("the first %d entries are not those that were verified before: the log was rewritten", old.N)
	}
	return nil
}

// tiles reads tiles for one check; it implements tlog.TileReader, which has no context.
type tiles struct {
	ctx context.Context
	log *remoteLog
}

func (*tiles) Height() int { return tileHeight }

func (*tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (r *tiles) ReadTiles(want []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(want))
	for i, t := range want {
		var err error
		if out[i], err = r.log.fetchTile(r.ctx, t); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// inclusion is a proof that an entry is in the log.
type inclusion struct {
	leaf   []byte
	index  int64
	hashes tlog.RecordProof
	signed []byte
	tree   tlog.Tree
}

func (l *remoteLog) proof(ctx context.Context, seq int64) (inclusion, error) {
	raw, err := l.cl.Proof(ctx, seq)
	if err != nil {
		return inclusion{}, err
	}
	p, err := parseProof(raw)
	if err != nil {
		return p, err
	}
	p.tree, err = openCheckpoint(p.signed, l.verifier)
	return p, err
}

// parseProof reads c2sp.org/tlog-proof@v1, with the leaf as extra data.
func parseProof(raw []byte) (inclusion, error) {
	var p inclusion
	bad := errors.New("the proof can't be read")
	head, signed, ok := strings.Cut(string(raw), "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return p, bad
	}
	extra, ok := strings.CutPrefix(lines[1], "extra ")
	index, ok2 := strings.CutPrefix(lines[2], "index ")
	if !ok || !ok2 {
		return p, bad
	}
	var err error
	if p.leaf, err = base64.StdEncoding.DecodeString(extra); err != nil {
		return p, bad
	}
	if p.index, err = strconv.ParseInt(index, 10, 64); err != nil {
		return p, bad
	}
	for _, line := range lines[3:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return p, bad
		}
		p.hashes = append(p.hashes, h)
	}
	p.signed = []byte(signed)
	return p, nil
}

// check verifies the proof, and that the event says what the proved entry says.
func (p *inclusion) check(seq int64, e *client.Event) error {
	if p.index != seq {
		return fmt.Errorf("the proof is of entry %d", p.index)
	}
	if err := tlog.CheckRecord(p.hashes, p.tree.N, p.tree.Hash, seq, tlog.RecordHash(p.leaf)); err != nil {
		return fmt.Errorf("the proof does not hold: %w", err)
	}
	var want leaf
	if err := json.Unmarshal(p.leaf, &want); err != nil {
		return fmt.Errorf("the entry can't be read: %w", err)
	}
	got := leaf{Seq: seq, ID: e.ID, Time: e.Time, Type: shortType(e.Type), Subject: e.Subject}
	got.Actor.ID = e.AuthID
	if got != want {
		return errors.New("the event is not what the log says")
	}
	return nil
}
