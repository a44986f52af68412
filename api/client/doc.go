// Package client is the Go client of Slipway's HTTP API, whose types package api has.
//
// A Client makes one request for each call and tries nothing again. Errors are an *Error where the server answered with one
// (RFC 9457), and an *Unreachable where there was no answer. Lists are iterators that fetch one page after the other; an error
// ends them. Every method is safe for concurrent use.
package client
