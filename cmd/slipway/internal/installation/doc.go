// Package installation is a Slipway on a machine: how flags, environment and file say where its stores are, its keys, and how
// its stores and the core over them are opened. The server works on one, and so do the tools on the data directory.
package installation
