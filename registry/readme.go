package registry

import "strings"

// Readme is a text for the readers of a version, or the path of the file of the version that has it.
type Readme struct {
	Text, MediaType string
	Path            string
	// Parse takes the text out of the first bytes of the file. nil: all of them are the text.
	Parse func(file []byte) (text, mediaType string)
	Limit int64 // first bytes of the file that are read; 0: 1 MiB
}

// ReadmeFile is Rules.Readme for a format whose versions are files like others: the one that is called README, in Markdown first.
func ReadmeFile(_ Package, files []File) Readme {
	for _, kind := range [][2]string{{".md", "text/markdown"}, {".markdown", "text/markdown"}, {".rst", "text/x-rst"}, {".txt", "text/plain"}, {"", "text/plain"}} {
		for _, f := range files {
			if strings.EqualFold(f.Path, "readme"+kind[0]) {
				return Readme{Path: f.Path, MediaType: kind[1]}
			}
		}
	}
	return Readme{}
}
