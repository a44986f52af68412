package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// progress draws a bar on a terminal, and nothing anywhere else.
type progress struct {
	w    io.Writer // nil: nobody looks
	what string

	mu    sync.Mutex
	drawn time.Time
	width int // of what stands there
}

const (
	barCells     = 30
	progressTick = 100 * time.Millisecond
)

// progress begins a bar on standard error. The caller ends it.
func (c *cli) progress(what string) *progress {
	p := &progress{what: what}
	if f, ok := c.stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.w = f
	}
	return p
}

// show draws how much is done: share is from 0 to 1, text says it in words.
func (p *progress) show(share float64, text string) {
	if p.w == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.drawn) < progressTick {
		return
	}
	p.drawn = time.Now()
	full := int(min(max(share, 0), 1) * barCells)
	line := fmt.Sprintf("%s [%s%s] %3.0f %%  %s", p.what, strings.Repeat("█", full), strings.Repeat("·", barCells-full), share*100, text)
	fmt.Fprintf(p.w, "\r%-*s", p.width, line)
	p.width = max(p.width, len(line))
}

// end takes the bar away.
func (p *progress) end() {
	if p.w == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.w, "\r%s\r", strings.Repeat(" ", p.width))
}
