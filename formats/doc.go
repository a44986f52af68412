// Package formats is what all formats share: Site, the HTTP server with the parts of the core, and common names and helpers.
package formats
