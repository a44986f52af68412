package cli

import (
	"fmt"
	"strings"
	"testing"
)

// FuzzCheckpoint: any answer about a log is either read or refused.
func FuzzCheckpoint(f *testing.F) {
	f.Add("slipway\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n")
	f.Add("o\n-1\n\n\n")
	f.Add("o\n+7\nx\n")
	f.Fuzz(func(t *testing.T, checkpoint string) {
		if _, size, _, err := parseCheckpoint(checkpoint); err == nil && (size < 0 || !strings.Contains(checkpoint, fmt.Sprint("\n", size, "\n"))) {
			t.Fatalf("%q has the size %d", checkpoint, size)
		}
	})
}
