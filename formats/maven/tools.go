package maven

import (
	"slices"
	"strings"
)

// tool is a kind of program that deploys a version by several requests, as part of a build that may fail between them.
type tool struct {
	name   string
	agents []string // how its User-Agent begins
	// metadata: it sends maven-metadata.xml when everything else has arrived, so nothing else ends its deploy.
	metadata bool
	// asks: it sends no checksum that is there already, and fails instead.
	asks bool
}

// tools are the build tools. Where several of them share a library that sends its own name, the library stands for them.
var tools = []tool{
	{name: "Maven", agents: []string{"Apache-Maven/", "Maven/", "Aether", "maven-resolver", "Apache-Maven-Resolver"}, metadata: true},
	{name: "Gradle", agents: []string{"Gradle/"}, metadata: true},
	{name: "Leiningen", agents: []string{"Leiningen/"}, metadata: true},
	{name: "Ivy", agents: []string{"Apache Ivy/"}, asks: true},
	{name: "sbt", agents: []string{"sbt/", "coursier/", "Coursier", "okhttp/", "gigahorse"}, asks: true},
	{name: "Mill", agents: []string{"mill/", "requests-scala"}},
	{name: "JReleaser", agents: []string{"JReleaser/", "jreleaser/"}},
	{name: "Bazel", agents: []string{"Bazel/", "bazel/", "Java/", "Java-http-client/"}}, // its publisher sends what Java does
}

// toolOf returns the name of the build tool with a User-Agent; "" for any other client.
func toolOf(agent string) string {
	for _, t := range tools {
		for _, prefix := range t.agents {
			if strings.HasPrefix(agent, prefix) {
				return t.name
			}
		}
	}
	return ""
}

// asksFirst reports whether a client with a User-Agent sends no checksum that is there already.
func asksFirst(agent string) bool {
	name := toolOf(agent)
	return slices.ContainsFunc(tools, func(t tool) bool { return t.name == name && t.asks })
}

// tool returns the build tool that began the set; false for a set of any other client.
func (s stagedSet) tool() (tool, bool) {
	for _, f := range append(s.files, s.sums...) {
		for _, t := range tools {
			if f.Tool == t.name {
				return t, true
			}
		}
	}
	return tool{}, false
}
