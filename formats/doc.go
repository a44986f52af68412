// Package formats is what all protocol front-ends share: the site with its public address, the handler adapter in which
// every error is logged, counted and rendered, serving of files and of rendered documents, and the HTTP server.
package formats
