package load

import (
	"context"
	"fmt"
	"strings"
)

// Raw is the units of plain files.
type Raw struct {
	Repository string
	Package    string
	Bytes      int64 // of one file
}

// smallBody is the size up to which a body is made in memory.
const smallBody = 4 << 20

func (p Raw) path(version string) string {
	return "/raw/" + p.Repository + "/" + p.Package + "/" + version + "/file.bin"
}

// Put stores a file with bytes of its own, as a version of its own.
func (p Raw) Put(ctx context.Context, w *Worker) (int64, error) {
	n := w.Serial()
	return p.put(ctx, w, fmt.Sprintf("1.0.%d", n), n)
}

func (p Raw) put(ctx context.Context, w *Worker, version string, serial uint64) (int64, error) {
	rq := Request{Method: "PUT", Path: p.path(version)}
	if p.Bytes <= smallBody {
		rq.Body = stamped(w.bytes(int(p.Bytes)), serial)
	} else {
		rq.Fill, rq.Size = stampedAt(serial), p.Bytes
	}
	_, err := w.Do(ctx, rq)
	return p.Bytes, err
}

// Prepare stores the file that Get reads.
func (p Raw) Prepare(ctx context.Context, w *Worker) error {
	_, err := p.put(ctx, w, "0.0.1", w.Serial())
	return err
}

// Get reads a file.
func (p Raw) Get(ctx context.Context, w *Worker) (int64, error) {
	a, err := w.Do(ctx, Request{Method: "GET", Path: p.path("0.0.1")})
	return a.Bytes, err
}

// lines joins header lines.
func lines(l ...string) string { return strings.Join(l, "\r\n") + "\r\n" }
