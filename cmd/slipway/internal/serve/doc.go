// Package serve is "slipway serve": it wires stores, core, front-ends and dispatcher together and runs the server, with its
// logs, metrics and the listener for profiles.
package serve
