package ui

import (
	"slices"
	"strings"

	"slipway/api"
)

// The settings of upstreams, as fields of a form.
var (
	modes = []choice{{Value: "", Text: "as the format does"}, {Value: "first", Text: "the first place that has it answers alone"}, {Value: "merge", Text: "all places together"}}

	// narrowFields are of every upstream.
	narrowFields = []fieldSpec{
		{name: "allow", label: "Only these names", kind: fieldList, hint: "Patterns such as @acme/* or com.acme.**, one a line. Empty: all names."},
		{name: "deny", label: "Never these names", kind: fieldList, hint: "They win over the ones above."},
		{name: "mode", label: "A name that several places have", kind: fieldChoice, options: modes},
		{name: "on_failure", label: "While it can't answer", kind: fieldChoice, options: []choice{{Value: "", Text: "names that it may have are unavailable"}, {Value: "skip", Text: "places behind it answer (only if all of them can be trusted with all names)"}}},
	}
	// memberFields are of an upstream that is a repository of this server.
	memberFields = []fieldSpec{
		{name: "formats", label: "Only these formats", kind: fieldList, hint: "Empty: every format."},
		{name: "through", label: "Who may read this repository reads the other one through it", kind: fieldCheck, hint: "An administrator of the other repository must set it."},
		{name: "writes", label: "It takes what is written to this repository", kind: fieldCheck, hint: "Callers need the right in both."},
		{name: "writes_versions", label: "It takes", kind: fieldChoice, options: []choice{{Value: "", Text: "all versions"}, {Value: "releases", Text: "releases of Maven"}, {Value: "snapshots", Text: "snapshots of Maven"}}},
	}
	// guardFields are what is let in from a registry elsewhere.
	guardFields = []fieldSpec{
		{name: "owns", label: "Names that it has count as ours", kind: fieldCheck, hint: "It is asked before others, which are asked only for what it does not have."},
		{name: "cooldown", label: "Minimum age of a version", kind: fieldDuration, hint: "Such as 72h. Empty: none."},
		{name: "unknown_age", label: "A version of unknown age", kind: fieldChoice, options: []choice{{Value: "", Text: "is served"}, {Value: "block", Text: "is not served"}}},
		{name: "checksum", label: "Checksums that it must announce", kind: fieldChoice, options: []choice{{Value: "", Text: "as the format does"}, {Value: "require", Text: "any"}, {Value: "strong", Text: "SHA-256 or SHA-512"}, {Value: "warn", Text: "none"}}, hint: "A wrong one is always refused."},
		{name: "on_removal", label: "A version that it lists no more", kind: fieldChoice, options: []choice{{Value: "", Text: "as the format does"}, {Value: "block", Text: "is refused"}, {Value: "hide", Text: "is left out of documents"}, {Value: "keep", Text: "stays as it was"}}},
		{name: "anonymous_fetch", label: "Callers without credentials may cause a fetch", kind: fieldCheck, hint: "Else they read what is cached."},
	}
	// freshFields are how long what it said is believed, and what stays.
	freshFields = []fieldSpec{
		{name: "offline", label: "Offline: it is not asked, what is cached is served", kind: fieldCheck},
		{name: "ttl", label: "A document is taken to be as it was for", kind: fieldDuration, hint: "Such as 10m. Empty: as the format does."},
		{name: "negative_ttl", label: "Something is taken to be absent for", kind: fieldDuration, hint: "Empty: 60s."},
		{name: "stale_while_revalidate", label: "An expired document is served at once, and asked for behind, for", kind: fieldDuration, hint: "Empty: 1h."},
		{name: "stale_if_error", label: "An expired document is served while it can't be asked for", kind: fieldDuration, hint: "Empty: 720h."},
		{name: "keep.unused", label: "A file goes after it was not used for", kind: fieldDuration, hint: "Empty: 2160h. 0s: it stays as long as there is room."},
		{name: "keep.bytes", label: "Bytes of all files, at most", kind: fieldNumber, hint: "Those that were not used for longest go first. Empty: no bound."},
	}
	// loadFields are how it is asked.
	loadFields = []fieldSpec{
		{name: "timeouts.connect", label: "Wait for a connection", kind: fieldDuration, hint: "Empty: 3s."},
		{name: "timeouts.document", label: "Wait for the header of a document", kind: fieldDuration, hint: "Empty: 10s."},
		{name: "timeouts.file", label: "Wait for the header of a file", kind: fieldDuration, hint: "Empty: 30s."},
		{name: "timeouts.idle", label: "Wait for the next bytes", kind: fieldDuration, hint: "Empty: 30s."},
		{name: "timeouts.stale_after", label: "Serve a copy when an answer takes longer than", kind: fieldDuration, hint: "Empty: 2s."},
		{name: "concurrency", label: "Requests at once at one host", kind: fieldNumber, hint: "Empty: 64, and 50 without HTTP/2."},
		{name: "rate", label: "Requests a second at one host", kind: fieldDecimal, hint: "Empty: no bound."},
		{name: "max_document", label: "Bytes of a document, inflated", kind: fieldNumber, hint: "Empty: 256 MiB."},
		{name: "max_file", label: "Bytes of a file", kind: fieldNumber, hint: "Empty: 20 GiB."},
		{name: "user_agent", label: "Added to the server's User-Agent"},
		{name: "forbidden_is_missing", label: "Its 403 means that it does not have something", kind: fieldCheck},
		{name: "library", label: "Images whose names have one segment lie in its folder library", kind: fieldCheck},
		{name: "namespaces", label: "Hosts by which clients of a mirror know it", kind: fieldList, hint: "Of images: the ?ns= of containerd."},
	}
	// connectFields are where it is, and what it is shown: administrators of the server change them.
	connectFields = []fieldSpec{
		{name: "url", label: "Address", hint: "Another address is another registry under the name: what came from the former stays."},
		{name: "redirects", label: "Where redirects and links may lead", kind: fieldList, hint: "public, same-origin, or hosts. Empty: public."},
		{name: "proxy", label: "Proxy", hint: "direct, inherit, or the URL of a proxy without credentials. Empty: inherit."},
		{name: "proxy_auth.user", label: "User at the proxy", hint: "Give the password again when you change it; empty: none."},
		{name: "proxy_auth.secret", label: "Password at the proxy", kind: fieldSecret, hint: "It is never shown. Empty: as it is."},
		{name: "auth.type", label: "Credentials", kind: fieldChoice, options: []choice{{Value: "", Text: "none"}, {Value: "basic", Text: "user name and password"}, {Value: "bearer", Text: "token"}, {Value: "header", Text: "a header of its own"}}},
		{name: "auth.user", label: "User name"},
		{name: "auth.header", label: "Name of the header"},
		{name: "auth.secret", label: "Password, token or value of the header", kind: fieldSecret, hint: "It is kept sealed and never shown. Empty: as it is; whoever changes the other credentials gives it again."},
		{name: "auth.file", label: "File with it in the server's directory for secrets", hint: "In place of the field above; it is read again when it changes."},
		{name: "tls.ca", label: "Authorities that are trusted beside those of the system", kind: fieldBlock, hint: "PEM."},
		{name: "tls.certificate", label: "Client certificate", kind: fieldBlock, hint: "PEM."},
		{name: "tls.key", label: "Key of the certificate", kind: fieldSecretBlock, hint: "PEM. It is kept sealed and never shown. Empty: as it is."},
	}
)

// upstreamSpecs are the fields of the settings of an upstream that a visitor can change; server: he administers the server.
func upstreamSpecs(u api.Upstream, server bool) []fieldSpec {
	if u.Type == "repository" {
		return slices.Concat(narrowFields, memberFields)
	}
	specs := slices.Concat(narrowFields, guardFields, freshFields, loadFields)
	if server {
		specs = append(specs, connectFields...)
	}
	return specs
}

// upstreamSets are these fields in groups.
func upstreamSets(u api.Upstream, server bool, values map[string]string) []fieldset {
	if u.Type == "repository" {
		return []fieldset{{Title: "What it is asked for", Open: true, Fields: settingsOf(slices.Concat(memberFields[:1], narrowFields, memberFields[1:]), values)}}
	}
	sets := []fieldset{
		{Title: "What it is asked for", Open: true, Fields: settingsOf(narrowFields, values)},
		{Title: "What is let in", Fields: settingsOf(guardFields, values)},
		{Title: "How long it stays", Fields: settingsOf(freshFields, values)},
		{Title: "How it is asked", Fields: settingsOf(loadFields, values)},
	}
	if server {
		sets = append(sets, fieldset{Title: "Address and credentials", About: "For administrators of the server.", Fields: settingsOf(connectFields, values)})
	}
	return sets
}

// wholes are the settings that the API takes as a whole.
var wholes = map[string][]string{"keep": {"keep.unused", "keep.bytes"}, "auth": {"auth.type", "auth.user", "auth.header", "auth.secret", "auth.file"}, "proxy_auth": {"proxy_auth.user", "proxy_auth.secret"}}

// upstreamChange makes a change of what a form says of the fields that its user changed; some: it changes something. Invalid.
func upstreamChange(specs []fieldSpec, posted map[string]string, changed map[string]bool) (change api.UpstreamChange, some bool, err error) {
	for _, parts := range wholes {
		if slices.ContainsFunc(parts, func(name string) bool { return changed[name] }) {
			for _, name := range parts {
				changed[name] = true
			}
		}
	}
	if changed["tls.certificate"] && posted["tls.certificate"] == "" {
		changed["tls.key"] = true // there is none without it
	}
	tree := map[string]any{}
	for _, s := range specs {
		if !changed[s.name] {
			continue
		}
		value, err := s.jsonValue(posted[s.name])
		if err != nil {
			return change, false, err
		}
		switch {
		case s.name == "auth.type" && value == "":
			value = "none"
		case strings.HasPrefix(s.name, "auth.") && posted["auth.type"] == "":
			continue
		case value == "" && strings.HasPrefix(s.name, "timeouts."):
			value = "0s" // the default
		}
		put(tree, s.name, value)
	}
	return change, len(tree) > 0, fill(tree, &change)
}

// settingsOf makes the fields of a form for settings, which show their names.
func settingsOf(specs []fieldSpec, values map[string]string) []formField {
	out := fieldsOf(specs, values)
	for i := range out {
		out[i].Setting = out[i].Name
	}
	return out
}
