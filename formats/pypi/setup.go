package pypi

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
		ID: "python", Title: "Python", About: "Wheels and source distributions.", Of: "Python", Things: "packages", Saw: saw, First: []setup.Block{{Text: "first"}}, Texts: texts, Clients: []setup.Client{
			{Name: "pip", Blocks: []setup.Block{
				{About: "In", File: "pip.conf", Text: "pip"}, {About: "The token, in", File: "~/.netrc", Text: "netrc"}}},
			{Name: "uv", Blocks: []setup.Block{
				{About: "In", File: "pyproject.toml", Text: "uv"}, {About: "Then", Text: "uv-publish"}}},
			{Name: "twine", Blocks: []setup.Block{{About: "Upload with", Text: "twine"}}},
		},
		Install: []setup.Client{
			{Name: "pip", Blocks: []setup.Block{{Text: "install_pip"}}},
			{Name: "uv", Blocks: []setup.Block{{Text: "install_uv"}}},
		},
	}
}
