package command

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// columnsOf returns the width of the terminal that a stream is; ok is false for any other stream.
func columnsOf(stream any) (columns int, ok bool) {
	f, isFile := stream.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
		return columns, true
	}
	return fewColumns, true
}

// terminal returns the width of the terminal that a stream of this program is; ok is false for any other stream.
func (p *Program) terminal(stream any) (columns int, ok bool) {
	if p.Terminal != nil {
		return p.Terminal(stream)
	}
	return columnsOf(stream)
}

// OnTerminal reports whether a stream is a terminal.
func (p *Program) OnTerminal(stream any) bool {
	_, ok := p.terminal(stream)
	return ok
}

// Screen says how standard output shows results to people.
type Screen struct {
	// Columns is the most that a line of a table may have; 0 is any number.
	Columns int
	// Wide shows every column of a table, whole digests and times to the microsecond.
	Wide bool
	// Color allows colours.
	Color bool
	// Now is what times are counted from; zero: times are shown as dates.
	Now time.Time
}

// Screen describes standard output. On a terminal, tables fit its width, but never take more than 80 columns, times are
// relative and states have colours, without NO_COLOR. Other outputs, which programs read, get the same columns uncut.
func (p *Program) Screen(wide bool) Screen {
	_, ok := p.terminal(p.Stdout)
	s := Screen{Wide: wide}
	if !ok {
		return s
	}
	s.Color = p.Env("NO_COLOR") == "" && p.Env("TERM") != "dumb"
	if !wide {
		columns, _ := p.terminal(p.Stdout)
		s.Columns, s.Now = min(columns, fewColumns), time.Now()
	}
	return s
}

// maxAnswerLine bounds what is read as the answer to a question.
const maxAnswerLine = 256

// Confirm asks on a terminal whether to do what can't be undone; what is a question without its mark. Where standard input
// is no terminal there is nobody to ask, so scripts go on as they are. Without consent the error says that nothing was done.
func (p *Program) Confirm(yes bool, what string) error {
	if yes || !p.OnTerminal(p.Stdin) {
		return nil
	}
	fmt.Fprintf(p.Stderr, "%s? [y/N] ", Clean(what))
	line, err := bufio.NewReader(io.LimitReader(p.Stdin, maxAnswerLine)).ReadString('\n')
	if err != nil && line == "" {
		fmt.Fprintln(p.Stderr)
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	return fmt.Errorf("nothing was done")
}
