// Package load puts a running server under load, one protocol's units of work at a time, and measures how long each takes.
//
// Client and server often share a machine, so the client does as little as it can: connections of its own instead of
// net/http, bodies that are made once and differ in a few bytes, answers that are counted and thrown away.
package load
