package installation

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bounds of --memory. A third of it is for ready documents, the rest for bodies that are parsed.
const (
	DefaultMemory = 192 << 20
	minMemory     = 64 << 20
)

// Bytes is a flag of a number of bytes, with KiB, MiB or GiB behind it.
type Bytes int64

var byteUnits = []struct {
	name string
	size int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// Type implements pflag.Value.
func (b *Bytes) Type() string { return "bytes" }

// String implements pflag.Value.
func (b *Bytes) String() string { return b.text() }

func (b Bytes) text() string {
	for _, u := range byteUnits {
		if n := int64(b); n >= u.size && n%u.size == 0 {
			return strconv.FormatInt(n/u.size, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// Set implements pflag.Value.
func (b *Bytes) Set(s string) error {
	size, number := int64(1), strings.TrimSpace(s)
	for _, u := range byteUnits {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			size, number = u.size, strings.TrimSpace(rest)
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/size {
		return fmt.Errorf("%q is no number of bytes, such as 192MiB or 1GiB", s)
	}
	*b = Bytes(n * size)
	return nil
}
