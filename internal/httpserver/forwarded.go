package httpserver

import (
	"net/http"
	"strings"
)

// maxHops bounds how many notes of proxies are read.
const maxHops = 32

// note is the statement of one proxy about the request as it received it.
type note struct {
	node, proto, host, prefix string
}

// forwarded parses the Forwarded header (RFC 7239 section 4), leftmost first. Malformed text ends the list, read from the
// right: the position of everything to its left is uncertain.
func forwarded(h http.Header) []note {
	var out []note
	for _, element := range splitQuoted(strings.Join(h.Values("Forwarded"), ","), ',') {
		n, ok := parseElement(element)
		if !ok {
			out = out[:0]
			continue
		}
		out = append(out, n)
	}
	return last(out, maxHops)
}

// parseElement reads "for=192.0.2.1;proto=https;host=example.com".
func parseElement(element string) (note, bool) {
	var n note
	for _, pair := range splitQuoted(element, ';') {
		pair = strings.TrimSpace(pair)
		if pair == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return n, false
		}
		if value, ok = unquote(value); !ok {
			return n, false
		}
		switch strings.ToLower(name) {
		case "for":
			n.node = value
		case "proto":
			n.proto = strings.ToLower(value)
		case "host":
			n.host = value
		}
	}
	return n, true
}

// unquote reads a token or a quoted-string (RFC 9110 section 5.6.4).
func unquote(s string) (string, bool) {
	if !strings.HasPrefix(s, `"`) {
		return s, !strings.ContainsAny(s, `" `)
	}
	if len(s) < 2 || !strings.HasSuffix(s, `"`) {
		return "", false
	}
	var b strings.Builder
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '"' {
			return "", false
		}
		if s[i] == '\\' {
			if i++; i == len(s)-1 {
				return "", false
			}
		}
		b.WriteByte(s[i])
	}
	return b.String(), true
}

// splitQuoted splits at sep outside of quoted strings. An open quote reaches to the end.
func splitQuoted(s string, sep byte) []string {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	var out []string
	start, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			out = append(out, strings.TrimSpace(s[start:i]))
			start = i + 1
		}
	}
	return append(out, strings.TrimSpace(s[start:]))
}

// fors returns the nodes of the notes. A note without a node hides the address.
func fors(notes []note) []string {
	out := make([]string, len(notes))
	for i, n := range notes {
		out[i] = n.node
	}
	return out
}

// hop returns the values of the outermost believed note; a value that it leaves out comes from the next note inwards.
func hop(notes []note, hops int) note {
	var out note
	for i := max(0, len(notes)-hops); i < len(notes) && hops > 0; i++ {
		if out.proto == "" {
			out.proto = notes[i].proto
		}
		if out.host == "" {
			out.host = notes[i].host
		}
	}
	return out
}

func xForwardedFor(h http.Header) []string { return values(h, "X-Forwarded-For") }

// xForwarded reads the X-Forwarded-* family. Most proxies write one value; where there is a list, the entry of the
// outermost believed hop counts.
func xForwarded(h http.Header, hops int) note {
	pick := func(name string) string {
		vs := values(h, name)
		if len(vs) == 0 {
			return ""
		}
		return vs[max(0, len(vs)-max(1, hops))]
	}
	return note{proto: strings.ToLower(pick("X-Forwarded-Proto")), host: pick("X-Forwarded-Host"), prefix: strings.TrimRight(pick("X-Forwarded-Prefix"), "/")}
}

// values joins the lines of a header and splits them at commas.
func values(h http.Header, name string) []string {
	joined := strings.Join(h.Values(name), ",")
	if strings.TrimSpace(joined) == "" {
		return nil
	}
	parts := strings.Split(joined, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return last(parts, maxHops)
}

func last[T any](s []T, n int) []T { return s[max(0, len(s)-n):] }
