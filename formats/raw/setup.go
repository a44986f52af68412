package raw

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
		ID: "files", Title: "Any file", About: "A path is package, version and file.", Of: "plain", Things: "files", Saw: saw, First: []setup.Block{{Text: "first"}}, Texts: texts, Clients: []setup.Client{
			{Name: "curl", Blocks: []setup.Block{{About: "Up and down", Text: "curl"}}},
		},
		Install: []setup.Client{
			{Name: "curl", Blocks: []setup.Block{{Text: "install_curl"}}},
		},
	}
}
