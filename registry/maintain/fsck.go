package maintain

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
	"golang.org/x/mod/sumdb/tlog"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/storage"
)

// FsckOptions say how a check runs.
type FsckOptions struct {
	Repair bool // repair what can be repaired without loss: see Finding.Repaired
	Quick  bool // compare sizes of blobs only, do not read them
	// Progress, if it is set, is called now and then with what was checked so far.
	Progress func(FsckSummary)
}

// Finding is one result of a check. A note is worth knowing, but no damage.
type Finding struct {
	Note     bool   `json:"note"`
	Subject  string `json:"subject"` // kind of thing: log, blob, file, version, tag, package, deployment
	Detail   string `json:"detail"`
	Repaired bool   `json:"repaired"`
}

// FsckSummary counts what was checked.
type FsckSummary struct {
	Entries  int64 `json:"entries"`
	Packages int64 `json:"packages"`
	Versions int64 `json:"versions"`
	Files    int64 `json:"files"`
	Blobs    int64 `json:"blobs"`
	Bytes    int64 `json:"bytes"`
	Orphans  int64 `json:"orphans"`
	Notes    int64 `json:"notes"`
	Wrong    int64 `json:"wrong"`
	Repaired int64 `json:"repaired"`
}

// Fsck compares log, tables and bytes with each other, in both directions, and reports differences. It never removes bytes.
// Others may write meanwhile: no state of the database is held for longer than a minute or so. Each package, and all deployments of a page,
// are compared with the log as both are at one moment; what was published after its place was passed is left out. Of bytes only those are
// looked at that are still needed then. The caller must administer the instance.
func (s *Maintainer) Fsck(ctx context.Context, o FsckOptions, report func(Finding)) (FsckSummary, error) {
	if _, err := s.core.Authorize(ctx, access.Admin, access.Instance); err != nil {
		return FsckSummary{}, err
	}
	f := &fsck{Maintainer: s, opts: o, report: report, store: s.core.Store, replay: newReplay(), tree: treeCheck{known: map[int64]tlog.Hash{}}}
	err := f.steps(ctx, f.log, f.state, f.deployments, f.rows, f.bytes)
	return f.sum, err
}

func (f *fsck) steps(ctx context.Context, steps ...func(context.Context) error) error {
	for _, step := range steps {
		if err := errors.Join(step(ctx), ctx.Err()); err != nil {
			return err
		}
	}
	return nil
}

type fsck struct {
	*Maintainer
	store  metadata.Store
	opts   FsckOptions
	report func(Finding)
	sum    FsckSummary
	next   int64 // the first entry of the log that was not walked
	tree   treeCheck
	replay replay // of the entries before next
}

func (f *fsck) wrong(subject, format string, args ...any) {
	f.sum.Wrong++
	f.report(Finding{Subject: subject, Detail: fmt.Sprintf(format, args...)})
}

func (f *fsck) note(subject, format string, args ...any) {
	f.sum.Notes++
	f.report(Finding{Note: true, Subject: subject, Detail: fmt.Sprintf(format, args...)})
}

func (f *fsck) repaired(subject, format string, args ...any) {
	f.sum.Repaired++
	f.report(Finding{Subject: subject, Detail: fmt.Sprintf(format, args...), Repaired: true})
}

// rows checks every blob row: something needs the blob or the collector will remove it, and its bytes exist.
func (f *fsck) rows(ctx context.Context) error {
	after := digest.Digest("")
	for {
		var page []registry.Blob
		if err := f.store.View(ctx, func(tx metadata.Tx) (err error) {
			page, err = tx.Blobs().BlobList(after, registry.MaxPage)
			return err
		}); err != nil {
			return err
		}
		for _, b := range page {
			after = b.Digest
			if err := f.row(ctx, b); err != nil {
				return err
			}
		}
		if len(page) < registry.MaxPage {
			return nil
		}
	}
}

func (f *fsck) row(ctx context.Context, b registry.Blob) error {
	f.sum.Blobs++
	f.sum.Bytes += b.Size
	f.progress()
	problem, err := f.look(ctx, b)
	if err == nil && problem != "" && f.goneMeanwhile(ctx, b) {
		return nil
	}
	if err != nil || problem == "" {
		return err
	}
	var users []string
	if err := f.store.View(ctx, func(tx metadata.Tx) (err error) {
		users, err = holders(tx, b)
		return err
	}); err != nil {
		return err
	}
	if len(users) > 0 {
		f.wrong("blob", "%s %s; it is needed by %v: publish the same bytes again to heal it", b.Digest, problem, users)
		return nil
	}
	if found, err := f.dropIndexes(ctx, b, problem); err != nil || found && !f.opts.Repair {
		return err
	}
	if !f.opts.Repair {
		f.wrong("blob", "%s %s; nothing needs it", b.Digest, problem)
		return nil
	}
	return f.dropRow(ctx, b, problem)
}

// goneMeanwhile reports whether the collector took a blob after its row was read.
func (f *fsck) goneMeanwhile(ctx context.Context, b registry.Blob) bool {
	err := f.store.View(ctx, func(tx metadata.Tx) error {
		_, err := tx.Blobs().Blob(b.Digest)
		return err
	})
	return errors.Is(err, metadata.ErrNotExist)
}

func (f *fsck) progress() {
	if f.opts.Progress != nil {
		f.opts.Progress(f.sum)
	}
}

// look returns the problem with the bytes of a blob, "" where there is none.
func (f *fsck) look(ctx context.Context, b registry.Blob) (string, error) {
	st, err := f.core.Blobs.Stat(ctx, b.Digest)
	switch {
	case errors.Is(err, storage.ErrNotExist):
		return "has no bytes", nil
	case err != nil:
		return "", err
	case st.Size != b.Size:
		return fmt.Sprintf("has %d bytes instead of %d", st.Size, b.Size), nil
	case f.opts.Quick:
		return "", nil
	}
	r, err := f.core.Blobs.Open(ctx, b.Digest, 0, -1)
	if err != nil {
		return "", err
	}
	defer r.Close()
	got, err := digest.FromReader(r)
	if err != nil {
		return "could not be read: " + err.Error(), nil
	}
	if got != b.Digest {
		return "has bytes of another digest, " + got.String(), nil
	}
	return "", nil
}

// holders names some of the versions that need a blob.
func holders(tx metadata.Tx, b registry.Blob) ([]string, error) {
	const most = 5
	files, err := tx.Files().Files(metadata.FileQuery{BlobID: b.ID, Limit: most})
	if err != nil {
		return nil, err
	}
	var out []string
	for _, f := range files {
		v, err := tx.Versions().VersionByID(f.VersionID)
		if err != nil {
			return nil, err
		}
		p, err := tx.Packages().PackageByID(f.PackageID)
		if err != nil {
			return nil, err
		}
		out = append(out, fmt.Sprintf("%s/%s %s %s (%s)", p.Repository, p.Format, p.Name, v.Name, f.Path))
	}
	return out, nil
}

// dropIndexes drops the documents of remotes whose bytes are broken: they are asked for again.
func (f *fsck) dropIndexes(ctx context.Context, b registry.Blob, problem string) (found bool, err error) {
	var list []metadata.UpstreamIndex
	if err := f.store.View(ctx, func(tx metadata.Tx) (err error) {
		list, err = tx.Caches().IndexesWith(b.ID)
		return err
	}); err != nil || len(list) == 0 {
		return false, err
	}
	if !f.opts.Repair {
		f.wrong("blob", "%s %s; it is the document of %s package %s of an upstream: a repair drops it, so that it is asked for again", b.Digest, problem, list[0].Format, list[0].Key)
		return true, nil
	}
	return true, f.core.Update(ctx, func(tx metadata.Tx) error {
		for _, i := range list {
			if err := tx.Caches().DropIndex(i.UpstreamID, i.Format, i.Key); err != nil && !errors.Is(err, metadata.ErrNotExist) {
				return err
			}
		}
		return nil
	})
}

// bytes looks for stored bytes without a row, left by publishes that never committed or by a lost database.
func (f *fsck) bytes(ctx context.Context) error {
	for b, err := range f.core.Blobs.List(ctx, "") {
		if err != nil {
			return err
		}
		err := f.store.View(ctx, func(tx metadata.Tx) error {
			_, err := tx.Blobs().Blob(b.Digest)
			return err
		})
		if errors.Is(err, metadata.ErrNotExist) {
			f.sum.Orphans++
			f.note("blob", "%s (%d bytes) belongs to no version; the collector takes it when it is old enough", b.Digest, b.Size)
			err = nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}
