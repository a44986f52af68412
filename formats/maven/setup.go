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
		ID: "java", Title: "Java", About: "Releases and snapshots, deployed and resolved at one address.", Of: "Maven", Things: "packages", Texts: texts, Clients: []setup.Client{
			{Name: "Maven", Blocks: []setup.Block{
				{About: "The token, in", File: "~/.m2/settings.xml", Text: "settings"}, {About: "The repository, in", File: "pom.xml", Text: "pom"}}},
			{Name: "Gradle", Blocks: []setup.Block{{About: "In", File: "build.gradle", Text: "gradle"}}},
		},
		Install: []setup.Client{
			{Name: "Maven", Blocks: []setup.Block{{Text: "install_maven"}}},
			{Name: "Gradle", Blocks: []setup.Block{{Text: "install_gradle"}}},
			{Name: "Gradle, Kotlin", Blocks: []setup.Block{{Text: "install_kotlin"}}},
			{Name: "sbt", Blocks: []setup.Block{{Text: "install_sbt"}}},
		},
	}
}
