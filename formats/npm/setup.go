package npm

import (
	"embed"
	"io/fs"

	"slipway/formats/setup"
)

//go:embed setup/*.txt
var setupFiles embed.FS

// Setup implements formats.Guided.
func (*Format) Setup() setup.Section {
	texts, err := fs.Sub(setupFiles, "setup")
	if err != nil {
		panic(err) // the folder's name is a valid one
	}
	return setup.Section{
		ID: "javascript", Title: "JavaScript", About: "Packages of npm, pnpm, Yarn and Bun.", Of: "npm", Things: "packages", Texts: texts, Clients: []setup.Client{
			{Name: "npm, pnpm, Bun", Blocks: []setup.Block{
				{About: "In your project's or your own", File: ".npmrc", Text: "npmrc"}, {About: "Then", Text: "npm"}}},
			{Name: "Yarn", Blocks: []setup.Block{
				{About: "Yarn 2 and newer:", File: ".yarnrc.yml", Text: "yarnrc"}, {About: "Yarn 1: the lines of npm, and in", File: ".npmrc", Text: "yarn1"}}},
		},
	}
}
