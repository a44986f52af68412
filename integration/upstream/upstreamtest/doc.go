// Package upstreamtest is a registry elsewhere that fails on demand: a fixture of packages of the five formats, made by Go code and
// served over real sockets to real clients, with faults that a test switches on and off while it runs, and a record of every
// request that arrived.
//
//	u := upstreamtest.New(t, upstreamtest.Options{})
//	pad := u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{})
//	u.On(pad.Path, upstreamtest.Times(1), upstreamtest.Cut(100))
//	... a client installs left-pad from u.NPMURL() ...
//	u.Asked(t, 2, "GET", pad.Path)
//	u.NoCredential(t, "cdn:**")
//
// # Hosts
//
// A Server listens twice: the origin, and the "CDN" on another port, to which files of PyPI and redirects lead. With TLS there is
// a third host, "plain", that speaks http, for redirects that lose the TLS. All of them serve the same paths, except that only the
// origin asks for credentials.
//
// # Patterns
//
// A pattern is a glob over the decoded path of a request: `*` stands for any characters but the slash, `**` for any, `?` for
// one that is no slash. A host in front, "origin:", "cdn:" or "plain:", restricts it to that host: "cdn:/files/**".
//
// # Content
//
// Everything is deterministic: the same calls make the same bytes. Times are Epoch and later, an hour for each thing that is
// published. Big files are computed while they are sent and never held in memory.
package upstreamtest
