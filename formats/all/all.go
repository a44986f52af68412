// Package all is the list of formats; nothing registers itself.
package all

import (
	"slipway/formats"
	"slipway/formats/maven"
	"slipway/formats/npm"
	"slipway/formats/oci"
	"slipway/formats/pypi"
	"slipway/formats/raw"
	"slipway/registry"
	"slipway/registry/staging"
)

// All returns every format that this build serves.
func All() []formats.Format {
	return []formats.Format{maven.New(maven.Options{}), npm.New(), oci.New(), pypi.New(), raw.New()}
}

// Rules returns what the core asks of each format.
func Rules() map[string]registry.Rules {
	rules := map[string]registry.Rules{}
	for _, f := range All() {
		rules[f.Name()] = f.Rules()
	}
	return rules
}

// Assemblers returns the formats whose versions are staged.
func Assemblers() map[string]staging.Assembler {
	out := map[string]staging.Assembler{}
	for _, f := range All() {
		if a, ok := f.(staging.Assembler); ok {
			out[f.Name()] = a
		}
	}
	return out
}
