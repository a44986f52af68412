// Package docs is the documentation, carried by the program that it describes.
package docs

import "embed"

// Pages are the pages for users, operators and developers, as Markdown in UTF-8, and the files that they link to, under their paths here.
//
//go:embed *.md protocols/*.md spec/*.md decisions/*.md examples/*.sh grafana/*.json pictures/*.webp
var Pages embed.FS
