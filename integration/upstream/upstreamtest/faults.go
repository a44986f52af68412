package upstreamtest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"time"
)

func fault(apply func(*plan)) Fault { return Fault{apply: apply} }

// Delay waits before the header is sent.
func Delay(d time.Duration) Fault { return fault(func(p *plan) { p.delay = d }) }

// Hang never answers: the request ends when its client leaves or the test is over.
func Hang() Fault { return fault(func(p *plan) { p.hang = true }) }

// Reset ends the connection without an answer: TCP RST, or RST_STREAM with HTTP/2.
func Reset() Fault { return fault(func(p *plan) { p.reset = true }) }

// Status answers with a status and a line of text.
func Status(code int) Fault { return fault(func(p *plan) { p.status = code }) }

// RetryAfter adds the header: seconds or a date.
func RetryAfter(value string) Fault { return SetHeader("Retry-After", value) }

// SetHeader sets a header of the answer; without values it takes it away. Content-Length stays what Length says.
func SetHeader(name string, values ...string) Fault {
	return EditHeader(func(_ *http.Request, h http.Header) {
		h.Del(name)
		for _, v := range values {
			h.Add(name, v)
		}
	})
}

// EditHeader lets a function change the header of the answer.
func EditHeader(edit func(r *http.Request, h http.Header)) Fault {
	return fault(func(p *plan) { p.headers = append(p.headers, edit) })
}

// Challenge answers 401 with this WWW-Authenticate, with whatever realm it names, and whatever credential the client sends.
func Challenge(value string) Fault {
	return fault(func(p *plan) {
		p.status = http.StatusUnauthorized
		SetHeader("WWW-Authenticate", value).apply(p)
	})
}

// Answer answers with this instead of what the fixture has.
func Answer(status int, media string, body []byte) Fault {
	return fault(func(p *plan) {
		p.instead = func(*http.Request) *answer {
			return &answer{status: status, header: http.Header{"Content-Type": {media}}, body: fixed(body)}
		}
	})
}

// Endless answers 200 with a body of this size: a text, over and over. It is made while it is sent. The size is rounded
// down to whole texts.
func Endless(media, text string, size int64) Fault {
	return fault(func(p *plan) {
		p.instead = func(*http.Request) *answer {
			return &answer{header: http.Header{"Content-Type": {media}}, body: repeated{[]byte(text), size / int64(len(text))}}
		}
	})
}

// HTML answers with a page of a captive portal and status 200.
func HTML() Fault {
	return Answer(http.StatusOK, "text/html; charset=utf-8", []byte("<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Please sign in to the network.</body></html>\n"))
}

// GzipBomb answers with a small gzipped body, in place of the right one, that inflates to about this size of spaces.
func GzipBomb(size int64) Fault {
	return fault(func(p *plan) {
		p.instead = func(r *http.Request) *answer {
			const unit = 1 << 20
			member := compressed(bytes.Repeat([]byte{' '}, unit), gzip.DefaultCompression)
			media := "application/json"
			if strings.HasSuffix(r.URL.Path, ".xml") {
				media = "text/xml"
			}
			return &answer{header: http.Header{"Content-Type": {media}, "Content-Encoding": {"gzip"}}, body: repeated{member, max(1, size/unit)}}
		}
	})
}

// Gzip compresses the body although the client did not ask for it. Do not use it on what is too big for the memory.
func Gzip() Fault { return fault(func(p *plan) { p.gzip = true }) }

// MislabelEncoding announces an encoding that the body does not have.
func MislabelEncoding(encoding string) Fault { return SetHeader("Content-Encoding", encoding) }

// Edit lets a function change a body before it is sent: hostile names and links in documents, for example. It sees the body
// without compression, and the length and ETag are those of the result.
func Edit(edit func([]byte) []byte) Fault {
	return fault(func(p *plan) { p.edits = append(p.edits, edit) })
}

// ReplaceText is Edit by plain text: pairs of old and new.
func ReplaceText(oldNew ...string) Fault {
	r := strings.NewReplacer(oldNew...)
	return Edit(func(b []byte) []byte { return []byte(r.Replace(string(b))) })
}

var (
	hexSum = regexp.MustCompile(`\b(?:[0-9a-f]{128}|[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})\b`)
	sriSum = regexp.MustCompile(`sha512-[A-Za-z0-9+/]{86}==`)
)

// OtherSums changes every sum that a document or a header announces: hexadecimal ones (also inside of URLs that hold one), and npm's integrity.
func OtherSums() Fault {
	edit := func(s string) string {
		s = hexSum.ReplaceAllStringFunc(s, otherHex)
		return sriSum.ReplaceAllStringFunc(s, func(s string) string { return "sha512-" + strings.Repeat("A", 86) + "==" })
	}
	return fault(func(p *plan) {
		Edit(func(b []byte) []byte { return []byte(edit(string(b))) }).apply(p)
		EditHeader(func(_ *http.Request, h http.Header) {
			for name, values := range h {
				if name == "Etag" || name == "Location" {
					continue
				}
				for i := range values {
					values[i] = edit(values[i])
				}
			}
		}).apply(p)
	})
}

// otherHex is the sum with another first digit.
func otherHex(sum string) string {
	if sum[0] == '0' {
		return "1" + sum[1:]
	}
	return "0" + sum[1:]
}

// Redirect sends the client to any URL: another host, a private address, one with a secret in its query.
func Redirect(code int, location string) Fault {
	return fault(func(p *plan) {
		p.instead = func(*http.Request) *answer {
			return &answer{status: code, header: http.Header{"Location": {location}}, body: fixed(nil)}
		}
	})
}

// RedirectTo sends the client to the same path on another host, with a query ("" for none) such as that of a presigned URL.
// To Server.Plain it loses the TLS.
func RedirectTo(h *Host, code int, query string) Fault {
	return fault(func(p *plan) {
		p.instead = func(r *http.Request) *answer {
			to := h.URL + r.URL.EscapedPath()
			if query != "" {
				to += "?" + query
			}
			return &answer{status: code, header: http.Header{"Location": {to}}, body: fixed(nil)}
		}
	})
}

// RedirectLoop sends the client to the URL that it asked for.
func RedirectLoop() Fault {
	return fault(func(p *plan) {
		p.instead = func(r *http.Request) *answer {
			return &answer{status: http.StatusFound, header: http.Header{"Location": {r.URL.RequestURI()}}, body: fixed(nil)}
		}
	})
}

// NotModified answers 304 to every request with a condition, whatever has changed.
func NotModified() Fault { return fault(func(p *plan) { p.notModified = true }) }

var etags atomic.Int64

// NewETags gives every answer another ETag, so that no transfer can be resumed.
func NewETags() Fault { return fault(func(p *plan) { p.newETags = true }) }

// NoRanges ignores Range: 200 with all of it.
func NoRanges() Fault { return fault(func(p *plan) { p.noRanges = true }) }

// RefuseRanges answers 416 to every Range.
func RefuseRanges() Fault { return fault(func(p *plan) { p.refuseRanges = true }) }

// WrongContentRange has a 206 announce a place so many bytes further than the one that was asked for, and that it sends.
func WrongContentRange(by int64) Fault { return fault(func(p *plan) { p.shiftRange = by }) }

// Cut ends the connection (HTTP/2: the stream) after n bytes of the body. The length is announced, unless Chunked or
// UntilClose says otherwise.
func Cut(n int64) Fault { return fault(func(p *plan) { p.cut = n }) }

// Chunked announces no length: chunks with HTTP/1.1.
func Chunked() Fault { return fault(func(p *plan) { p.chunked = true }) }

// UntilClose announces no length and has the body end with the connection, as HTTP/1.0 did: a Cut can't be told from the end.
// HTTP/2 has nothing like it: there it is Chunked.
func UntilClose() Fault { return fault(func(p *plan) { p.untilClose = true }) }

// Length announces a length that is wrong by so many bytes: with more, the connection ends too early; with less, the body is short.
func Length(by int64) Fault { return fault(func(p *plan) { p.longer = by }) }

// Flip changes the byte at a place of the file and no length; -1 is the last one. With a Range it is the same byte.
func Flip(at int64) Fault { return fault(func(p *plan) { p.flips = append(p.flips, at) }) }

// Rate sends so many bytes a second.
func Rate(bytesPerSecond int64) Fault { return fault(func(p *plan) { p.rate = bytesPerSecond }) }

// Gap waits after each so many bytes of the body.
func Gap(every int64, d time.Duration) Fault {
	return fault(func(p *plan) { p.every, p.gap = every, d })
}

// At calls a function when n bytes of a body have been sent, and goes on when it returns.
func At(n int64, do func()) Fault {
	return fault(func(p *plan) { p.marks = append(p.marks, mark{n, func(<-chan struct{}) { do() }}) })
}

// HoldAt stops when n bytes of a body have been sent, until the channel is closed, the client leaves or the test is over. n = 0
// holds after the header.
func HoldAt(n int64, release <-chan struct{}) Fault {
	return fault(func(p *plan) {
		p.marks = append(p.marks, mark{n, func(stop <-chan struct{}) {
			select {
			case <-release:
			case <-stop:
			}
		}})
	})
}

// gzipped is a compressed copy.
// gzipped is b in the format gzip. Long ones are only framed: to compress random bytes takes seconds under the race detector.
func gzipped(b []byte) []byte {
	if len(b) > longText {
		return compressed(b, gzip.NoCompression)
	}
	return compressed(b, gzip.DefaultCompression)
}

const longText = 64 << 10

func compressed(b []byte, level int) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, level)
	if err != nil {
		panic(err)
	}
	if _, err := w.Write(b); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func text(status int, format string, args ...any) *answer {
	return &answer{status: status, header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, body: fixed(fmt.Appendf(nil, format+"\n", args...))}
}
