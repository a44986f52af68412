package oci

import (
	"strings"

	"slipway/internal/lazyregexp"
	"slipway/registry"
)

// masked stands for a value that looks like a secret. Whoever may pull the image can read it all the same: it is kept off screens.
const masked = "•••"

var (
	// secretName is a name of a variable whose value is as a rule secret.
	secretName = lazyregexp.New(`(?i)(passw(or)?d|passphrase|(^|[_.-])pass|_pwd|secret|token|(api|access|secret|private)_?key|_key|^key|credential|cred|auth|bearer|cookie|dsn)s?([_.-]|$)`)
	// secretValue is what is secret by its form: credentials in an address, tokens of well-known issuers, and private keys.
	secretValue = lazyregexp.New(`://[^/@\s:]*:[^/@\s]+@|\b(ghp|gho|ghs|ghr|github_pat|glpat|slp|npm|xox[abprs]|sk|pypi)[_-][A-Za-z0-9_-]{16,}|\bAKIA[0-9A-Z]{12,}|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}|-----BEGIN [A-Z ]*PRIVATE KEY`)
	// assignment is NAME=value in a command, with or without quotes around the value; option is --name value.
	assignment = lazyregexp.New(`([A-Za-z_][A-Za-z0-9_.-]*)=("[^"]*"|'[^']*'|[^\s"';&|]+)`)
	option     = lazyregexp.New(`(--[A-Za-z][A-Za-z0-9-]*)(\s+)("[^"]*"|'[^']*'|[^\s"';&|-][^\s"';&|]*)`)
)

func looksSecret(value string) bool { return secretValue.MatchString(value) }

// environmentVariable is a variable of the environment, without its value where that may be a secret.
func environmentVariable(name, value string) registry.Variable {
	if value != "" && (secretName.MatchString(name) || looksSecret(value)) {
		return registry.Variable{Name: name, Masked: true}
	}
	return registry.Variable{Name: name, Value: value}
}

// maskedText is a command without the values that may be secrets.
func maskedText(s string) string {
	if len(s) > registry.MaxDescribedBytes {
		s = s[:registry.MaxDescribedBytes] + "…" // no more of it is shown, and the patterns need not read it
	}
	s = secretValue.Get().ReplaceAllString(s, masked)
	s = assignment.Get().ReplaceAllStringFunc(s, func(part string) string {
		name, _, _ := strings.Cut(part, "=")
		if !secretName.MatchString(name) {
			return part
		}
		return name + "=" + masked
	})
	return option.Get().ReplaceAllStringFunc(s, func(part string) string {
		m := option.FindStringSubmatch(part)
		if !secretName.MatchString(strings.TrimLeft(m[1], "-")) {
			return part
		}
		return m[1] + m[2] + masked
	})
}

// maskedWords is maskedText for the words of a command.
func maskedWords(words []string) []string {
	words = words[:min(len(words), registry.MaxDescribed+1)]
	out := make([]string, len(words))
	for i, w := range words {
		if i > 0 && strings.HasPrefix(words[i-1], "-") && !strings.Contains(words[i-1], "=") && secretName.MatchString(strings.TrimLeft(words[i-1], "-")) {
			w = masked
		}
		out[i] = maskedText(w)
	}
	return out
}
