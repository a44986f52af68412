package api

import (
	"encoding/binary"
	"math"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"slipway/registry"
	"slipway/web/internal/wire"
)

// tileHeight is fixed by C2SP tlog-tiles: tiles are 256 hashes wide.
const tileHeight = 8

// entriesLevel is the level of a tile that holds entries instead of hashes, as in package tlog.
const entriesLevel = -1

// maxTileLevel is the highest level that a log of 2^63 entries has.
const maxTileLevel = 7

// parseTile reads the part of a tile's path after "tile/": <L>/<N>[.p/<W>] or entries/<N>[.p/<W>] (C2SP tlog-tiles). There is
// one spelling of each tile; others are refused.
func parseTile(path string) (tlog.Tile, bool) {
	level, rest, ok := strings.Cut(path, "/")
	if !ok || level == "data" {
		return tlog.Tile{}, false
	}
	if level == "entries" {
		level = "data"
	}
	spelled := "tile/" + strconv.Itoa(tileHeight) + "/" + level + "/" + rest
	t, err := tlog.ParseTilePath(spelled)
	if err != nil || t.Path() != spelled || t.L > maxTileLevel {
		return tlog.Tile{}, false
	}
	return t, true
}

// tile answers GET /log/tile/…: hashes, or entries as bundles with big-endian uint16 lengths. Tiles never change.
func (h *handlers) tile(w http.ResponseWriter, r *http.Request) error {
	path, err := wire.Segment(r, "tile")
	if err != nil {
		return err
	}
	t, ok := parseTile(path)
	if !ok {
		return registry.Errorf(registry.NotFound, registry.AboutRequest, "that is not the path of a tile: tile/<L>/<N>[.p/<W>], tile/entries/<N>[.p/<W>]")
	}
	var body []byte
	if t.L == entriesLevel {
		body, err = h.bundle(r, t)
	} else {
		body, err = h.svc.Ledger.LogTile(r.Context(), t)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	return wire.WriteBytes(w, "application/octet-stream", body)
}

func (h *handlers) bundle(r *http.Request, t tlog.Tile) ([]byte, error) {
	if t.N > math.MaxInt64>>(tileHeight+1) {
		return nil, registry.Errorf(registry.NotFound, registry.AboutRequest, "the log is not that large")
	}
	from := t.N << tileHeight
	leaves, err := h.svc.Ledger.LogLeaves(r.Context(), from, from+int64(t.W))
	if err != nil {
		return nil, err
	}
	var out []byte
	for i, leaf := range leaves {
		if len(leaf) > math.MaxUint16 {
			return nil, registry.Errorf(registry.Internal, registry.AboutRequest, "entry %d is too large for a bundle", from+int64(i))
		}
		out = binary.BigEndian.AppendUint16(out, uint16(len(leaf)))
		out = append(out, leaf...)
	}
	return out, nil
}
