//go:build linux

package doctest

import (
	"fmt"
	"regexp"
	"strings"
)

// block is a fenced block of a page that is a part of a reader's session: commands, or a file that the page tells the reader to write.
type block struct {
	line int    // of the page, where the block begins
	file string // where the text is written to; "" for commands
	text string
}

var (
	fence  = regexp.MustCompile("^( *)```(\\w*) *$")
	marker = regexp.MustCompile(`^\s*<!-- (not run|file): (.+?) -->$`)
)

// refused is a command of which the page says that the server refuses it.
var refused = regexp.MustCompile(`(?m)^(\S.*?) +# refused\b.*$`)

// shells are the languages of command blocks.
var shells = map[string]bool{"sh": true, "bash": true, "shell": true, "console": true}

// blocks finds the command blocks and the files of a page, in order. A comment on the line above a block says what is special about it:
// "not run: <reason>", or "file: <path>" for the content of a file in the reader's home.
func blocks(page string) (run []block, notRun int, err error) {
	lines := strings.Split(page, "\n")
	for i := 0; i < len(lines); i++ {
		m := fence.FindStringSubmatch(lines[i])
		if m == nil {
			continue
		}
		b, kind, from := block{line: i + 1}, m[2], i
		var text []string
		for i++; ; i++ {
			if i == len(lines) {
				return nil, 0, fmt.Errorf("line %d: the block has no end", b.line)
			}
			if strings.TrimSpace(lines[i]) == "```" {
				break
			}
			text = append(text, strings.TrimPrefix(lines[i], m[1]))
		}
		b.text = strings.Join(text, "\n") + "\n"
		var note []string
		if from > 0 {
			note = marker.FindStringSubmatch(lines[from-1])
		}
		switch {
		case note != nil && note[1] == "not run":
			notRun++
		case note != nil:
			b.file = note[2]
			run = append(run, b)
		case shells[kind]:
			run = append(run, b)
		}
	}
	return run, notRun, nil
}

// script is the session of a reader: every block in order in one shell, which ends with the first command that fails.
func script(list []block) string {
	var s strings.Builder
	s.WriteString("set -euo pipefail\ncd ~/slipway\necho change-me-please | slipway login --user admin --password-stdin\n")
	for _, b := range list {
		fmt.Fprintf(&s, "echo '== line %d'\n", b.line)
		if b.file == "" {
			s.WriteString(refused.ReplaceAllString(b.text, "if $1; then echo 'this was to be refused'; exit 1; fi"))
			continue
		}
		end := "END_OF_THE_FILE"
		fmt.Fprintf(&s, "mkdir -p \"$(dirname %[1]s)\"\ncat >%[1]s <<'%[2]s'\n%[3]s%[2]s\n", b.file, end, b.text)
	}
	return s.String()
}
