// Package cli holds the commands that talk to a server over its API, as any other client does.
package cli
