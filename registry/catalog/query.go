package catalog

import (
	"strings"

	"slipway/metadata"
	"slipway/registry"
)

// Bounds of a query.
const (
	maxQueryBytes = 4096
	maxQueryTerms = 100
	maxQueryDepth = 30
	// minCommit is how much of a commit a query has to say, as much as git asks for: of shorter beginnings thousands of versions have
	// the same, and each is looked at.
	minCommit = 4
)

// ParseQuery reads the query language: terms field:value, all of which must match; OR between terms, parentheses, - for not, *
// for any text, "quotes" around text with spaces. A word without a field is part of a package's name. Fields: repo format name
// version purl tag commit source ref build builder by token state digest published origin upstream entered verified has is file env, and custom.<key>. Invalid: the message names
// the error and its place.
func ParseQuery(text string) (metadata.Condition, error) {
	c, _, err := parseQuery(text)
	return c, err
}

// queryTerm is a term of a query, as it is written there.
type queryTerm struct {
	text        string
	where       metadata.Condition
	alternative bool // a version may be found without it
}

// parseQuery is ParseQuery with the terms that are reasons to find a version: those that are not negated.
func parseQuery(text string) (metadata.Condition, []queryTerm, error) {
	if len(text) > maxQueryBytes {
		return metadata.Condition{}, nil, registry.Errorf(registry.Invalid, registry.AboutRequest, "a query has at most %d bytes", maxQueryBytes)
	}
	p := &queryParser{text: text}
	c, err := p.any(0)
	if err != nil {
		return c, nil, err
	}
	if p.skip(); p.at < len(p.text) {
		return c, nil, p.wrong("unexpected %q", p.text[p.at:p.at+1])
	}
	return c, p.reasons, nil
}

func (e queryError) Error() string { return string(e) }

type queryParser struct {
	text    string
	at      int
	terms   int
	reasons []queryTerm
}

func (p *queryParser) wrong(format string, args ...any) error {
	return registry.Errorf(registry.Invalid, registry.AboutRequest, "query, at character %d: "+format, append([]any{p.at + 1}, args...)...)
}

func (p *queryParser) skip() {
	for p.at < len(p.text) && (p.text[p.at] == ' ' || p.text[p.at] == '\t' || p.text[p.at] == '\n') {
		p.at++
	}
}

// word consumes the next word if it is w, and reports whether it did.
func (p *queryParser) word(w string) bool {
	p.skip()
	rest := p.text[p.at:]
	if !strings.HasPrefix(rest, w) || len(rest) > len(w) && !strings.ContainsRune(" \t\n()", rune(rest[len(w)])) {
		return false
	}
	p.at += len(w)
	return true
}

// any parses all OR all …
func (p *queryParser) any(depth int) (metadata.Condition, error) {
	if depth > maxQueryDepth {
		return metadata.Condition{}, p.wrong("parentheses nested deeper than %d", maxQueryDepth)
	}
	var list []metadata.Condition
	first := len(p.reasons)
	for {
		c, err := p.all(depth)
		if err != nil {
			return c, err
		}
		list = append(list, c)
		if !p.word("OR") {
			break
		}
	}
	if len(list) == 1 {
		return list[0], nil
	}
	for _, c := range list {
		if c.Is == nil && c.Not == nil && len(c.All)+len(c.Any) == 0 {
			return c, p.wrong("OR needs something on both sides")
		}
	}
	for i := range p.reasons[first:] {
		p.reasons[first+i].alternative = true
	}
	return metadata.Condition{Any: list}, nil
}

// all parses the terms up to OR, a closing parenthesis or the end.
func (p *queryParser) all(depth int) (metadata.Condition, error) {
	var list []metadata.Condition
	for {
		p.word("AND")
		p.skip()
		if p.at == len(p.text) || p.text[p.at] == ')' || p.peek("OR") {
			break
		}
		c, err := p.term(depth)
		if err != nil {
			return c, err
		}
		list = append(list, c)
	}
	if len(list) == 1 {
		return list[0], nil
	}
	return metadata.Condition{All: list}, nil
}

func (p *queryParser) peek(w string) bool {
	at := p.at
	defer func() { p.at = at }()
	return p.word(w)
}

// term parses -term, (query), or a word.
func (p *queryParser) term(depth int) (metadata.Condition, error) {
	if p.terms++; p.terms > maxQueryTerms {
		return metadata.Condition{}, p.wrong("more than %d terms", maxQueryTerms)
	}
	switch p.text[p.at] {
	case '-':
		p.at++
		if p.skip(); p.at == len(p.text) || depth >= maxQueryDepth {
			return metadata.Condition{}, p.wrong("- needs something to exclude")
		}
		had := len(p.reasons)
		c, err := p.term(depth + 1)
		p.reasons = p.reasons[:had]
		return metadata.Condition{Not: &c}, err
	case '(':
		p.at++
		c, err := p.any(depth + 1)
		if err != nil {
			return c, err
		}
		if p.skip(); p.at == len(p.text) || p.text[p.at] != ')' {
			return c, p.wrong("a closing parenthesis is missing")
		}
		p.at++
		return c, nil
	}
	start := p.at
	field, _, err := p.piece(":")
	if err != nil {
		return metadata.Condition{}, err
	}
	if p.at == len(p.text) || p.text[p.at] != ':' {
		if field == "" {
			return metadata.Condition{}, p.wrong("a word is missing")
		}
		return p.reason(start, is(metadata.Test{Field: metadata.FieldPackage, Value: "*" + field + "*"})), nil
	}
	p.at++
	value, quoted, err := p.piece("")
	if err != nil {
		return metadata.Condition{}, err
	}
	if value == "" && !quoted {
		return metadata.Condition{}, p.wrong("%s: needs a value", field)
	}
	c, err := condition(field, value)
	if err != nil {
		p.at = start
		return c, p.wrong("%s", err.Error())
	}
	return p.reason(start, c), nil
}

// reason notes a term that begins at start, and returns its condition.
func (p *queryParser) reason(start int, c metadata.Condition) metadata.Condition {
	p.reasons = append(p.reasons, queryTerm{text: p.text[start:p.at], where: c})
	return c
}

// piece reads text up to a space, a parenthesis or one of stop; parts may be quoted.
func (p *queryParser) piece(stop string) (text string, quoted bool, err error) {
	var b strings.Builder
	for p.at < len(p.text) && !strings.ContainsRune(" \t\n()"+stop, rune(p.text[p.at])) {
		if p.text[p.at] != '"' {
			b.WriteByte(p.text[p.at])
			p.at++
			continue
		}
		end := strings.IndexByte(p.text[p.at+1:], '"')
		if end < 0 {
			return "", false, p.wrong("a closing quote is missing")
		}
		b.WriteString(p.text[p.at+1 : p.at+1+end])
		p.at += end + 2
		quoted = true
	}
	return b.String(), quoted, nil
}
