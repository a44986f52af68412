package ui

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/registry"
	"slipway/web/internal/wire"
)

const (
	logLimit = 50 // entries of a page
	// quickLook is how many entries the first page looks through where nothing finds those that match, so that it is there at once. Who wants
	// to see more asks for it, and waits a second for it.
	quickLook = 1000
)

const logRoot = "/log"

// logPath is the path of the page of a log entry.
func logPath(seq int64) string { return logRoot + "/" + strconv.FormatInt(seq, 10) }

func (u *Pages) logPages() []page {
	return []page{
		{path: logRoot, name: "web.log", show: u.log, past: true, nav: "Log"},
		{path: logRoot + "/stream", name: "web.log.stream", show: u.logStream},
		{path: logRoot + "/{seq:[0-9]+}/proof", name: "web.log.proof", show: u.logProof},
		{path: logRoot + "/{seq:[0-9]+}", name: "web.log.entry", show: u.logEntry},
	}
}

// logFilter is what narrows the log.
type logFilter struct {
	Types, Repository, Format, Package, Actor, Since, Until string
}

// query asks for what the filter selects.
func (f logFilter) query() client.EventQuery {
	eq := client.EventQuery{After: -1, EventFilter: client.EventFilter{Repository: f.Repository, Format: f.Format, Package: f.Package, Actor: f.Actor, Since: f.Since, Until: f.Until}}
	for t := range strings.SplitSeq(f.Types, ",") {
		if t = strings.TrimSpace(t); t != "" {
			eq.Types = append(eq.Types, t)
		}
	}
	return eq
}

func logFilterOf(q wire.Query) (f logFilter, err error) {
	err = texts(q, map[string]*string{"types": &f.Types, "repository": &f.Repository, "format": &f.Format, "package": &f.Package, "actor": &f.Actor, "since": &f.Since, "until": &f.Until})
	return f, err
}

// logItem is an entry in a list.
type logItem struct {
	Seq     int64
	Type    string
	At      string
	By      string
	About   string // the package with its version, or the name of what else it is about
	To      string // path of the page of the version; "": it is about none
	Reason  string
	Erased  bool // what it said was erased
	Subject string
}

// logItemOf shows an event as an entry of the log.
func logItemOf(e client.Event) (logItem, error) {
	seq, err := e.Seq()
	if err != nil {
		return logItem{}, err
	}
	item := logItem{Seq: seq, Type: shortType(e.Type), At: e.Time, By: e.AuthID, Subject: e.Subject, Erased: len(e.Data) == 0}
	said, err := e.Content()
	if err != nil {
		return item, nil //nolint:nilerr // what can't be read is shown on the entry's own page
	}
	if said.Actor != "" {
		item.By = said.Actor
	}
	item.Reason = said.Reason
	item.About = strings.TrimSpace(said.Package + " " + versionName(said.Version))
	if said.Tag != "" {
		item.About += " · " + said.Tag
	}
	if said.Environment != "" {
		item.About = strings.TrimPrefix(item.About+" · "+strings.TrimSuffix(said.Environment+"/"+said.Service, "/"), " · ")
	}
	for _, name := range []string{said.Name, said.User, said.Repository} {
		if item.About == "" {
			item.About = name
		}
	}
	if said.Repository != "" && said.Format != "" && said.Package != "" && said.Version != "" {
		item.To = versionPath(said.Repository, said.Format, said.Package, said.Version)
	}
	return item, nil
}

// logView has the values of the log's page.
type logView struct {
	*frame
	Filter  logFilter
	Entries []logItem
	Older   string // address of the page with older entries; "": there are none
	// LookedTo is the entry down to which the log was looked through for the page, where that is not to its start; else 0.
	LookedTo int64
	Stream   string // address of the events that follow; "": the page shows the past
	Wrong    string
}

// log answers GET /log?types=&repository=&package=&actor=&since=&until=&after=&as_of=: the newest entries first.
func (u *Pages) log(w http.ResponseWriter, r *http.Request) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	f := frameOf(r)
	v := logView{frame: f}
	if v.Filter, err = logFilterOf(q); err != nil {
		return err
	}
	after, err := q.Seq("after", -1)
	if err != nil {
		return err
	}
	eq := v.Filter.query()
	eq.After, eq.Newest, eq.Limit = after, true, logLimit
	if err := lookBack(&eq, f.AsOf); err != nil {
		return err
	}
	status := http.StatusOK
	if after < 0 {
		eq.Look = quickLook
	}
	batch, err := u.api.Events(r.Context(), eq)
	if detail, code, ok := wrongInput(err); ok {
		v.Wrong, status = detail, code
	} else if err != nil {
		return err
	}
	for _, e := range batch.Events {
		item, err := logItemOf(e)
		if err != nil {
			return err
		}
		v.Entries = append(v.Entries, item)
	}
	if batch.Next > 0 {
		v.Older = f.with("after", strconv.FormatInt(batch.Next, 10))
		if len(v.Entries) < logLimit {
			v.LookedTo = batch.Next
		}
	}
	narrowed := filterQuery("types", v.Filter.Types, "repository", v.Filter.Repository, "format", v.Filter.Format, "package", v.Filter.Package, "actor", v.Filter.Actor, "since", v.Filter.Since, "until", v.Filter.Until)
	if f.AsOf == "" && after < 0 && v.Wrong == "" && v.Filter.Until == "" {
		v.Stream = f.Base + logRoot + "/stream" + narrowed
		if len(v.Entries) > 0 {
			v.Stream += joiner(narrowed) + "after=" + strconv.FormatInt(v.Entries[0].Seq, 10)
		}
	}
	f.about("Log")
	f.JSON = f.Base + api.Prefix + "/events" + narrowed + joiner(narrowed) + "order=newest"
	return write(w, r, status, "log", v)
}

// joiner is what stands before another parameter of an address with this query.
func joiner(query string) string {
	if query == "" {
		return "?"
	}
	return "&"
}

// lookBack lets a query end at the moment that a page shows; "" is now.
func lookBack(eq *client.EventQuery, asOf string) error {
	if asOf == "" {
		return nil
	}
	if text, ok := strings.CutPrefix(asOf, "seq:"); ok {
		seq, err := strconv.ParseInt(text, 10, 64)
		if err == nil && (eq.After < 0 || eq.After > seq) {
			eq.After = seq + 1
		}
		return err
	}
	if eq.Until == "" {
		eq.Until = asOf
	}
	return nil
}

// logStream answers GET /log/stream?types=&…&after=: the events that follow, as the API streams them, for the script of pages that are open in a
// browser which is logged in.
func (u *Pages) logStream(w http.ResponseWriter, r *http.Request) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	filter, err := logFilterOf(q)
	if err != nil {
		return err
	}
	eq := filter.query()
	if eq.After, err = q.Seq("after", -1); err != nil {
		return err
	}
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		if eq.After, err = wire.ParseSeq("Last-Event-ID", last); err != nil {
			return err
		}
	} else if eq.After < 0 {
		newest, err := u.api.Events(r.Context(), client.EventQuery{After: -1, Newest: true, Limit: 1})
		if err != nil {
			return err
		}
		if len(newest.Events) > 0 {
			if eq.After, err = newest.Events[0].Seq(); err != nil {
				return err
			}
		}
	}
	body, err := u.api.EventStream(r.Context(), eq)
	if err != nil {
		return err
	}
	defer body.Close()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold events back
	if r.Method == http.MethodHead {
		return nil
	}
	part := make([]byte, 16<<10)
	for {
		n, err := body.Read(part)
		if n > 0 {
			if _, err := w.Write(part[:n]); err != nil {
				return nil // the browser went away
			}
			if err := http.NewResponseController(w).Flush(); err != nil {
				return nil
			}
		}
		if err != nil {
			return nil // the stream has ended: the browser asks again
		}
	}
}

// seqOf reads the number of an entry in the path. NotFound.
func seqOf(r *http.Request) (int64, error) {
	text, err := wire.Segment(r, "seq")
	if err != nil {
		return 0, err
	}
	seq, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, registry.Errorf(registry.NotFound, registry.AboutRequest, "there is no log entry %s", registry.Clip(text))
	}
	return seq, nil
}

// logProof answers GET /log/{seq}/proof: the proof that an entry is in the log, as a file.
func (u *Pages) logProof(w http.ResponseWriter, r *http.Request) error {
	seq, err := seqOf(r)
	if err != nil {
		return err
	}
	proof, err := u.api.Proof(r.Context(), seq)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="slipway-%d.tlog-proof"`, seq))
	return wire.WriteBytes(w, wire.PlainText, proof)
}

// logEntryView has the values of the page of an entry.
type logEntryView struct {
	*frame
	Entry          logItem
	Event          client.Event
	Pretty         string // the event, for people
	Proof          *inclusion
	Key            string
	Older, Newer   string // addresses; "": there is none that the visitor may see
	Repository     string
	Deployment     string
	SubscriptionID string
}

// inclusion is a proof that an entry is in the log.
type inclusion struct {
	Leaf       string   // what the tree holds, byte by byte
	Hashes     []string // from the entry to the root
	Checkpoint string   // signed
	Size       string   // entries of the log that the checkpoint covers
}

// logEntry answers GET /log/{seq}: the entry, its proof, and how to check it.
func (u *Pages) logEntry(w http.ResponseWriter, r *http.Request) error {
	seq, err := seqOf(r)
	if err != nil {
		return err
	}
	f := frameOf(r)
	v := logEntryView{frame: f}
	e, found, err := u.entry(r.Context(), seq)
	if err == nil && !found {
		err = registry.Errorf(registry.NotFound, registry.AboutRequest, "there is no log entry %d, or none that you may see", seq)
	}
	if err != nil {
		return err
	}
	v.Event = e
	if v.Entry, err = logItemOf(e); err != nil {
		return err
	}
	if said, err := e.Content(); err == nil {
		v.Repository, v.Deployment, v.SubscriptionID = said.Repository, said.Deployment, said.Subscription
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, e.Raw, "", "  "); err != nil {
		return err
	}
	v.Pretty = pretty.String()
	if v.Proof, err = u.inclusion(r, seq); err != nil {
		return err
	}
	if v.Key, err = u.api.LogKey(r.Context()); err != nil {
		return err
	}
	v.Key = strings.TrimSpace(v.Key)
	for to, eq := range map[*string]client.EventQuery{&v.Older: {After: seq, Newest: true, Limit: 1}, &v.Newer: {After: seq, Limit: 1}} {
		batch, err := u.api.Events(r.Context(), eq)
		if err != nil {
			return err
		}
		if len(batch.Events) > 0 {
			n, err := batch.Events[0].Seq()
			if err != nil {
				return err
			}
			*to = f.Link(logPath(n))
		}
	}
	f.crumb("Log", logRoot)
	f.about(fmt.Sprintf("Log entry %d", seq))
	f.JSON = fmt.Sprintf("%s%s/events?after=%d&limit=1", f.Base, api.Prefix, seq-1)
	return write(w, r, http.StatusOK, "log-entry", v)
}

// inclusion asks for the proof of an entry; nil: no checkpoint covers it yet.
func (u *Pages) inclusion(r *http.Request, seq int64) (*inclusion, error) {
	raw, err := u.api.Proof(r.Context(), seq)
	if client.IsStatus(err, http.StatusNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	head, checkpoint, ok := strings.Cut(string(raw), "\n\n")
	if !ok {
		return nil, errors.New("the proof has no checkpoint")
	}
	p := &inclusion{Checkpoint: checkpoint}
	for i, line := range strings.Split(head, "\n") {
		text, extra := strings.CutPrefix(line, "extra ")
		switch {
		case extra:
			leaf, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, strings.NewReader(text)))
			if err != nil {
				return nil, err
			}
			p.Leaf = string(leaf)
		case i > 0 && !strings.HasPrefix(line, "index "):
			p.Hashes = append(p.Hashes, line)
		}
	}
	if lines := strings.SplitN(checkpoint, "\n", 3); len(lines) > 1 {
		p.Size = lines[1]
	}
	return p, nil
}
