package mirror

import (
	"context"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/catalog"
)

// image gets an image that is named by its digest or a tag: its manifest, those that it leads to, of all platforms, what is said about it, and
// every blob of them.
func (g *getting) image(ctx context.Context, at registry.Coordinate, p registry.PURL) error {
	name, err := g.m.core.Rules[at.Format].Normalize(g.imageName(p))
	if err != nil {
		return err
	}
	at.Package, at.Display = name, name
	ref := catalog.Ref{Version: at.Version, Tag: p.Qualifiers.Get("tag")}
	if ref.Version != "" {
		d := digest.Digest(ref.Version)
		if d.Validate() != nil {
			return registry.Errorf(registry.Invalid, registry.AboutVersion, "%q is no digest of an image", registry.Clip(ref.Version))
		}
		ref = catalog.Ref{Version: ref.Version, Digest: d}
	}
	if g.look {
		return g.imageHere(ctx, at)
	}
	return g.manifest(ctx, at.Name, ref, true)
}

// imageName is the image that a package URL means: by the address of its registry, which may be this server's, where the repository's name
// comes first.
func (g *getting) imageName(p registry.PURL) string {
	name := strings.Trim(p.Namespace+"/"+p.Name, "/")
	if _, full, ok := strings.Cut(p.Qualifiers.Get("repository_url"), "/"); ok {
		name = strings.TrimPrefix(full, g.repository+"/")
	}
	return name
}

// imageHere looks whether an image is here that is named by its digest. What a tag names, the registry elsewhere says alone.
func (g *getting) imageHere(ctx context.Context, at registry.Coordinate) error {
	err := g.listed(ctx, at, registry.PURL{})
	if kind := registry.KindOf(err); err != nil && (kind == registry.NotFound || kind == registry.Invalid) {
		return registry.Errorf(registry.NotFound, registry.AboutVersion, "no image of this digest is here")
	}
	return err
}

// manifest gets one manifest and all that it leads to. about says that what is said about it counts, too.
func (g *getting) manifest(ctx context.Context, at registry.Name, ref catalog.Ref, about bool) error {
	v, err := g.m.reader.Resolve(ctx, at, ref)
	if err != nil {
		return err
	}
	if more, err := g.part(v.Digest); !more {
		return err
	}
	d, err := g.m.reader.VersionDetail(ctx, at.At(v.Name))
	if err != nil {
		return err
	}
	g.files++
	g.bytes += int64(len(d.Version.Descriptor))
	for _, want := range g.want.Digests {
		if want == v.Digest.String() {
			g.found = append(g.found, want)
		}
	}
	var children, blobs []digest.Digest
	err = g.m.core.Store.View(ctx, func(tx metadata.Tx) error {
		references, err := tx.References().References(d.Version.ID)
		for _, r := range references {
			switch r.Kind {
			case registry.RefChild:
				children = append(children, r.Digest)
			case registry.RefBlob:
				blobs = append(blobs, r.Digest)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, b := range blobs {
		here := slices.ContainsFunc(d.Files, func(f registry.File) bool { return f.Path == b.String() })
		if err := g.blob(ctx, at, b, here); err != nil {
			return err
		}
	}
	for _, c := range children {
		if err := g.manifest(ctx, at, catalog.Ref{Version: c.String(), Digest: c}, false); err != nil {
			return err
		}
	}
	if !about {
		return nil
	}
	list, err := g.m.reader.Referrers(ctx, at, v.Digest, 0, registry.MaxPage)
	if err != nil {
		return err
	}
	for _, r := range list {
		if err := g.manifest(ctx, at, catalog.Ref{Version: r.Digest.String(), Digest: r.Digest}, false); err != nil {
			return err
		}
	}
	return nil
}

// blob gets one blob of an image.
func (g *getting) blob(ctx context.Context, at registry.Name, d digest.Digest, here bool) error {
	if more, err := g.part(d); !more {
		return err
	}
	f, err := g.m.reader.Blob(catalog.Whole(ctx), at, d) // it comes whole, or not at all
	if err != nil {
		return err
	}
	if g.files++; !here {
		g.fetched++
	}
	g.bytes += f.Blob.Size
	return nil
}

// part reports whether a manifest or blob was not looked at before. Invalid: there were too many.
func (g *getting) part(d digest.Digest) (bool, error) {
	switch {
	case g.seen[d.String()]:
		return false, nil
	case len(g.seen) == maxFilesOfItem:
		return false, registry.Errorf(registry.Invalid, registry.AboutRequest, "it leads to more than %d files", maxFilesOfItem)
	}
	g.seen[d.String()] = true
	return true, nil
}
