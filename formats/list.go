package formats

import (
	"slipway/formats/setup"
	"slipway/registry"
	"slipway/registry/staging"
	"slipway/registry/upstreams"
)

// Guided is a Format that says on the pages how its clients are set up, and how they take a version.
type Guided interface {
	Setup() setup.Section
}

// Rules returns what the core asks of each format.
func Rules(list []Format) map[string]registry.Rules {
	rules := map[string]registry.Rules{}
	for _, f := range list {
		rules[f.Name()] = f.Rules()
	}
	return rules
}

// Assemblers returns the formats whose versions are staged.
func Assemblers(list []Format) map[string]staging.Assembler {
	out := map[string]staging.Assembler{}
	for _, f := range list {
		if a, ok := f.(staging.Assembler); ok {
			out[f.Name()] = a
		}
	}
	return out
}

// Sources returns the formats that have remotes.
func Sources(list []Format) map[string]upstreams.Source {
	out := map[string]upstreams.Source{}
	for _, f := range list {
		if s, ok := f.(upstreams.Source); ok {
			out[f.Name()] = s
		}
	}
	return out
}

// Sections returns the sections of the front page in the order of the formats.
func Sections(list []Format) []setup.Section {
	var out []setup.Section
	for _, f := range list {
		if g, ok := f.(Guided); ok {
			s := g.Setup()
			s.Format = f.Name()
			out = append(out, s)
		}
	}
	return out
}
