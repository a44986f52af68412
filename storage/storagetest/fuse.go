package storagetest

import (
	"errors"
	"sync"
)

// ErrFault is the error of a Fuse that has no other.
var ErrFault = errors.New("injected fault")

// Fuse counts calls of backends and fails one of them. The wrappers of every kind of backend call its Blow, so that one
// count runs through the blobs and the metadata of one publish:
//
//	for n := 1; ; n++ {
//		fuse := &storagetest.Fuse{N: n}
//		blobs := storagetest.Faulty(mem.New(), storagetest.Before, fuse.Blow)
//		records := metadatatest.Faulty(db, fuse.Blow)
//		…
//		if !fuse.Tripped() {
//			return // n is past the last call
//		}
//	}
//
// A Fuse is safe for concurrent use; it must not be copied.
type Fuse struct {
	N    int   // the call that fails, from 1; 0 for none
	Stay bool  // the calls after it fail as well, as when the backend is down from then on
	Err  error // what they fail with; ErrFault when nil

	mu    sync.Mutex
	calls int
}

// Blow counts one call and returns the error that it has to fail with, or nil.
func (f *Fuse) Blow() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if f.N == 0 || f.calls < f.N || f.calls > f.N && !f.Stay {
		return nil
	}
	if f.Err != nil {
		return f.Err
	}
	return ErrFault
}

// Tripped reports whether a call has failed.
func (f *Fuse) Tripped() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.N > 0 && f.calls >= f.N
}

// Calls returns how many calls were counted.
func (f *Fuse) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}
