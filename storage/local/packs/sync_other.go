//go:build !linux

package packs

import "os"

func datasync(f *os.File) error { return f.Sync() }
