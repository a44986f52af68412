// Package httpserver is what is around every handler: the listener, the adapter that authenticates and in which every error is
// logged, counted and rendered, the public address, answers of files and of rendered documents, health and metrics. Of the core
// it knows the words and the errors.
package httpserver
