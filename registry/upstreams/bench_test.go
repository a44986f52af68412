package upstreams_test

import (
	"fmt"
	"testing"

	"slipway/registry/upstreams"
)

// BenchmarkPackage is the look-up before a document from memory: of a repository's own package, and through places of which the last has it.
func BenchmarkPackage(b *testing.B) {
	s := newScene(b, true, false)
	s.publish("a", "1.0.0")
	repositories := []string{"a"}
	for _, places := range []int{2, 10, 25} {
		name := fmt.Sprintf("group-of-%d", places)
		s.create(name)
		for i := range places - 2 {
			member := fmt.Sprintf("%s-%d", name, i)
			s.create(member)
			s.link(name, member, upstreams.Settings{})
		}
		s.link(name, "a", upstreams.Settings{})
		repositories = append(repositories, name)
	}
	for _, repository := range repositories {
		b.Run(repository, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := s.Reader.Package(s.Admin, named(repository))
				s.must(err)
			}
		})
	}
}
