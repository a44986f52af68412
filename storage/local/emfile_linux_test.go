package local

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

// TestNoDescriptors stores a blob with 0, 1, … free descriptors until that succeeds: until then it fails with EMFILE and
// leaves nothing.
func TestNoDescriptors(t *testing.T) {
	t.Run("Put", func(t *testing.T) { testNoDescriptors(t, put) })
	t.Run("Grow", func(t *testing.T) { testNoDescriptors(t, grow) })
}

func testNoDescriptors(t *testing.T, store func(*Store, string) error) {
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	for spare := range uint64(20) {
		s, dir := openTest(t)
		null, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		free := uint64(null.Fd()) // the lowest that is free
		_ = null.Close()
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: free + spare, Max: old.Max}); err != nil {
			t.Fatal(err)
		}
		err = store(s, "data")
		_, listErr := s.Stat(t.Context(), "sha256:3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7")
		if rerr := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old); rerr != nil {
			t.Fatal(rerr)
		}
		if err == nil {
			if spare == 0 || listErr != nil {
				t.Errorf("with %d descriptors the blob is stored, Stat: %v", spare, listErr)
			}
			return
		}
		if !errors.Is(err, syscall.EMFILE) {
			t.Errorf("with %d descriptors: %v, want EMFILE", spare, err)
		}
		if found := files(t, dir); len(found) > 0 {
			t.Errorf("with %d descriptors: left behind %v", spare, found)
		}
	}
	t.Error("the blob can never be stored")
}
