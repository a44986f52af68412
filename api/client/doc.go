// Package client is the Go client of Slipway's HTTP API, whose types package api has.
//
// A Client makes one request for each call and never retries. An error is an *Error when the server answered with one (RFC
// 9457), and an *Unreachable when there was no answer. Lists are iterators that fetch one page after the other; an error
// ends them. Every method is safe for concurrent use.
package client
