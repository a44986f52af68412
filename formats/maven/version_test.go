package maven

import (
	"bytes"
	"testing"
)

// ascending are versions in the order of ComparableVersion (maven.md 3). Those in one row are equal.
var ascending = [][]string{
	{""},
	{"1-alpha"}, {"1a1", "1-alpha-1", "1.alpha1"}, {"1-alpha2snapshot"}, {"1-alpha2"}, {"1-beta"}, {"1-milestone"}, {"1-rc", "1-cr"},
	{"1-rc.1"}, {"1-rc1", "1-rc-1"}, {"1-SNAPSHOT"},
	{"1", "1.0", "1.0.0", "1-0", "1-ga", "1-final", "1-release", "1.RELEASE", "1.0.0.Final"},
	{"1-sp"}, {"1-SP1"}, {"1-a"}, {"1-abc"}, {"1-foo2", "1-Foo2"}, {"1-foo10"}, {"1-1"}, {"1.0.1-SNAPSHOT"}, {"1.0.1"}, {"1..2", "1.0.2"}, {"1.1"},
	{"2.0.RC2"}, {"2.0-RC3"}, {"2.0"}, {"2.0.1"}, {"5.0.0.Alpha1"}, {"5.0.0.Final"}, {"5.0.1.Beta1"},
	{"33.0.0-android"}, {"33.0.0-jre"}, {"2024.01.05", "2024.1.5"}, {"20030203.000000"}, {"99999999999999999998"}, {"99999999999999999999"},
}

func TestVersionOrder(t *testing.T) {
	var before []byte
	var name string
	for _, row := range ascending {
		first, _ := versionKey(row[0])
		if name != "" && bytes.Compare(before, first) >= 0 {
			t.Errorf("%q is not before %q: %x %x", name, row[0], before, first)
		}
		for _, v := range row {
			if key, _ := versionKey(v); !bytes.Equal(key, first) {
				t.Errorf("%q is not equal to %q: %x %x", v, row[0], key, first)
			}
		}
		before, name = first, row[0]
	}
	for v, want := range map[string]bool{
		"1.0": false, "1.0-SNAPSHOT": true, "1.0-rc1": true, "1.0.Final": false, "1.0-jre": false, "1.0.0-M1": true, "1.0-SP1": false,
	} {
		if _, pre := versionKey(v); pre != want {
			t.Errorf("%q: prerelease %v", v, pre)
		}
	}
}

func FuzzVersionKey(f *testing.F) {
	for _, row := range ascending {
		f.Add(row[0])
	}
	f.Fuzz(func(t *testing.T, v string) {
		if key, _ := versionKey(v); len(key) == 0 {
			t.Errorf("%q has no key", v)
		}
	})
}
