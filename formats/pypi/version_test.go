package pypi

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// ordered are versions from the lowest to the highest (PEP 440, "Summary of permitted suffixes and relative ordering").
var ordered = []string{
	"0", "0.0.1.dev0", "0.1", "1.dev0", "1.0.dev456", "1.0a0.dev1", "1.0a1", "1.0a2.dev456", "1.0a12.dev456", "1.0a12", "1.0b1.dev456", "1.0b2", "1.0b2.post345.dev456",
	"1.0b2.post345", "1.0rc1.dev456", "1.0rc1", "1.0", "1.0+abc.5", "1.0+abc.7", "1.0+abcd", "1.0+5", "1.0+5.a", "1.0+5.0", "1.0+10", "1.0.post456.dev34", "1.0.post456", "1.0.15", "1.1.dev1", "1.1",
	"2012.4", "20991231235959999999999", "1!0.1", "2!1.0",
}

func TestVersionOrder(t *testing.T) {
	for i, a := range ordered {
		va, err := parseVersion(a)
		must(t, err)
		for j, b := range ordered {
			vb, err := parseVersion(b)
			must(t, err)
			if got := bytes.Compare(va.key(), vb.key()); got != compare(i, j) {
				t.Errorf("%s against %s: %d, want %d", a, b, got, compare(i, j))
			}
		}
	}
}

func compare(a, b int) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func TestVersionSpellings(t *testing.T) {
	for in, want := range map[string]string{
		"1.0": "1.0", "v1.0": "1.0", "V1.0": "1.0", "01.02.03": "1.2.3", "1.0-RC1": "1.0rc1", "1.0.alpha": "1.0a0", "1.0_beta-2": "1.0b2", "1.0c3": "1.0rc3", "1.0preview4": "1.0rc4",
		"1.0-1": "1.0.post1", "1.0post": "1.0.post0", "1.0-r5": "1.0.post5", "1.0.rev.7": "1.0.post7", "1.0dev": "1.0.dev0", "1.0-dev-3": "1.0.dev3", "1.0+Ubuntu_1-2": "1.0+ubuntu.1.2",
		"1.0+001": "1.0+1", "0!1": "1", "1!2.0": "1!2.0", "1.0a1.post2.dev3": "1.0a1.post2.dev3",
	} {
		v, err := parseVersion(in)
		if err != nil || v.String() != want {
			t.Errorf("%s: %q, %v; want %q", in, v, err, want)
		}
	}
	for in, hint := range map[string]string{
		"": "", "x": "", "1.0.": "1.0", "1.0-foo": "1.0+foo", "1..0": "1+0", "1.0+": "1.0", "1.0+a+b": "1.0+a.b", "1.0 ": "1.0", "1.0po\u017ft1": "1.0+po.t1", "2024-01-02": "2024.post1+2",
		strings.Repeat("1", 300): "",
	} {
		_, err := parseVersion(in)
		if err == nil {
			t.Errorf("%q is accepted", in)
			continue
		}
		if nearest := strings.Contains(err.Error(), "the nearest one is "+hint); hint != "" && !nearest {
			t.Errorf("%q: %v, want a hint at %s", in, err, hint)
		}
	}
}

func TestVersionEqual(t *testing.T) {
	for _, pair := range [][2]string{{"1", "1.0.0"}, {"1.0+1", "1.0+01"}, {"0.0", "0"}, {"1.0a", "1alpha0"}} {
		a, errA := parseVersion(pair[0])
		b, errB := parseVersion(pair[1])
		if errA != nil || errB != nil || !a.equal(b) {
			t.Errorf("%v are not equal", pair)
		}
	}
}

// oracle reads versions as JSON strings and answers with what the Python package "packaging" makes of each, and in which order.
const oracle = `import json, sys
sys.path.insert(0, sys.argv[1])
from packaging.version import Version, InvalidVersion
texts = json.load(sys.stdin)
out, valid = [], []
for i, t in enumerate(texts):
    try:
        v = Version(t)
        out.append([str(v), v.is_prerelease]); valid.append((v, i))
    except InvalidVersion:
        out.append(None)
valid.sort(key=lambda p: p[0])
ranks, last, n = {}, None, 0
for v, i in valid:
    if last is not None and v != last: n += 1
    last = v; ranks[i] = n
json.dump([o and o + [ranks[i]] for i, o in enumerate(out)], sys.stdout)
`

// TestVersionOracle compares thousands of versions, and strings that nearly are, with Python's own implementation.
func TestVersionOracle(t *testing.T) {
	m := newMachine(t, nil, twineNew)
	rnd := rand.New(rand.NewPCG(1, 2))
	pick := func(from ...string) string { return from[rnd.IntN(len(from))] }
	texts := slices.Clone(ordered)
	for range 4000 {
		s := pick("", "", "", "v", "1!", "0!") + pick("0", "1", "01", "2.0", "1.0.0", "1.10", "3.00.1")
		for range rnd.IntN(4) {
			s += pick("a", "b1", ".rc2", "-alpha_1", "preview", ".post1", "-1", "-r2", "post", ".dev", ".dev3", "dev_4", "+abc", "+1.a", "+01-x", ".", "-", "_", "!", "x", "0")
		}
		texts = append(texts, s)
	}
	in, err := json.Marshal(texts)
	must(t, err)
	cmd := exec.Command(m.python, "-c", oracle, filepath.Join(m.dir, twineNew)) //nolint:gosec // our own test
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	must(t, err)
	var answers [][]any
	must(t, json.Unmarshal(out, &answers))
	keys := map[float64][]byte{}
	valid := 0
	for i, s := range texts {
		v, err := parseVersion(s)
		a := answers[i]
		if (err == nil) != (a != nil) {
			t.Errorf("%q: %v, but Python says %v", s, err, a)
		}
		if err != nil || a == nil {
			continue
		}
		valid++
		rank := a[2].(float64)
		if v.String() != a[0] || v.prerelease() != a[1] {
			t.Errorf("%q: %s, prerelease %v, but Python says %v", s, v, v.prerelease(), a)
		}
		if k, ok := keys[rank]; ok && !bytes.Equal(k, v.key()) {
			t.Errorf("%q has not the key of its equals", s)
		}
		keys[rank] = v.key()
	}
	for rank := 1.0; rank < float64(len(keys)); rank++ {
		if bytes.Compare(keys[rank-1], keys[rank]) >= 0 {
			t.Errorf("the keys of ranks %v and %v are in the wrong order", rank-1, rank)
		}
	}
	t.Logf("%d of %d are versions, of %d different values", valid, len(texts), len(keys))
}

func FuzzVersion(f *testing.F) {
	for _, v := range ordered {
		f.Add(v)
	}
	f.Add("1.0-foo+BAR")
	f.Fuzz(func(t *testing.T, s string) {
		v, err := parseVersion(s)
		if err != nil {
			return
		}
		again, err := parseVersion(v.String())
		if err != nil || again.String() != v.String() || !again.equal(v) {
			t.Fatalf("%q becomes %q, that becomes %q, %v", s, v, again, err)
		}
	})
}

func TestSpelling(t *testing.T) {
	_, want := spelling("1.0.0")
	for s, canonical := range map[string]string{"1.0": "1.0", "v1.0.0": "1.0.0", "01.0": "1.0"} {
		if got, key := spelling(s); got != canonical || !bytes.Equal(key, want) {
			t.Errorf("%s: %q, %x; want %q, %x", s, got, key, canonical, want)
		}
	}
	if got, key := spelling("x"); got != "" || key != nil {
		t.Errorf("what is no version: %q, %x", got, key)
	}
}
