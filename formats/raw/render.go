package raw

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	"slipway/formats"
	"slipway/internal/httpserver"
)

// listing is a page of a directory as JSON. Next, if present, is the value of ?cursor= for the next page.
type listing struct {
	Path    string      `json:"path"`
	Entries []jsonEntry `json:"entries"`
	Next    string      `json:"next,omitempty"`
}

type jsonEntry struct {
	Name        string `json:"name"`
	Type        string `json:"type"` // file, directory
	Size        *int64 `json:"size,omitempty"`
	SHA256      string `json:"sha256,omitempty"`
	Modified    string `json:"modified,omitempty"`
	ContentType string `json:"content_type,omitempty"`
}

// timeFormat is RFC 3339 with microseconds.
const timeFormat = "2006-01-02T15:04:05.000000Z07:00"

func (h *handlers) listJSON(w http.ResponseWriter, r *http.Request, loc location, q listQuery) error {
	page, err := renderJSON(loc, q.limit, h.entries(r.Context(), loc, q))
	if err != nil {
		return err
	}
	return httpserver.JSON(w, http.StatusOK, page)
}

func renderJSON(loc location, limit int, entries iter.Seq2[entry, error]) (listing, error) {
	page := listing{Path: loc.shown(), Entries: []jsonEntry{}}
	last := ""
	for e, err := range entries {
		if err != nil {
			return page, err
		}
		if len(page.Entries) == limit {
			page.Next = base64.RawURLEncoding.EncodeToString([]byte(last))
			break
		}
		j := jsonEntry{Name: e.Name, Type: "file", SHA256: e.SHA256, ContentType: e.ContentType}
		if e.Dir {
			j.Type = "directory"
		}
		if e.Size >= 0 {
			j.Size = &e.Size
		}
		if !e.Modified.IsZero() {
			j.Modified = e.Modified.UTC().Format(timeFormat)
		}
		page.Entries = append(page.Entries, j)
		last = e.cursor
	}
	return page, nil
}

// shown is the path as people read it, "/tool/1.2.0/".
func (l location) shown() string {
	if len(l.segments) == 0 {
		return "/"
	}
	return "/" + strings.Join(l.segments, "/") + "/"
}

// streamText writes names, folders with a slash.
func streamText(w http.ResponseWriter, r *http.Request, entries iter.Seq2[entry, error]) error {
	return stream(w, r, "text/plain; charset=utf-8", "", entries, func(out io.Writer, e entry) error {
		if e.Dir {
			e.Name += "/"
		}
		_, err := io.WriteString(out, e.Name+"\n")
		return err
	}, "")
}

func streamHTML(w http.ResponseWriter, r *http.Request, loc location, entries iter.Seq2[entry, error]) error {
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+styleHash+"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	return stream(w, r, "text/html; charset=utf-8", htmlHead(loc), entries, htmlLine, htmlTail)
}

// stream writes a listing of any length. The header waits for the first entry, so that a missing directory is an error and not
// an empty page.
func stream(w http.ResponseWriter, r *http.Request, contentType, head string, entries iter.Seq2[entry, error],
	line func(io.Writer, entry) error, tail string,
) error {
	out := bufio.NewWriterSize(w, 16<<10)
	w.Header().Set("Content-Type", contentType)
	begun := false
	for e, err := range entries {
		if err != nil {
			return err
		}
		if r.Method == http.MethodHead {
			break
		}
		if !begun {
			begun = true
			_, _ = out.WriteString(head) // Flush returns the error
		}
		if err := line(out, e); err != nil {
			return err
		}
	}
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	if !begun {
		_, _ = out.WriteString(head)
	}
	_, _ = out.WriteString(tail)
	return out.Flush()
}

const style = `body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1a1d21;background:#fff}
h1{font-size:1.2rem;font-weight:600;overflow-wrap:anywhere}table{border-collapse:collapse;width:100%}
td{padding:.2rem .6rem .2rem 0;border-bottom:1px solid #e6e8eb}td+td{color:#5b6470;white-space:nowrap;text-align:right;font-variant-numeric:tabular-nums}
a{color:#0b57d0;text-decoration:none;overflow-wrap:anywhere}a:hover{text-decoration:underline}
@media(prefers-color-scheme:dark){body{color:#e3e6ea;background:#16181c}td{border-color:#2c3036}td+td{color:#9aa3ad}a{color:#8ab4f8}}`

var styleHash = func() string {
	sum := sha256.Sum256([]byte(style))
	return base64.StdEncoding.EncodeToString(sum[:])
}()

// htmlHead is the page up to the entries. Each entry is one line with one link, relative, as wget -r and scripts read
// it.
func htmlHead(loc location) string {
	title := html.EscapeString(loc.repository + loc.shown())
	head := "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">" +
		"<meta name=\"robots\" content=\"noindex\">\n<title>" + title + "</title>\n<style>" + style + "</style></head>\n<body><h1>" + title + "</h1>\n<table>\n"
	if len(loc.segments) > 0 {
		head += "<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n"
	}
	return head
}

const htmlTail = "</table></body></html>\n"

func htmlLine(w io.Writer, e entry) error {
	slash := ""
	if e.Dir {
		slash = "/"
	}
	size := ""
	if e.Size >= 0 {
		size = humanSize(e.Size)
	}
	modified := ""
	if !e.Modified.IsZero() {
		modified = e.Modified.UTC().Format(time.DateTime)
	}
	_, err := fmt.Fprintf(w, "<tr><td><a href=\"%s%s\">%s%s</a></td><td>%s</td><td>%s</td></tr>\n",
		formats.Escape(e.Name), slash, html.EscapeString(e.Name), slash, modified, size)
	return err
}

// humanSize writes bytes as people read them: 512 B, 1.5 KiB.
func humanSize(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	f, units := float64(n)/1024, "KMGTPE"
	for f >= 1024 && len(units) > 1 {
		f, units = f/1024, units[1:]
	}
	return fmt.Sprintf("%.1f %ciB", f, units[0])
}
