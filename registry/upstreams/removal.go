package upstreams

import (
	"context"
	"fmt"

	"slipway/metadata"
	"slipway/registry"
)

// Values of Settings.OnRemoval: what becomes of versions that entered and that a remote lists no more.
const (
	RemovalBlock = "block" // they are refused
	RemovalHide  = "hide"  // documents leave them out; a file that is asked for by its name is delivered
	RemovalKeep  = "keep"  // they stay as they were
)

// Values of Settings.Checksum: which sums a file from a remote needs. A sum that is announced and wrong is refused in every mode.
const (
	ChecksumRequire = "require" // any
	ChecksumStrong  = "strong"  // SHA-256 or SHA-512
	ChecksumWarn    = "warn"    // none
)

// removing is a Source whose versions are not kept once a remote lists them no more; it says which of the values above is its default.
type removing interface{ OnRemoval() string }

// summed is a Source whose registries announce sums of files; it says which of the values above is its default.
type summed interface{ Checksum() string }

func (r *remote) onRemoval() string {
	if r.Settings.OnRemoval != "" {
		return r.Settings.OnRemoval
	}
	if s, ok := r.source.(removing); ok {
		return s.OnRemoval()
	}
	return RemovalKeep
}

func (r *remote) checksum() string {
	if r.Settings.Checksum != "" {
		return r.Settings.Checksum
	}
	if s, ok := r.source.(summed); ok {
		return s.Checksum()
	}
	return ChecksumWarn
}

// accepts refuses a file whose announced sums are not enough.
func (r *remote) accepts(announced Sums) error {
	switch mode := r.checksum(); {
	case mode == ChecksumRequire && announced.Strongest() == "none":
		return badUpstream(nil, "upstream %s announces no checksum of the file, and its setting \"checksum\" is %q", r.Name, mode)
	case mode == ChecksumStrong && announced.SHA512 == nil && announced.SHA256 == "":
		return badUpstream(nil, "upstream %s announces no SHA-256 or SHA-512 of the file, and its setting \"checksum\" is %q", r.Name, mode)
	}
	return nil
}

// known returns what a remote said last of a package, without asking it; gone is true where it has none any more.
func (s *Upstreams) known(ctx context.Context, r *remote, at registry.Name) (x *index, gone bool) {
	if _, ok := r.source.Document(at); !ok {
		return nil, false
	}
	doc := s.document(ctx, r, at)
	doc.mu.Lock()
	defer doc.mu.Unlock()
	return doc.index, doc.gone
}

// withdrawn refuses a file that entered, where its remote lists its version no more and the upstream's settings forbid it. Blocked.
func (s *Upstreams) withdrawn(ctx context.Context, f found, at registry.Coordinate, path string) error {
	remotes := make([]*remote, 0, len(f.remotes))
	var refused error
	for _, p := range f.remotes {
		r, err := s.remoteOf(p)
		if err != nil {
			return err
		}
		remotes = append(remotes, r)
		if refused == nil && r.onRemoval() == RemovalBlock && s.lost(ctx, r, at, path) {
			text := fmt.Sprintf("upstream %s has withdrawn %q of %s, so it is not delivered any more", r.Name, registry.Clip(path), at.Package)
			refused = &registry.Error{Kind: registry.Blocked, Subject: registry.AboutFile, Err: &registry.Refused{Text: text},
				Detail: text + fmt.Sprintf("; an administrator can allow it: slipway upstream set %s %s --on-removal keep", r.repository.Name, r.Name)}
		}
	}
	if refused == nil {
		return nil
	}
	for _, r := range remotes {
		if x, gone := s.known(ctx, r, at.Name); x != nil && !gone && x.entry(at.Version, path) != nil {
			return nil // this remote has it
		}
	}
	return refused
}

// lost reports whether a remote had a file of a package and has it no more, by what it said last. Every request for a file asks, and most
// documents are not in memory: of a file that was never lost, the row of the document tells it without the document, which may be large.
func (s *Upstreams) lost(ctx context.Context, r *remote, at registry.Coordinate, path string) bool {
	if _, ok := r.source.Document(at.Name); !ok {
		return false
	}
	if doc := s.documents.of(r.key(at.Name, "")); !doc.loaded.Load() {
		if doc.intact.Load() {
			return false
		}
		if x, gone, ok := s.sightings(ctx, r, at.Name); ok {
			doc.intact.Store(!gone && len(x.lost) == 0)
			if !gone && !x.removed(at.Version, path) {
				return false
			}
		}
	}
	x, gone := s.known(ctx, r, at.Name)
	return x != nil && (gone || x.removed(at.Version, path))
}

// sightings is an index with no entry, which has only what is known of their times; gone is true where the remote has the package no more.
// ok is false where no document of the remote is stored, or the store does not answer.
func (s *Upstreams) sightings(ctx context.Context, r *remote, at registry.Name) (x *index, gone, ok bool) {
	row, err := s.storedRow(ctx, r, at)
	if err != nil {
		return nil, false, false
	}
	x = &index{}
	return x, row.State == metadata.IndexGone, x.decodeSeen(row.Seen) == nil
}
