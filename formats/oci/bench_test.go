package oci_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"slipway/formats/formatstest"
)

// BenchmarkHeadTag is the request that every kubelet sends before it starts a container.
func BenchmarkHeadTag(b *testing.B) {
	s := newServer(b, formatstest.Options{})
	s.push("main/app", "latest", s.image("main/app", "{}", "layer"))
	session, _ := s.session(admin, "repository:main/app:pull")
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if res := s.call(session, http.MethodHead, "main/app/manifests/latest", nil); res.Status != http.StatusOK {
				b.Error(res)
			}
		}
	})
}

// BenchmarkTagsList lists 100,000 tags.
func BenchmarkTagsList(b *testing.B) {
	const total, each = 100_000, 500
	s := newServer(b, formatstest.Options{})
	m := s.image("main/app", "{}", "layer")
	for n := 0; n < total; n += each {
		var q strings.Builder
		for i := range each {
			fmt.Fprintf(&q, "&tag=v%06d", n+i)
		}
		s.want(http.StatusCreated, admin, http.MethodPut, "main/app/manifests/"+m.desc().Digest.String()+"?"+q.String()[1:], m.bytes())
	}
	for b.Loop() {
		if res := s.call(admin, http.MethodGet, "main/app/tags/list", nil); res.Status != http.StatusOK || strings.Count(string(res.Body), ",") != total {
			b.Fatal(res)
		}
	}
}

// BenchmarkToken is what docker asks for once per layer that it mounts.
func BenchmarkToken(b *testing.B) {
	s := newServer(b, formatstest.Options{})
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s.call(admin, http.MethodGet, tokenPath+"?scope=repository:main/app:pull,push&service=x", nil)
		}
	})
}
