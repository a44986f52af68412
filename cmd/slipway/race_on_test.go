//go:build race

package main

// raceEnabled: the race detector makes everything slower and larger, so measurements mean nothing.
const raceEnabled = true
