package maven

import "strings"

// tool is a kind of program that deploys a version by several requests, as part of a build that may fail between them.
type tool struct {
	name   string
	agents []string // how its User-Agent begins
	// metadata: it sends maven-metadata.xml when everything else has arrived, so nothing else ends its deploy.
	metadata bool
}

// tools are the build tools. Where several of them share a library that sends its own name, the library stands for them.
var tools = []tool{
	{"Maven", []string{"Apache-Maven/", "Maven/", "Aether", "maven-resolver", "Apache-Maven-Resolver"}, true},
	{"Gradle", []string{"Gradle/"}, true},
	{"Leiningen", []string{"Leiningen/"}, true},
	{"Ivy", []string{"Apache Ivy/"}, false},
	{"sbt", []string{"sbt/", "coursier/", "Coursier", "okhttp/", "gigahorse"}, false},
	{"Mill", []string{"mill/", "requests-scala"}, false},
	{"JReleaser", []string{"JReleaser/", "jreleaser/"}, false},
	{"Bazel", []string{"Bazel/", "bazel/", "Java/", "Java-http-client/"}, false}, // its publisher sends what Java does
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
