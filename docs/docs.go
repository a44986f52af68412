// Package docs is the documentation, carried by the program that it describes.
package docs

import "embed"

// Pages are the pages for users, operators and developers, as Markdown in UTF-8, under their paths here.
//
//go:embed *.md protocols/*.md spec/*.md
var Pages embed.FS
