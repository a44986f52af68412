package command

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// Progress draws a bar on a terminal, and nothing on other outputs.
type Progress struct {
	w       io.Writer // nil: no bar is drawn
	what    string
	columns func() int // of the terminal

	mu    sync.Mutex
	drawn time.Time
}

const (
	barCells     = 30
	progressTick = 100 * time.Millisecond
	clearLine    = "\x1b[K" // from the cursor on (ECMA-48, EL)
	fewColumns   = 80       // when the terminal's width is unknown
)

// Progress begins a bar on standard error. The caller ends it.
func (p *Program) Progress(what string) *Progress {
	bar := &Progress{what: what}
	if f, ok := p.Stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		bar.w = f
		bar.columns = func() int {
			if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
				return columns
			}
			return fewColumns
		}
	}
	return bar
}

// Show draws how much is done: share is from 0 to 1, text says it in words.
func (p *Progress) Show(share float64, text string) {
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
	// A line as wide as the terminal would start a new line.
	if fit := []rune(line); len(fit) >= p.columns() {
		line = string(fit[:p.columns()-1])
	}
	fmt.Fprintf(p.w, "\r%s%s", line, clearLine)
}

// Count draws how much is done of work whose size is not known.
func (p *Progress) Count(text string) {
	if p.w == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	line := []rune(p.what + "  " + text)
	fmt.Fprintf(p.w, "\r%s%s", string(line[:min(len(line), p.columns()-1)]), clearLine)
}

// End removes the bar.
func (p *Progress) End() {
	if p.w == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprint(p.w, "\r"+clearLine)
}

// Of shows how much of a backup or restore is done.
func (p *Progress) Of(what string, done, total int64) {
	if what == "database" {
		what = "bytes of the database"
	}
	p.Show(float64(done)/float64(max(total, 1)), fmt.Sprintf("%d of %d %s", done, total, what))
}
