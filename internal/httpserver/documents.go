package httpserver

import (
	"bytes"
	"compress/gzip"
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// DocumentKey names a rendered document, which is the same for all readers: View says what the document is, Stamp what it
// was made from.
type DocumentKey struct {
	// View says which document, of what, under which base URL: everything that the bytes depend on, except what Stamp holds.
	View string
	// Stamp changes when the document's sources change; for one package it is the revision. Of two stamps of a view the one
	// that is greater, byte by byte, is newer.
	Stamp string
}

// Document is the result of a build function.
type Document struct {
	Body        []byte
	ContentType string
	Modified    time.Time
	Header      map[string]string // of this document, sent with it: sums of its bytes and the like
}

// Documents keeps rendered documents, the least recently used ones dropped first. Only the newest stamp of a view is kept.
// It is safe for concurrent use.
type Documents struct {
	limit   int64
	metrics *metrics
	flight  singleflight.Group

	mu     sync.Mutex
	used   int64
	byView map[string]*list.Element // of *rendered
	order  *list.List               // most recently used first
}

// rendered is a document with its encodings.
type rendered struct {
	key       DocumentKey
	doc       Document
	gzip      []byte // nil: not worth it
	tag, ztag string // entity tags of the two, each strong
}

// Bounds of documents. Below minGzipBytes an answer is one packet with or without gzip; a document over half the cache's
// size would evict too much and is rendered each time.
const (
	minGzipBytes   = 860
	renderedBytes  = 512 // bookkeeping of one entry, roughly
	buildTimeout   = 60 * time.Second
	documentShare  = 2
	documentLevel  = 4 // gzip: on a packument of 3 MB a third of the default level's time for 7 % more bytes
	gzipWorthwhile = 0.95
)

func newDocuments(limit int64, m *metrics) *Documents {
	return &Documents{limit: limit, metrics: m, byView: map[string]*list.Element{}, order: list.New()}
}

// Serve answers GET or HEAD with the document under key, built at most once at a time: If-None-Match, else
// If-Modified-Since, gzip where the client takes it, Vary. header, which may be nil, adds to the answer's header (and
// to that of a 304). The caller has checked that the client may read what build reads.
func (d *Documents) Serve(w http.ResponseWriter, r *http.Request, key DocumentKey, header func(http.Header), build func(ctx context.Context) (Document, error)) error {
	e, err := d.get(r.Context(), key, build)
	if err != nil {
		return err
	}
	large := e.size() > d.limit/documentShare
	if large { // it is not in the cache, so each of these costs memory of its own
		if err := Hold(r.Context(), e.size()); err != nil {
			return err
		}
	}
	if header != nil {
		header(w.Header())
	}
	return e.send(w, r, http.StatusOK, large)
}

// send answers GET or HEAD with the document: 304 where the client has it, which only an answer of 200 can be.
func (e *rendered) send(w http.ResponseWriter, r *http.Request, status int, large bool) (err error) {
	h := w.Header()
	addVary(h, "Accept-Encoding")
	body, tag := e.doc.Body, e.tag
	if e.gzip != nil && acceptsGzip(r.Header) {
		body, tag = e.gzip, e.ztag
	}
	h.Set("X-Content-Type-Options", "nosniff")
	for name, value := range e.doc.Header {
		h.Set(name, value)
	}
	if status == http.StatusOK {
		h.Set("Etag", tag)
		if !e.doc.Modified.IsZero() {
			h.Set("Last-Modified", e.doc.Modified.UTC().Format(http.TimeFormat))
		}
		if notModified(r, tag, e.doc.Modified) {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	if tag == e.ztag {
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Type", e.doc.ContentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	switch {
	case r.Method == http.MethodHead:
	case large:
		err = writeHeld(w, body)
	default:
		_, err = w.Write(body)
	}
	return err
}

// ServeOnce answers with a document that is made for one request, as a page is that shows its visitor what he may see: with the entity tag of
// its bytes, 304 where the client has them, and gzip where the client takes it. Another status than 200 has no entity tag.
func ServeOnce(w http.ResponseWriter, r *http.Request, status int, doc Document) error {
	return newRendered(DocumentKey{}, doc).send(w, r, status, false)
}

// Get returns the document under key as Serve would send it.
func (d *Documents) Get(ctx context.Context, key DocumentKey, build func(ctx context.Context) (Document, error)) (Document, error) {
	e, err := d.get(ctx, key, build)
	if err != nil {
		return Document{}, err
	}
	return e.doc, nil
}

func (d *Documents) get(ctx context.Context, key DocumentKey, build func(ctx context.Context) (Document, error)) (*rendered, error) {
	if e := d.find(key); e != nil {
		d.metrics.documents.WithLabelValues("hit").Inc()
		return e, nil
	}
	v, err, _ := d.flight.Do(strconv.Itoa(len(key.Stamp))+":"+key.Stamp+key.View, func() (any, error) {
		if e := d.find(key); e != nil { // another call built it between the look-up and the single flight
			return e, nil
		}
		d.metrics.documents.WithLabelValues("miss").Inc()
		// Other requests wait for this build, so it does not end when the client that came first disconnects.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), buildTimeout)
		defer cancel()
		doc, err := build(ctx)
		if err != nil {
			return nil, err
		}
		e := newRendered(key, doc)
		d.keep(e)
		return e, nil
	})
	if err != nil {
		return nil, err
	}
	return v.(*rendered), nil //nolint:forcetypeassert // the function above returns nothing else
}

func newRendered(key DocumentKey, doc Document) *rendered {
	sum := sha256.Sum256(doc.Body)
	name := hex.EncodeToString(sum[:16])
	e := &rendered{key: key, doc: doc, tag: `"` + name + `"`, ztag: `"` + name + `-gzip"`}
	if len(doc.Body) >= minGzipBytes {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, documentLevel) // the level is a valid one
		_, _ = z.Write(doc.Body)                       // a Buffer takes everything
		_ = z.Close()
		if float64(b.Len()) < gzipWorthwhile*float64(len(doc.Body)) {
			e.gzip = bytes.Clone(b.Bytes())
		}
	}
	return e
}

func (d *Documents) find(key DocumentKey) *rendered {
	d.mu.Lock()
	defer d.mu.Unlock()
	el, ok := d.byView[key.View]
	if !ok {
		return nil
	}
	e := entry(el)
	if e.key != key {
		return nil
	}
	d.order.MoveToFront(el)
	return e
}

// keep stores an entry unless one with a newer stamp is there already.
func (d *Documents) keep(e *rendered) {
	if e.size() > d.limit/documentShare {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if el, ok := d.byView[e.key.View]; ok {
		if entry(el).key.Stamp > e.key.Stamp {
			return
		}
		d.remove(el)
	}
	d.byView[e.key.View] = d.order.PushFront(e)
	d.used += e.size()
	for d.used > d.limit {
		d.remove(d.order.Back())
	}
	d.metrics.cached.Set(float64(d.used))
}

func (d *Documents) remove(el *list.Element) {
	e := entry(el)
	d.order.Remove(el)
	delete(d.byView, e.key.View)
	d.used -= e.size()
}

func entry(el *list.Element) *rendered {
	return el.Value.(*rendered) //nolint:forcetypeassert // the list holds nothing else
}

func (e *rendered) size() int64 {
	return int64(len(e.doc.Body) + len(e.gzip) + len(e.key.View) + len(e.key.Stamp) + renderedBytes)
}

// addVary adds a field name to Vary unless it is there.
func addVary(h http.Header, name string) {
	for _, v := range h.Values("Vary") {
		for f := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(f), name) {
				return
			}
		}
	}
	h.Add("Vary", name)
}
