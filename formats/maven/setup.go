package maven

import (
	"embed"
	"io/fs"

	"slipway/formats/setup"
)

//go:embed setup/*.txt
var setupFiles embed.FS

// Setup implements formats.Guided.
func (format) Setup() setup.Section {
	texts, err := fs.Sub(setupFiles, "setup")
	if err != nil {
		panic(err) // the folder's name is a valid one
	}
	return setup.Section{
		ID: "java", Title: "Java", About: "Releases and snapshots, deployed and resolved at one address.", Of: "Maven", Things: "packages", Saw: saw, First: []setup.Block{{Text: "first"}}, Texts: texts, Clients: []setup.Client{
			{Name: "Maven", Blocks: []setup.Block{
				{About: "The token, in", File: "~/.m2/settings.xml", Text: "settings"}, {About: "The repository, in", File: "pom.xml", Text: "pom"}}},
			{Name: "Gradle", Blocks: []setup.Block{{About: "In", File: "build.gradle", Text: "gradle"}}},
		},
		Install: []setup.Client{
			{Name: "Maven", Blocks: scopes("maven")}, {Name: "Gradle", Blocks: scopes("gradle")}, {Name: "Gradle, Kotlin", Blocks: scopes("kotlin")}, {Name: "sbt", Blocks: scopes("sbt")},
		},
	}
}

// scopes are the lines by which a build takes a version, for each use of it.
func scopes(client string) []setup.Block {
	text := "install_" + client
	out := []setup.Block{{About: "To compile and run with", Text: text}, {About: "For tests alone", Text: text + "_test"},
		{About: "To compile with; what it runs in brings it", Text: text + "_provided"}, {About: "To run with", Text: text + "_runtime"}}
	if client == "sbt" {
		return out // it imports no versions
	}
	return append(out, setup.Block{About: "The versions that it lists", Text: text + "_bom"})
}
