//go:build !linux

package fsync

import "os"

// Data makes the bytes of f durable.
func Data(f *os.File) error { return f.Sync() }

// WriteBack is for Linux alone.
func WriteBack(*os.File, int64, int64) {}
