package catalog

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
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

// queryError says what is wrong with a term.
type queryError string

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

func is(t metadata.Test) metadata.Condition { return metadata.Condition{Is: &t} }

func oneOf(tests ...metadata.Test) metadata.Condition {
	var c metadata.Condition
	for _, t := range tests {
		c.Any = append(c.Any, is(t))
	}
	return c
}

var plainFields = map[string]string{
	"repo": metadata.FieldRepository, "format": metadata.FieldFormat, "name": metadata.FieldPackage, "version": metadata.FieldVersion,
	"purl": metadata.FieldPURL, "tag": metadata.FieldTag, "state": metadata.FieldState,
}

// named adds to a test for a package URL what follows from it, because packages are found by their names: the name ends with that of the URL.
func named(c metadata.Condition) metadata.Condition {
	if c.Is.Field != metadata.FieldPURL || !strings.HasPrefix(c.Is.Value, "pkg:") {
		return c
	}
	path, _, _ := strings.Cut(c.Is.Value, "@")
	name, err := url.PathUnescape(path[strings.LastIndexByte(path, '/')+1:])
	if err != nil || name == "" || strings.Contains(name, "*") {
		return c
	}
	return metadata.Condition{All: []metadata.Condition{c, is(metadata.Test{Field: metadata.FieldPackage, Value: "*" + name})}}
}

var factFields = map[string]string{"ref": registry.FactSourceRef, "builder": registry.FactBuildSystem, "upstream": registry.FactUpstreamName,
	"verified": registry.FactUpstreamVerified}

func condition(field, value string) (metadata.Condition, error) {
	if f, ok := plainFields[field]; ok {
		if field == "state" && !matchesAny(value, states) {
			return metadata.Condition{}, registry.NameError(registry.NoSuch("state", value, states, states))
		}
		return named(is(metadata.Test{Field: f, Value: value})), nil
	}
	if key, ok := factFields[field]; ok {
		return is(metadata.Test{Field: metadata.FieldFact, Key: key, Value: value}), nil
	}
	if key, ok := strings.CutPrefix(field, registry.FactCustomPrefix); ok && registry.CustomKey.MatchString(key) {
		return is(metadata.Test{Field: metadata.FieldFact, Key: field, Value: value}), nil
	}
	by := func(glob string) metadata.Test { return metadata.Test{Field: metadata.FieldPublisher, Value: glob} }
	switch field {
	case "by": // a user, with all of the user's tokens, or a token
		return oneOf(by(value), by(access.TokensOf(value)), by(access.TokensNamed(value))), nil
	case "token":
		return is(by(access.TokensNamed(value))), nil
	case "commit":
		return commit(value)
	case "source":
		return is(metadata.Test{Field: metadata.FieldFact, Key: registry.FactSourceRepository, Value: registry.NormalizeSource(value)}), nil
	case "build":
		return oneOf(metadata.Test{Field: metadata.FieldFact, Key: registry.FactBuildID, Value: value}, metadata.Test{Field: metadata.FieldFact, Key: registry.FactBuildURL, Value: value}), nil
	case "digest":
		hex := strings.TrimPrefix(strings.ToLower(value), "sha256:")
		if len(hex) != 64 || strings.Trim(hex, "0123456789abcdef") != "" {
			return metadata.Condition{}, queryError("digest: takes sha256:<64 hex digits>")
		}
		return is(metadata.Test{Field: metadata.FieldDigest, Value: hex}), nil
	case "published":
		return moment(field, value, metadata.Test{Field: metadata.FieldPublished})
	case "entered":
		return moment(field, value, metadata.Test{Field: metadata.FieldKnown, Key: registry.FactUpstreamName})
	case "origin":
		return origin(value)
	case "has":
		return has(value)
	case "file": // by its path, or by the last part of it
		file := func(glob string) metadata.Test { return metadata.Test{Field: metadata.FieldHasFile, Value: glob} }
		return oneOf(file(value), file("*/"+value)), nil
	case "env":
		return is(metadata.Test{Field: metadata.FieldRuns, Value: value}), nil
	case "is":
		test, ok := map[string]string{"attached": metadata.FieldAttached, "part": metadata.FieldPart}[value]
		if !ok {
			return metadata.Condition{}, queryError("is: takes attached or part")
		}
		return is(metadata.Test{Field: test}), nil
	}
	return metadata.Condition{}, queryError("there is no field " + strconv.Quote(registry.Clip(field)))
}

// commit is the test for a commit, or for the text that it was read from. Commits are often named by their first characters.
func commit(value string) (metadata.Condition, error) {
	if len(value) < minCommit && !strings.Contains(value, "*") {
		return metadata.Condition{}, queryError(fmt.Sprintf("commit: takes at least the first %d characters of a commit, not %d", minCommit, len(value)))
	}
	spellings := []string{value}
	if lower := strings.ToLower(value); lower != value {
		spellings = append(spellings, lower)
	}
	var tests []metadata.Test
	for _, key := range []string{registry.FactSourceCommit, registry.FactSourceRevision} {
		for _, v := range spellings {
			tests = append(tests, metadata.Test{Field: metadata.FieldFact, Key: key, Value: v, Prefix: !strings.Contains(v, "*")})
		}
	}
	return oneOf(tests...), nil
}

// states are all states of a version.
var states = []string{string(registry.Published), string(registry.Deprecated), string(registry.Yanked), string(registry.Deleted)}

// matchesAny reports whether a word of a query, or a glob, matches a known word. If it does not, the answer would be empty
// whatever is stored.
func matchesAny(glob string, known []string) bool {
	if strings.Contains(glob, "*") {
		glob = strings.ToLower(glob) // some databases compare without case
	}
	return slices.ContainsFunc(known, func(k string) bool { return registry.MatchGlob(glob, k) })
}

// checkFormats refuses a query for an unknown format. Invalid.
func (s *Catalog) checkFormats(c metadata.Condition) error {
	if c.Is != nil && c.Is.Field == metadata.FieldFormat && !matchesAny(c.Is.Value, slices.Collect(maps.Keys(s.core.Rules))) {
		return s.unknownFormat(c.Is.Value)
	}
	if c.Not != nil {
		return s.checkFormats(*c.Not)
	}
	for _, part := range append(slices.Clone(c.All), c.Any...) {
		if err := s.checkFormats(part); err != nil {
			return err
		}
	}
	return nil
}

// has makes the condition of has:<what>: evidence by the kind of its carrier, any other fact by its key.
func has(what string) (metadata.Condition, error) {
	fact := metadata.Test{Field: metadata.FieldHasFact, Key: what}
	switch what {
	case "provenance":
		return oneOf(fact, metadata.Test{Field: metadata.FieldHasFile, Value: "*.sigstore*"}, metadata.Test{Field: metadata.FieldHasFile, Value: "*.provenance"}), nil
	case "sbom":
		return oneOf(fact, metadata.Test{Field: metadata.FieldHasFile, Value: "*cyclonedx*"}, metadata.Test{Field: metadata.FieldHasFile, Value: "*.spdx*"}), nil
	case "commit":
		fact.Key = registry.FactSourceCommit
	}
	return is(fact), nil
}

// origin makes the condition of where a version came from: a remote, another repository here, or a client.
func origin(value string) (metadata.Condition, error) {
	known := func(key string) metadata.Condition { return is(metadata.Test{Field: metadata.FieldHasFact, Key: key}) }
	cached, promoted := known(registry.FactUpstreamName), known(registry.FactPromotedFrom)
	not := func(c metadata.Condition) metadata.Condition { return metadata.Condition{Not: &c} }
	switch value {
	case "cached":
		return metadata.Condition{All: []metadata.Condition{cached, not(promoted)}}, nil
	case "promoted":
		return promoted, nil
	case "published":
		return metadata.Condition{All: []metadata.Condition{not(cached), not(promoted)}}, nil
	}
	return metadata.Condition{}, queryError("origin: takes cached, published or promoted")
}

// moment makes a comparison of test with a time or a day (UTC): >, >=, <, <=, or the day itself.
func moment(field, value string, test metadata.Test) (metadata.Condition, error) {
	rest := strings.TrimLeft(value, "<>=")
	op := value[:len(value)-len(rest)]
	t, err := time.Parse(time.RFC3339Nano, rest)
	span := time.Microsecond
	if err != nil {
		if t, err = time.Parse(time.DateOnly, rest); err != nil {
			return metadata.Condition{}, queryError(field + ": takes a day like 2026-01-31 or an RFC 3339 time, not " + strconv.Quote(registry.Clip(rest)))
		}
		span = 24 * time.Hour
	}
	at := func(compare string, t time.Time) metadata.Condition {
		test.Compare, test.Time = compare, t
		return is(test)
	}
	switch op {
	case ">":
		return at(">=", t.Add(span)), nil
	case ">=":
		return at(">=", t), nil
	case "<":
		return at("<", t), nil
	case "<=":
		return at("<", t.Add(span)), nil
	case "", "=":
		return metadata.Condition{All: []metadata.Condition{at(">=", t), at("<", t.Add(span))}}, nil
	}
	return metadata.Condition{}, queryError(field + ": there is no comparison " + strconv.Quote(op))
}
