package sqlstore

import (
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
)

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// bound is the exclusive upper bound t in microseconds: what the database keeps is whole microseconds.
func bound(t time.Time) int64 {
	return micros(t.Add(time.Microsecond - 1))
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// filled returns b, or an empty value instead of NULL.
func filled(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// emptied returns b, or nil when it is empty: the zero value of a record's field.
func emptied(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// most is a LIMIT by an argument. SQLite plans by the value of a bare argument, so whenever one is bound it compiles the
// statement again (sqlite3ExprIsInteger), which takes five times as long as running it; it does not look behind a cast.
func most(placeholder string) string { return ` LIMIT CAST(` + placeholder + ` AS BIGINT)` }

// limit turns "0 is all" into SQL that both databases take.
func limit(n int) int64 {
	if n <= 0 {
		return math.MaxInt64
	}
	return int64(n)
}

// sum returns the raw bytes of a digest, none for "".
func sum(d digest.Digest) ([]byte, error) {
	if d == "" {
		return []byte{}, nil
	}
	if err := d.Validate(); err != nil {
		return nil, fmt.Errorf("metadata: digest %q: %w", d, err)
	}
	return hex.DecodeString(d.Encoded())
}

// sha256Sum returns the raw bytes of a digest that names a blob.
func sha256Sum(d digest.Digest) ([]byte, error) {
	b, err := sum(d)
	if err == nil && (len(b) != 32 || d.Algorithm() != digest.SHA256) {
		err = fmt.Errorf("metadata: digest %q is not a sha256", d)
	}
	return b, err
}

// digestOf undoes sum: the length tells the algorithm.
func digestOf(raw []byte) digest.Digest {
	switch len(raw) {
	case 32:
		var b [71]byte
		copy(b[:], "sha256:")
		hex.Encode(b[7:], raw)
		return digest.Digest(b[:])
	case 48:
		return digest.NewDigestFromEncoded(digest.SHA384, hex.EncodeToString(raw))
	case 64:
		return digest.NewDigestFromEncoded(digest.SHA512, hex.EncodeToString(raw))
	}
	return ""
}

// like translates a glob with * into a pattern for LIKE … ESCAPE '!'.
func like(glob string) string {
	return likeReplacer.Replace(glob)
}

var likeReplacer = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_", "*", "%")

// lower folds ASCII only, as SQLite's lower() does.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// maxMarks is the most numbers that a statement binds one by one. Databases limit placeholders, SQLite to 32,766; a server
// may have more repositories than that.
const maxMarks = 512

// among is the text in the parentheses of IN (…) for numbers; arg binds a value and returns its placeholder.
func (d *Dialect) among(numbers []int64, arg func(v any) string) string {
	if len(numbers) > maxMarks {
		array := []byte{'['}
		for i, n := range numbers {
			if i > 0 {
				array = append(array, ',')
			}
			array = strconv.AppendInt(array, n, 10)
		}
		return d.Numbers(arg(string(append(array, ']'))))
	}
	var marks []string
	for _, n := range padded(numbers) {
		marks = append(marks, arg(n))
	}
	return strings.Join(marks, `, `)
}

// texts reports whether all texts among the arguments of a statement can be in a database. PostgreSQL refuses others with an error
// that ends the transaction, so they are sent to no database.
func texts(args []any) bool {
	for _, v := range args {
		if s, ok := v.(string); ok && !metadata.IsText(s) {
			return false
		}
	}
	return true
}

// findable returns the texts of list that a row can have. Without any it returns list, by which a query finds nothing.
func findable(list []string) []string {
	if !slices.ContainsFunc(list, func(s string) bool { return !metadata.IsText(s) }) {
		return list
	}
	out := slices.DeleteFunc(slices.Clone(list), func(s string) bool { return !metadata.IsText(s) })
	if len(out) == 0 {
		return list
	}
	return out
}

// padded repeats the last of list until its length is a power of two, so that lists of all lengths share a few statements.
func padded[T any](list []T) []T {
	n := 1
	for n < len(list) {
		n *= 2
	}
	out := make([]T, 0, n)
	out = append(out, list...)
	for len(out) < n {
		out = append(out, list[len(list)-1])
	}
	return out
}
