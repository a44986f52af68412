// Package formats is what all formats share: the site that they are written against, which is the HTTP server with the parts of
// the core, and the names that they have in common.
package formats
