package maintain

import (
	"crypto/sha256"
	"fmt"

	"slipway/registry"
)

// setSum is a sum over a set that does not depend on order; adding an element a second time removes it again.
type setSum [16]byte

func (f *setSum) add(text string) {
	sum := sha256.Sum256([]byte(text))
	for i := range f {
		f[i] ^= sum[i]
	}
}

func (f *setSum) files(files []registry.EventFile) {
	for _, x := range files {
		f.add(fmt.Sprintf("%s\x00%d\x00%s", x.Path, x.Size, x.SHA256))
	}
}

// facts counts a repeated fact once per repetition: rows are never removed.
func (f *setSum) facts(facts []registry.FactInput) {
	for _, x := range facts {
		f.add(fmt.Sprintf("%s\x00%s\x00%s\x00%d", x.Key, x.Value, x.Source, x.Rank))
	}
}
