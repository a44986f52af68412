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

// plainFields are the fields of a query that compare one text of a version's row or tags.
var plainFields = map[string]string{
	"repo": metadata.FieldRepository, "format": metadata.FieldFormat, "name": metadata.FieldPackage, "version": metadata.FieldVersion,
	"purl": metadata.FieldPURL, "tag": metadata.FieldTag, "state": metadata.FieldState,
}

// factFields are the fields of a query that compare the values of a fact.
var factFields = map[string]string{"ref": registry.FactSourceRef, "builder": registry.FactBuildSystem, "upstream": registry.FactUpstreamName,
	"verified": registry.FactUpstreamVerified}

// condition is what a term field:value asks for. queryError: there is no such field, or it does not take the value.
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

func is(t metadata.Test) metadata.Condition { return metadata.Condition{Is: &t} }

func oneOf(tests ...metadata.Test) metadata.Condition {
	var c metadata.Condition
	for _, t := range tests {
		c.Any = append(c.Any, is(t))
	}
	return c
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

// queryError says what is wrong with a term.
type queryError string
