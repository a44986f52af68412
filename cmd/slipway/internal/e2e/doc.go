// Package e2e holds the test of the whole chain, from a commit to what runs: the built program, with the real clients of all
// formats and two deployers.
package e2e
