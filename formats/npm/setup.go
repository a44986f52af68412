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
		ID: "javascript", Title: "JavaScript", About: "Packages of npm, pnpm, Yarn, Bun and Deno.", Of: "npm", Things: "packages", Saw: saw, First: []setup.Block{{Text: "first"}}, Texts: texts, Clients: []setup.Client{
			{Name: "npm, pnpm, Bun, Deno", Blocks: []setup.Block{
				{About: "In your project's", File: ".npmrc", Text: "npmrc"},
				{About: "In your own, since pnpm does not read variables in a project's", File: "~/.npmrc", Text: "npmrc_own"},
				{About: "Then", Text: "npm"},
				{About: "pnpm 11 and newer do not take a version in its first day, unless your scope is in", File: "pnpm-workspace.yaml", Text: "pnpm_age"},
				{About: "Nor does Deno, unless your scope is in", File: "deno.json", Text: "deno_age"}}},
			{Name: "Yarn", Blocks: []setup.Block{
				{About: "Yarn 2 and newer:", File: ".yarnrc.yml", Text: "yarnrc"},
				{About: "Nor do Yarn 4.10 and newer, unless your scope is in", File: ".yarnrc.yml", Text: "yarn_age"},
				{About: "Yarn 1: the lines of npm, and in", File: "~/.npmrc", Text: "yarn1"}}},
		},
		Install: []setup.Client{
			{Name: "npm", Blocks: []setup.Block{{Text: "install_npm"}}},
			{Name: "pnpm", Blocks: []setup.Block{{Text: "install_pnpm"}}},
			{Name: "Yarn", Blocks: []setup.Block{{Text: "install_yarn"}}},
			{Name: "Bun", Blocks: []setup.Block{{Text: "install_bun"}}},
			{Name: "Deno", Blocks: []setup.Block{{Text: "install_deno"}}},
		},
	}
}
