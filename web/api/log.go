package api

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"

	"slipway/registry"
	"slipway/web/internal/wire"
)

// checkpoint answers GET /log/checkpoint: the newest signed statement about the log (C2SP tlog-checkpoint).
func (h *handlers) checkpoint(w http.ResponseWriter, r *http.Request) error {
	c, err := h.svc.LogCheckpoint(r.Context())
	if err != nil {
		return err
	}
	return wire.WriteBytes(w, wire.PlainText, c.Note)
}

// logKey answers GET /log/key: the verifier of the log's signatures, as one line of C2SP signed-note. It is public.
func (h *handlers) logKey(w http.ResponseWriter, _ *http.Request) error {
	_, verifier := h.svc.Instance()
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
	p, err := h.svc.LogProof(r.Context(), seq)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="slipway-%d.tlog-proof"`, seq))
	return wire.WriteBytes(w, wire.PlainText, proofText(p))
}

// proofText writes c2sp.org/tlog-proof@v1. Its extra data is the leaf, which an event alone does not give back.
func proofText(p registry.Proof) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "c2sp.org/tlog-proof@v1\nextra %s\nindex %d\n", base64.StdEncoding.EncodeToString(p.Leaf), p.Seq)
	for _, hash := range p.Hashes {
		fmt.Fprintf(&b, "%s\n", hash)
	}
	b.WriteByte('\n')
	b.Write(p.Checkpoint.Note)
	return []byte(b.String())
}
