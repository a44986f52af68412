package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"slipway/cmd/slipway/internal/command"
)

// moment is a time as the API writes it.
type moment string

// when is the value of a column that holds a time.
func when(t string) any {
	if t == "" {
		return nil
	}
	return moment(t)
}

// whenever is when for a time that may be null.
func whenever(t *string) any {
	if t == nil {
		return nil
	}
	return when(*t)
}

// state is a word that says how something is, which has a colour on a terminal.
type state string

// Escape sequences of a terminal (ECMA-48, SGR).
const (
	boldText   = "\x1b[1m"
	redText    = "\x1b[31m"
	greenText  = "\x1b[32m"
	yellowText = "\x1b[33m"
	plainText  = "\x1b[0m"
)

// stateColors are the colours of states; others have none.
var stateColors = map[state]string{
	"published": greenText, "yanked": yellowText, "deprecated": yellowText, "deleted": redText,
	"succeeded": greenText, "running": yellowText, "queued": yellowText, "failed": redText, "rolled_back": redText,
	"delivered": greenText, "pending": yellowText, "dead": redText, "yes": redText,
}

// color is the escape sequence before a value; "" for none.
func (p picture) color(v any) string {
	s, ok := v.(state)
	if !ok || !p.Color {
		return ""
	}
	return stateColors[s]
}

// bold are the colours of n titles.
func (p picture) bold(n int) []string {
	out := make([]string, n)
	for i := range out {
		if p.Color {
			out[i] = boldText
		}
	}
	return out
}

func colored(text, color string) string {
	if color == "" {
		return text
	}
	return color + text + plainText
}

// shortDigest is how many digits of a digest identify it to people.
const shortDigest = 12

// digest is sha256:<hex>, in lists the first digits.
func (p picture) digest(d string) string {
	if d == "" {
		return "-"
	}
	if _, hex, ok := strings.Cut(d, ":"); ok && !p.one && !p.Wide && len(hex) > shortDigest {
		return command.Clean(hex[:shortDigest])
	}
	return command.Clean(d)
}

// moment is how long ago a time is on a terminal, else the time: in lists to the second, of one item exactly.
func (p picture) moment(s string) string {
	t, err := time.Parse(time.RFC3339Nano, s)
	switch {
	case s == "":
		return "-"
	case err != nil || p.Wide:
		return command.Clean(s)
	case p.one && p.Now.IsZero():
		return command.Clean(s)
	case p.one:
		return fmt.Sprintf("%s (%s)", command.Clean(s), ago(p.Now, t))
	case p.Now.IsZero():
		return t.UTC().Format(time.RFC3339)
	default:
		return ago(p.Now, t)
	}
}

const day = 24 * time.Hour

// ago says in a few words how far a time is away. Beyond a month it is a date.
func ago(now, t time.Time) string {
	d := now.Sub(t)
	if d < 0 {
		d = -d
	}
	var text string
	switch {
	case d < time.Second:
		return "now"
	case d < time.Minute:
		text = fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		text = fmt.Sprintf("%d min", d/time.Minute)
	case d < 2*day:
		text = fmt.Sprintf("%d h", d/time.Hour)
	case d < 31*day || now.Before(t) && d < 366*day:
		text = fmt.Sprintf("%d days", d/day)
	default:
		return t.UTC().Format(time.DateOnly)
	}
	if now.Before(t) {
		return "in " + text
	}
	return text + " ago"
}

// packageURL is a package URL as lists show it: without the place of an image, and with the first digits of its digest.
type packageURL string

func shortPURL(purl string) any { return packageURL(purl) }

func (p picture) purl(s string) string {
	if p.one || p.Wide {
		return cell(s)
	}
	name, _, _ := strings.Cut(s, "?")
	if before, version, ok := strings.Cut(name, "@sha256"); ok {
		digits := strings.TrimPrefix(strings.TrimPrefix(version, ":"), "%3A")
		name = before + "@" + digits[:min(len(digits), shortDigest)]
	}
	return cell(name)
}

// yes shows what is true, and nothing for what is not.
func yes(b bool) any {
	if b {
		return "yes"
	}
	return nil
}

// sortedKeys are the keys of a map in their order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
