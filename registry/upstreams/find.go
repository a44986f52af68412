package upstreams

import (
	"context"
	"crypto/sha256"
	"encoding/binary"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/lookup"
)

// rowsKey is a package as a repository's clients name it.
type rowsKey struct {
	repositoryID int64
	format, key  string
}

// rows are the rows of one package name in all places of a closure, whoever may see them.
type rows struct{ list []registry.Package }

func (r rows) bytes() int {
	n := lookup.RecordBytes
	for _, p := range r.list {
		n += lookup.RecordBytes + len(p.Descriptor)
	}
	return n
}

func (r rows) since(m metadata.Versioned) uint64 {
	last := max(m.GenerationOf(metadata.RepositoryRows), m.GenerationOf(metadata.PackageNames))
	for _, p := range r.list {
		last = max(last, m.GenerationOf(metadata.Part(p.ID)))
	}
	return last
}

// source is a place that has the package that is asked for.
type source struct {
	place
	pkg registry.Package
}

// at is the package's name in the source's own repository.
func (s source) at(name registry.Name) registry.Name {
	name.Repository = s.repository.Name
	return name
}

// found is what a repository and its upstreams have of one package.
type found struct {
	name    registry.Name
	visible []source // those that the caller may see, in order
	sources []source // of these, those that answer
	id      int64    // of the composed package: negative
	stamp   int64    // its revision
}

// find looks a package up in every place of a repository's closure, with one query or none. NotFound: about the repository.
func (s *Upstreams) find(ctx context.Context, at registry.Name) (found, error) {
	actor, err := s.core.Authorize(ctx, access.Read, at.Repository)
	if err != nil {
		return found{}, err
	}
	r, err := s.core.RepositoryRow(ctx, at.Repository)
	if err != nil {
		return found{}, err
	}
	g, err := s.graph(ctx)
	if err != nil {
		return found{}, err
	}
	places := g.places(r)
	have, err := s.rowsOf(ctx, r, places, at)
	if err != nil {
		return found{}, err
	}
	f := found{name: at}
	seen := sha256.New()
	seen.Write(s.key[:])
	seen.Write([]byte(at.Format + "/" + at.Package))
	seen.Write(binary.BigEndian.AppendUint64(nil, uint64(r.ID)))
	for _, pkg := range have {
		f.stamp += pkg.Revision
	}
	f.stamp += g.generation << 32
	for _, p := range places {
		if !p.admits(at) || !p.visible(actor) {
			continue
		}
		seen.Write(binary.BigEndian.AppendUint64(nil, uint64(p.repository.ID)))
		if pkg, ok := have[p.repository.ID]; ok {
			f.visible = append(f.visible, source{p, pkg})
		}
	}
	f.id = -1 - int64(binary.BigEndian.Uint64(seen.Sum(nil))>>1)
	f.answering(s.core.Rules[at.Format])
	return f, nil
}

// answering leaves those sources that answer: one in the mode First, in Merge all that may be merged. A source whose versions are all
// deleted answers only where no other has any.
func (f *found) answering(rules registry.Rules) {
	var living, merged []source
	for _, s := range f.visible {
		if s.pkg.VersionCount > 0 {
			living = append(living, s)
		}
	}
	if len(living) == 0 {
		living = f.visible[:min(1, len(f.visible))]
	}
	mode := func(s source) string {
		switch m := s.mode(); {
		case m != "":
			return m
		case rules.Merge:
			return Merge
		default:
			return First
		}
	}
	for i, s := range living {
		if i == 0 || mode(s) == Merge {
			merged = append(merged, s)
		}
		if i == 0 && s.mode() == First {
			break
		}
	}
	f.sources = merged
}

func (s *Upstreams) rowsOf(ctx context.Context, r registry.Repository, places []place, at registry.Name) (map[int64]registry.Package, error) {
	got, err := s.rows.Get(rowsKey{r.ID, at.Format, at.Package}, func() (out rows, err error) {
		ids := make([]int64, len(places))
		for i, p := range places {
			ids[i] = p.repository.ID
		}
		err = s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
			out.list, err = tx.Packages().PackagesNamed(ids, at.Format, at.Package)
			return err
		})
		return out, err
	})
	have := make(map[int64]registry.Package, len(got.list))
	for _, p := range got.list {
		have[p.RepositoryID] = p
	}
	return have, err
}
