package publish

import (
	"context"
	"errors"
	"strings"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
)

// File finds a path that the version holds already. The right to publish is enough, as a commit's answer tells a publisher
// anyway what exists. NotFound.
func (p *Publish) File(ctx context.Context, version, path string) (registry.File, error) {
	var f registry.File
	err := p.svc.core.Store.View(ctx, func(tx metadata.Tx) error {
		pkg, err := registry.OpenPackage(tx, p.name)
		if err != nil {
			return err
		}
		v, err := registry.Living(tx.Versions(), pkg, version)
		if err != nil {
			return err
		}
		f, err = tx.Files().File(v.ID, path)
		return registry.Missing(err, registry.AboutFile, "there is no %q in %s %s", registry.Clip(path), pkg.Name, v.Name)
	})
	return f, err
}

// Version returns a version, also a deleted one, and its file at path, the zero File where it has none. As with File, the
// right to publish is enough. NotFound.
func (p *Publish) Version(ctx context.Context, version, path string) (v registry.Version, f registry.File, err error) {
	err = p.svc.core.Store.View(ctx, func(tx metadata.Tx) error {
		if v, err = tx.Versions().VersionAt(p.name.Repository, p.name.Format, p.name.Package, version); err != nil {
			return registry.Missing(err, registry.AboutVersion, "there is no version %q of %q", registry.Clip(version), p.name.Package)
		}
		f, _, err = Existing{tx.Files(), v}.File(path)
		return err
	})
	return v, f, err
}

// FilesFrom passes the files of a version whose paths begin with prefix to take, in the order of paths, until take returns
// false. As with File, the right to publish is enough.
func (p *Publish) FilesFrom(ctx context.Context, v registry.Version, prefix string, take func(registry.File) bool) error {
	const page = 64
	if v.State == registry.Deleted {
		return nil
	}
	return p.svc.core.Store.View(ctx, func(tx metadata.Tx) error {
		for after := prefix; ; {
			files, err := tx.Files().Files(metadata.FileQuery{VersionID: v.ID, After: after, Limit: page})
			if err != nil {
				return err
			}
			for _, f := range files {
				if !strings.HasPrefix(f.Path, prefix) || !take(f) {
					return nil
				}
				after = f.Path
			}
			if len(files) < page {
				return nil
			}
		}
	})
}

// Has reports whether the package holds a version of this digest that is not deleted. As with File, the right to publish is
// enough.
func (p *Publish) Has(ctx context.Context, d digest.Digest) (bool, error) {
	err := p.svc.core.Store.View(ctx, func(tx metadata.Tx) error {
		pkg, err := registry.OpenPackage(tx, p.name)
		if err != nil {
			return err
		}
		_, err = tx.Versions().VersionByDigest(pkg.ID, d)
		return registry.Missing(err, registry.AboutVersion, "there is no version %q of %q", registry.Clip(d.String()), p.name.Package)
	})
	if registry.KindOf(err) == registry.NotFound && err != nil {
		return false, nil
	}
	return err == nil, err
}

// FactsOf returns the facts of the package's versions with these digests; a digest without a version has none. As with File,
// the right to publish is enough.
func (p *Publish) FactsOf(ctx context.Context, digests []digest.Digest) ([][]registry.Fact, error) {
	var out [][]registry.Fact
	err := p.svc.core.Store.View(ctx, func(tx metadata.Tx) error {
		pkg, err := registry.OpenPackage(tx, p.name)
		if err != nil {
			return err
		}
		out = make([][]registry.Fact, len(digests))
		for i, d := range digests {
			v, err := tx.Versions().VersionByDigest(pkg.ID, d)
			if errors.Is(err, metadata.ErrNotExist) {
				continue
			}
			if err != nil {
				return err
			}
			if out[i], err = tx.Facts().Facts(v.ID); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}
