package upstreams

import (
	"container/list"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/internal/origin"
	"slipway/metadata"
)

type indexKey struct {
	upstreamID  int64
	format      string
	key         string
	part        string // of what the remote says of the package; "" is its index
	fingerprint string
}

// documents keeps the indexes that were asked for, the least recently used ones dropped first.
type documents struct {
	mu    sync.Mutex
	used  int
	byKey map[indexKey]*list.Element // of *document
	order *list.List                 // most recently used first
}

func newDocuments() *documents {
	return &documents{byKey: map[indexKey]*list.Element{}, order: list.New()}
}

// document is one document of a remote: the last copy, and what is known of its state.
type document struct {
	key indexKey

	loading sync.Mutex // held while the stored copy is read
	loaded  atomic.Bool

	mu         sync.Mutex
	index      *index                 // nil: there is no copy
	body       digest.Digest          // of the document that index was read from, compressed
	gone       bool                   // the remote had the package, and has it no more: index is what it had
	size       int                    // of index, as counted in documents
	row        metadata.UpstreamIndex // as stored; its Body is empty if nothing is
	news       bool                   // what is not stored yet
	etag       string
	modified   string
	checkedAt  time.Time // when the remote was last asked
	rightAt    time.Time // when it last said that index is what it has
	wholeAt    time.Time // when index came
	freshUntil time.Time
	absent     error // until freshUntil
	failed     error // of the last refresh
	fetching   chan struct{}
}

func (d *documents) of(key indexKey) *document {
	d.mu.Lock()
	defer d.mu.Unlock()
	if el, ok := d.byKey[key]; ok {
		d.order.MoveToFront(el)
		return el.Value.(*document) //nolint:forcetypeassert // the list holds nothing else
	}
	doc := &document{key: key}
	d.byKey[key] = d.order.PushFront(doc)
	d.used += documentBytes
	d.shrink()
	return doc
}

const documentBytes = 512

// resized counts what a document takes now.
func (d *documents) resized(by int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.used += by
	d.shrink()
}

func (d *documents) shrink() {
	for d.used > indexBytes && d.order.Len() > 1 {
		el := d.order.Back()
		doc := el.Value.(*document) //nolint:forcetypeassert // the list holds nothing else
		d.order.Remove(el)
		delete(d.byKey, doc.key)
		doc.mu.Lock()
		d.used -= documentBytes + doc.size
		doc.size = -1 // it is counted no more
		doc.mu.Unlock()
	}
}

// copy is what can be answered from; nil: nothing. d.mu is held.
func (d *document) copy() *index {
	if d.gone {
		return nil
	}
	return d.index
}

// right takes an answer that is not an error; f is nil where the copy is still right. d.mu is held.
func (d *document) right(f *fetched, res *origin.Response, now time.Time) {
	d.absent, d.rightAt = nil, now
	if f == nil {
		return
	}
	d.etag, d.modified, d.wholeAt = res.ETag, res.LastModified, now
	f.replaces = d.row.Body.Digest != f.body.Digest
	d.news = d.news || d.gone || f.replaces
	d.gone = false
	if d.index != nil && d.body == f.body.Digest {
		return // equal bytes change nothing
	}
	if d.row.BaselineAt.IsZero() {
		d.row.BaselineAt = now
	}
	d.index, d.body = f.index, f.body.Digest
	if d.size >= 0 {
		d.size = f.index.bytes
	}
}
