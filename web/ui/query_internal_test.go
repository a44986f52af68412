package ui

import "testing"

// TestReadQuery: what people have at hand is found, and queries stay as they are.
func TestReadQuery(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "",
		"log4j-core":                          "log4j-core",
		"tag:production web":                  "tag:production web",
		"state:yanked":                        "state:yanked",
		"4f2a9c1":                             "commit:4f2a9c1 OR 4f2a9c1",
		"defaced":                             "defaced",
		"pkg:npm/@acme/web":                   "purl:pkg:npm/%40acme/web@*",
		"pkg:npm/%40acme/web@1.4.2?x=y#z":     "purl:pkg:npm/%40acme/web@1.4.2 OR purl:pkg:npm/%40acme/web@1.4.2?*",
		"@acme/web@1.4.2":                     "name:@acme/web version:1.4.2",
		"@acme/web":                           "@acme/web",
		"org.apache.logging.log4j:log4j-core": "name:org.apache.logging.log4j:log4j-core",
		"org.apache.logging.log4j:log4j-core:2.17.1": "name:org.apache.logging.log4j:log4j-core version:2.17.1",
		"web-1.4.2.tgz":            "file:web-1.4.2.tgz OR web-1.4.2.tgz",
		"app@sha256:" + sixtyFour:  "digest:sha256:" + sixtyFour,
		"custom.team.ticket:ABC-1": "custom.team.ticket:ABC-1",
	} {
		if got := readQuery(text); got != want {
			t.Errorf("%q is read as %q, want %q", text, got, want)
		}
	}
}

const sixtyFour = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// TestNarrow: a query gets a term, loses it again, and keeps what it meant.
func TestNarrow(t *testing.T) {
	for _, c := range []struct {
		query, key, value, want string
		has                     bool
	}{
		{"", "repo", "main", "repo:main", false},
		{"web repo:main", "repo", "main", "web", true},
		{"web  repo:main", "repo", "other", "web repo:other", false},
		{"a OR b", "format", "npm", "(a OR b) format:npm", false},
		{"(a OR repo:x)", "repo", "y", "(a OR repo:x) repo:y", false},
		{`name:"a b" x`, "tag", "c d", `name:"a b" x tag:"c d"`, false},
	} {
		if got, has := narrow(c.query, c.key, c.value); got != c.want || has != c.has {
			t.Errorf("%q with %s:%s is %q, %v", c.query, c.key, c.value, got, has)
		}
	}
}
