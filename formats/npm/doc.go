// Package npm speaks the npm registry protocol for hosted packages: npm, pnpm, Yarn and Bun publish to it and install
// from it with nothing but a registry URL and a token in their configuration. A package is a registry.Package under
// its exact name, a version holds one tarball, dist-tags are the core's tags, a deprecation is the core's state.
//
// A version is stored as its manifest in JSON text (unknown keys kept), ready to be joined into the documents that clients ask
// for; only the URL of the tarball is added while serving.
package npm
