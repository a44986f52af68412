// Package httpserver holds everything around the handlers: the listener, the adapter that authenticates and in which every
// error is logged, counted and rendered, the public address, answers of files and of rendered documents, health and
// metrics. Of the core it uses only the names and the errors.
package httpserver
