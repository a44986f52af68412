package api

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"

	"slipway/registry/ledger"
	"slipway/web/internal/wire"
	"slipway/web/openapi"
)

// logRoutes are the endpoints of the Merkle log.
func (h *handlers) logRoutes() []endpoint {
	return []endpoint{
		{"GET", "/log/checkpoint", "api.log.checkpoint", h.checkpoint, openapi.Operation{
			Rights: anyCaller, ID: "getCheckpoint", Group: "Log", Summary: "The newest signed statement about the log",
			Answers: plain("A C2SP tlog-checkpoint.", checkpointExample), Errors: []int{http.StatusNotFound}}},
		{"GET", "/log/tile/{tile:.+}", "api.log.tile", h.tile, openapi.Operation{
			Rights: anyCaller, ID: "getTile", Group: "Log", Summary: "A tile of the log",
			About:   "C2SP tlog-tiles: 256 hashes, or the entries under them as a bundle. Entries need the right to audit the server.",
			Answers: []openapi.Answer{{Status: http.StatusOK, About: "The tile; a full one never changes.", Content: raw()}}}},
		{"GET", "/log/proof", "api.log.proof", h.proof, openapi.Operation{
			Rights: seesHistory, ID: "getProof", Group: "Log", Summary: "Proof that an entry is in the log",
			Query:   []openapi.Param{{Name: "seq", About: "Sequence number of the entry.", Required: true, Of: openapi.Object{"type": "integer", "format": "int64", "minimum": 0}, Example: 42}},
			Answers: plain("A C2SP tlog-proof, checkable offline with the log's key alone.", "c2sp.org/tlog-proof@v1\n…"), Errors: []int{http.StatusNotFound}}},
		{"GET", "/log/key", "api.log.key", h.logKey, openapi.Operation{
			Public: true, ID: "getLogKey", Group: "Log", Summary: "The key that verifies the log's signatures",
			Answers: plain("One line of C2SP signed-note.", "slipway.example.com+8a4ff1e2+AQ…\n")}},
	}
}

const checkpointExample = "slipway.example.com\n43\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— slipway.example.com …\n"

// checkpoint answers GET /log/checkpoint: the newest signed statement about the log (C2SP tlog-checkpoint).
func (h *handlers) checkpoint(w http.ResponseWriter, r *http.Request) error {
	c, err := h.svc.Ledger.LogCheckpoint(r.Context())
	if err != nil {
		return err
	}
	return wire.WriteBytes(w, wire.PlainText, c.Note)
}

// logKey answers GET /log/key: the verifier of the log's signatures, as one line of C2SP signed-note. It is public.
func (h *handlers) logKey(w http.ResponseWriter, _ *http.Request) error {
	verifier := h.svc.Core.Identity().Verifier
	return wire.WriteBytes(w, wire.PlainText, []byte(verifier+"\n"))
}

// proof answers GET /log/proof?seq=: that an entry is in the log, checkable offline with the log's key alone.
func (h *handlers) proof(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	seq := in.seq("seq", -1)
	if in.err != nil {
		return in.err
	}
	if seq < 0 {
		return wire.Invalid("seq must be the sequence number of an entry")
	}
	p, err := h.svc.Ledger.LogProof(r.Context(), seq)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="slipway-%d.tlog-proof"`, seq))
	return wire.WriteBytes(w, wire.PlainText, proofText(p))
}

// proofText writes c2sp.org/tlog-proof@v1. Its extra data is the leaf, which can't be computed from an event alone.
func proofText(p ledger.Proof) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "c2sp.org/tlog-proof@v1\nextra %s\nindex %d\n", base64.StdEncoding.EncodeToString(p.Leaf), p.Seq)
	for _, hash := range p.Hashes {
		fmt.Fprintf(&b, "%s\n", hash)
	}
	b.WriteByte('\n')
	b.Write(p.Checkpoint.Note)
	return []byte(b.String())
}
