package main

import (
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// countPath tells how many requests went over a line.
const countPath = "/-/line/requests"

// line is the network between a server and a registry elsewhere: each request waits, and all answers together have a rate.
type line struct {
	proxy    *httputil.ReverseProxy
	delay    time.Duration
	rate     float64 // bytes per second; 0: no bound
	requests atomic.Int64

	mu   sync.Mutex
	free time.Time // when the bytes that are on their way have arrived
}

func newLine(to *url.URL, token string, delay time.Duration, rate float64) *line {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host // links in documents lead over the line
			r.Out.Header.Set("Authorization", "Bearer "+token)
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true},
	}
	return &line{proxy: proxy, delay: delay, rate: rate}
}

func (l *line) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == countPath {
		_, _ = io.WriteString(w, strconv.FormatInt(l.requests.Load(), 10)) // the client may be gone
		return
	}
	l.requests.Add(1)
	time.Sleep(l.delay)
	if l.rate > 0 {
		w = &rated{w, l}
	}
	l.proxy.ServeHTTP(w, r)
}

// pass waits until n more bytes have gone over the line.
func (l *line) pass(n int) {
	l.mu.Lock()
	now := time.Now()
	if l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(float64(n) / l.rate * float64(time.Second)))
	wait := l.free.Sub(now)
	l.mu.Unlock()
	time.Sleep(wait)
}

// rated is an answer that goes over a line with a rate.
type rated struct {
	http.ResponseWriter
	line *line
}

func (r *rated) Write(p []byte) (int, error) {
	r.line.pass(len(p))
	return r.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (r *rated) Unwrap() http.ResponseWriter { return r.ResponseWriter }
