package maven

import (
	"context"
	"slices"
	"strings"
	"time"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
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

// sumsToCome reports whether the caller has sent the file and may still send sums of it. The file may be visible by then: in a repository that
// shows files at once, or because the client was slow.
func (h *handlers) sumsToCome(ctx context.Context, t target, f registry.File, cache string) (bool, error) {
	if cache == noStore { // staged
		return true, nil
	}
	if time.Since(f.AddedAt) > lateFiles {
		return false, nil
	}
	v, err := h.svc.Catalog.Resolve(catalog.Look(ctx), t.name(), catalog.Ref{Version: t.version})
	return err == nil && v.PublisherID == access.From(ctx).ID, ignoreAbsent(err)
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
