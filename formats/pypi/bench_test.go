package pypi

import (
	"fmt"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/registry"
	"slipway/registry/catalog"
)

// BenchmarkRender renders a project of 4,000 files, as the largest have.
func BenchmarkRender(b *testing.B) {
	c := catalog.PackageListing{Package: registry.Package{Key: "numpy"}, Files: map[int64][]registry.File{}}
	for i := range int64(100) {
		version := fmt.Sprintf("1.%d.0", i)
		descriptor := `{"files":{`
		for j := range 40 {
			name := fmt.Sprintf("numpy-%s-cp3%d-cp3%d-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", version, j, j)
			for _, path := range []string{name, name + metadataSuffix} {
				c.Files[i] = append(c.Files[i], registry.File{Path: path, AddedAt: time.Unix(1e9, 0), Blob: registry.Blob{Digest: digest.FromString(path), Size: 1e7}})
			}
			if j > 0 {
				descriptor += ","
			}
			descriptor += fmt.Sprintf("%q:{\"requires_python\":\">=3.9\"}", name)
		}
		c.Versions = append(c.Versions, registry.Version{ID: i, Name: version, Descriptor: []byte(descriptor + "}}")})
	}
	for _, m := range []media{medias[0], medias[2]} {
		b.Run(m.mime, func(b *testing.B) {
			for b.Loop() {
				doc, err := render(c, m)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(doc.Body)))
			}
		})
	}
}

func BenchmarkVersion(b *testing.B) {
	for b.Loop() {
		v, err := parseVersion("1!2.0.1rc3.post4.dev5+local.6")
		if err != nil || len(v.key()) == 0 {
			b.Fatal(err)
		}
	}
}
