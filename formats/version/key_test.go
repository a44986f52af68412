package version

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"golang.org/x/mod/semver"
)

// TestKeySemver compares key order with x/mod/semver on versions that are near each other.
func TestKeySemver(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	number := func() string {
		return []string{"0", "1", "2", "9", "10", "11", "99", "100", "4294967296", "99999999999999999999"}[rng.IntN(10)]
	}
	identifier := func() string {
		return []string{"0", "1", "2", "10", "a", "alpha", "alpha1", "beta", "rc", "rc-1", "rc1", "rc10", "rc2", "A", "-", "--", "0a", "x-y-z"}[rng.IntN(18)]
	}
	list := func() string {
		s := identifier()
		for range rng.IntN(3) {
			s += "." + identifier()
		}
		return s
	}
	version := func() string {
		switch rng.IntN(8) {
		case 0:
			return number()
		case 1:
			return number() + "." + number()
		}
		v := number() + "." + number() + "." + number()
		if rng.IntN(2) == 0 {
			v += "-" + list()
		}
		if rng.IntN(4) == 0 {
			v += "+" + list()
		}
		return v
	}
	for range 200_000 {
		a, b := version(), version()
		if rng.IntN(2) == 0 {
			b = a + "-" + list() // share the numbers
		}
		if !semver.IsValid("v"+a) || !semver.IsValid("v"+b) {
			continue
		}
		ka, pre := Key(a)
		kb, _ := Key([]string{"", "v", "V"}[rng.IntN(3)] + b)
		if got, want := bytes.Compare(ka, kb), semver.Compare("v"+a, "v"+b); got != want {
			t.Fatalf("%s and %s: %d, semver says %d\n%x\n%x", a, b, got, want, ka, kb)
		}
		if want := semver.Prerelease("v"+a) != ""; pre != want {
			t.Fatalf("%s: prerelease %v, want %v", a, pre, want)
		}
	}
}

// TestKeyNatural lists versions in ascending order, semver and others mixed.
func TestKeyNatural(t *testing.T) {
	for _, ascending := range [][]string{
		{"latest", "nightly", "r9", "r10", "release-2", "release-10", "0", "0.1", "1.0-alpha", "1.0-rc1", "1.0", "1.0.1"},
		{"1.0.0-SNAPSHOT", "1.0.0", "1.0.0.1", "1.0.1"},
		{"1.0a1", "1.0b2", "1.0rc1", "1.0rc2", "1.0rc10", "1.0", "1.0.post1", "1.0.2", "1.0.2a", "1.0.2b", "1.0.3"},
		{"2024.01.02", "2024.01.02-1", "2024.01.02-2", "2024.01.02-10", "2024.01.10", "2024.2"},
		{"20240102-abc", "20240103-aaa"},
		{"1.9", "1.10", "1.10.1", "2"},
	} {
		for i := 1; i < len(ascending); i++ {
			a, _ := Key(ascending[i-1])
			b, _ := Key(ascending[i])
			if bytes.Compare(a, b) >= 0 {
				t.Errorf("%s is not before %s: %x %x", ascending[i-1], ascending[i], a, b)
			}
		}
	}
	for v, want := range map[string]bool{
		"1.0": false, "1.0rc1": true, "1.0.2b": false, "1.0b2": true, "nightly-2024": true, "latest": false, "1.0-5": false,
		"1.0+beta": false, "1.0.0-5": true, "2024.01-SNAPSHOT": true, "1.02": false, "": false, "v": false, "1.": false,
	} {
		if _, pre := Key(v); pre != want {
			t.Errorf("%q: prerelease %v, want %v", v, pre, want)
		}
	}
}

// FuzzKey: no input panics, equal texts have equal keys, and keys stay small.
func FuzzKey(f *testing.F) {
	for _, v := range []string{"1.2.3", "v1.0.0-rc.1+b", "1.02", "", "ünïcode-1", "0x10", "1..2", "9999999999999999999999"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		a, _ := Key(v)
		b, _ := Key(v)
		if !bytes.Equal(a, b) || len(a) > 5*len(v)+8 {
			t.Fatalf("%q: %x %x", v, a, b)
		}
	})
}
