package mem_test

import (
	"testing"

	"slipway/storage"
	"slipway/storage/mem"
	"slipway/storage/storagetest"
)

func TestStore(t *testing.T) {
	storagetest.Run(t, func(*testing.T) storage.Store { return mem.New() })
}
