package metadatatest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"slipway/metadata"
)

func (e *env) append(list ...metadata.Entry) []metadata.Entry {
	e.Helper()
	var out []metadata.Entry
	e.update(func(tx metadata.Tx) error {
		out = nil
		for _, v := range list {
			v, err := tx.Log().Append(v)
			if err != nil {
				return err
			}
			out = append(out, v)
		}
		return nil
	})
	return out
}

func entries(e *env, q metadata.EntryQuery) []metadata.Entry {
	e.Helper()
	return read(e, func(tx metadata.Tx) ([]metadata.Entry, error) { return tx.Log().Entries(q) })
}

func seqs(list []metadata.Entry) []int64 {
	return names(list, func(v metadata.Entry) int64 { return v.Seq })
}

func testAppend(e *env) {
	equal(e, "size", read(e, func(tx metadata.Tx) (int64, error) { return tx.Log().LogSize() }), 0)
	in := metadata.Entry{Type: "artifact.published", Subject: "pkg:npm/%40a/ü", RepositoryID: 3, PackageID: 4,
		Actor: metadata.Actor{Type: "token", ID: "token:12"}, Data: []byte(` {"who":"Ann <ann@example.org>"}`)}
	out := e.append(in, in)
	for i, v := range out {
		want := in
		want.Seq, want.Time = int64(i), e.now()
		want.ID, want.Salt, want.DataHash = v.ID, v.Salt, v.DataHash
		equal(e, "appended", v, want)
		if !strings.HasPrefix(v.ID, "evt_") || len(v.ID) != 30 || len(v.Salt) != 16 || string(v.DataHash) != string(metadata.HashData(v.Salt, v.Data)) {
			e.Errorf("entry %+v", v)
		}
	}
	if out[0].ID >= out[1].ID || string(out[0].Salt) == string(out[1].Salt) {
		e.Errorf("ids %s %s, salts %x %x", out[0].ID, out[1].ID, out[0].Salt, out[1].Salt)
	}
	equal(e, "read", entries(e, metadata.EntryQuery{After: -1}), out)
	equal(e, "size", read(e, func(tx metadata.Tx) (int64, error) { return tx.Log().LogSize() }), 2)
	e.update(func(tx metadata.Tx) error { // an update sees its own entries
		v, err := tx.Log().Append(in)
		if err != nil {
			return err
		}
		size, err := tx.Log().LogSize()
		if err != nil {
			return err
		}
		list, err := tx.Log().Entries(metadata.EntryQuery{After: 1})
		equal(e, "inside", []any{size, seqs(list)}, []any{v.Seq + 1, []int64{2}})
		return err
	})
	CheckLog(e.T, e.store)
}

func testAppendRefuses(e *env) {
	for what, change := range map[string]func(*metadata.Entry){
		"no data":     func(v *metadata.Entry) { v.Data = nil },
		"a list":      func(v *metadata.Entry) { v.Data = []byte(`[1]`) },
		"cut JSON":    func(v *metadata.Entry) { v.Data = []byte(`{"a":1`) },
		"two objects": func(v *metadata.Entry) { v.Data = []byte(`{}{}`) },
		"not UTF-8":   func(v *metadata.Entry) { v.Subject = "\xff" },
		"a zero byte": func(v *metadata.Entry) { v.Type = "a\x00b" },
		"a huge leaf": func(v *metadata.Entry) { v.Subject = strings.Repeat("x", 1<<16) },
	} {
		v := entry("a.b")
		change(&v)
		if err := e.store.Update(context.Background(), func(tx metadata.Tx) error {
			_, err := tx.Log().Append(v)
			return err
		}); err == nil {
			e.Errorf("%s was taken", what)
		}
	}
	equal(e, "size", read(e, func(tx metadata.Tx) (int64, error) { return tx.Log().LogSize() }), 0)
	equal(e, "seq", e.append(entry("a.b"))[0].Seq, 0)
	CheckLog(e.T, e.store)
}

func testEntries(e *env) {
	var list []metadata.Entry
	for i, typ := range []string{"artifact.published", "artifact.deleted", "tag.set", "tag.removed", "token.created", "tag_set", "Tag.set", "100%", "a!b"} {
		v := entry(typ)
		v.RepositoryID, v.PackageID = int64(i%3), int64(i%4) // 0: the instance, no package
		list = append(list, v)
	}
	e.append(list...)
	for _, c := range []struct {
		what string
		q    metadata.EntryQuery
		want []int64
	}{
		{"all", metadata.EntryQuery{After: -1}, []int64{0, 1, 2, 3, 4, 5, 6, 7, 8}},
		{"after", metadata.EntryQuery{After: 6}, []int64{7, 8}},
		{"end", metadata.EntryQuery{After: 8}, nil},
		{"before", metadata.EntryQuery{After: 2, Before: 5}, []int64{3, 4}},
		{"type before", metadata.EntryQuery{After: -1, Before: 3, Types: []string{"tag.*"}}, []int64{2}},
		{"two before", metadata.EntryQuery{After: -1, Before: 5, Repositories: []int64{2, 1}, Limit: 9}, []int64{1, 2, 4}},
		{"very many before", metadata.EntryQuery{After: -1, Before: 7, Repositories: crowd(1)}, []int64{1, 4}},
		{"newest", metadata.EntryQuery{After: 2, Before: 8, Newest: true, Limit: 3}, []int64{7, 6, 5}},
		{"newest of two", metadata.EntryQuery{After: -1, Newest: true, Repositories: []int64{1, 2}, Limit: 3}, []int64{8, 7, 5}},
		{"newest of very many", metadata.EntryQuery{After: -1, Newest: true, Repositories: crowd(1), Limit: 2}, []int64{7, 4}},
		{"page", metadata.EntryQuery{After: 2, Limit: 3}, []int64{3, 4, 5}},
		{"type", metadata.EntryQuery{After: -1, Types: []string{"tag.set"}}, []int64{2}},
		{"glob", metadata.EntryQuery{After: -1, Types: []string{"tag.*"}}, []int64{2, 3}},
		{"globs", metadata.EntryQuery{After: -1, Types: []string{"*.deleted", "token.*", "nothing"}}, []int64{1, 4}},
		{"inner glob", metadata.EntryQuery{After: -1, Types: []string{"a*t.*d"}}, []int64{0, 1}},
		{"star", metadata.EntryQuery{After: -1, Types: []string{"*"}}, []int64{0, 1, 2, 3, 4, 5, 6, 7, 8}},
		{"literal percent", metadata.EntryQuery{After: -1, Types: []string{"1%", "100%"}}, []int64{7}},
		{"literal underscore", metadata.EntryQuery{After: -1, Types: []string{"tag_*"}}, []int64{5}},
		{"literal mark", metadata.EntryQuery{After: -1, Types: []string{"a!b", "!%"}}, []int64{8}},
		{"type after", metadata.EntryQuery{After: 2, Types: []string{"tag.*"}, Limit: 1}, []int64{3}},
		{"repository", metadata.EntryQuery{After: -1, Repositories: []int64{1}}, []int64{1, 4, 7}},
		{"two", metadata.EntryQuery{After: 1, Repositories: []int64{2, 1, 2}, Limit: 3}, []int64{2, 4, 5}},
		{"none", metadata.EntryQuery{After: -1, Repositories: []int64{}}, nil},
		{"only global", metadata.EntryQuery{After: -1, Repositories: []int64{}, Global: true}, []int64{0, 3, 6}},
		{"with global", metadata.EntryQuery{After: -1, Repositories: []int64{1}, Global: true}, []int64{0, 1, 3, 4, 6, 7}},
		{"both", metadata.EntryQuery{After: -1, Repositories: []int64{2}, Global: true, Types: []string{"tag.*"}}, []int64{2, 3}},
		{"unknown", metadata.EntryQuery{After: -1, Repositories: []int64{99}}, nil},
		{"very many", metadata.EntryQuery{After: -1, Repositories: crowd(1), Limit: 2}, []int64{1, 4}},
		{"package", metadata.EntryQuery{After: -1, Packages: []int64{2}}, []int64{2, 6}},
		{"packages", metadata.EntryQuery{After: 1, Before: 7, Packages: []int64{3, 2, 3}}, []int64{2, 3, 6}},
		{"newest of packages", metadata.EntryQuery{After: -1, Newest: true, Packages: []int64{1, 0}, Limit: 3}, []int64{8, 5, 4}},
		{"package of a type", metadata.EntryQuery{After: -1, Packages: []int64{2}, Types: []string{"tag.*"}}, []int64{2}},
		{"package of a repository", metadata.EntryQuery{After: -1, Packages: []int64{1, 2}, Repositories: []int64{2}}, []int64{2, 5}},
		{"package of no repository", metadata.EntryQuery{After: -1, Packages: []int64{1}, Repositories: []int64{}}, nil},
		{"package of very many repositories", metadata.EntryQuery{After: -1, Packages: []int64{1}, Repositories: crowd(1)}, []int64{1}},
		{"very many packages", metadata.EntryQuery{After: -1, Packages: crowd(1), Repositories: []int64{2}}, []int64{5}},
		{"no package", metadata.EntryQuery{After: -1, Packages: []int64{}}, nil},
		{"very many and global", metadata.EntryQuery{After: 3, Repositories: crowd(1), Global: true}, []int64{4, 6, 7}},
	} {
		equal(e, c.what, seqs(entries(e, c.q)), c.want)
	}
}

func testEntriesOfMany(e *env) {
	var list []metadata.Entry
	for i := range 60 {
		v := entry("a.b")
		v.RepositoryID = int64(i % 30)
		list = append(list, v)
	}
	all := e.append(list...)
	for n := range 30 {
		var repositories, want []int64
		for id := range n + 1 {
			repositories = append(repositories, int64(29-id))
		}
		for _, v := range all {
			if v.Seq > 10 && slices.Contains(repositories, v.RepositoryID) {
				want = append(want, v.Seq)
			}
		}
		got := seqs(entries(e, metadata.EntryQuery{After: 10, Repositories: repositories}))
		equal(e, fmt.Sprint(n+1, " repositories"), got, want)
		got = seqs(entries(e, metadata.EntryQuery{After: 10, Repositories: repositories, Types: []string{"a.*"}, Limit: 2}))
		equal(e, fmt.Sprint(n+1, " repositories, page"), got, want[:min(2, len(want))])
	}
}

func testSeqAt(e *env) {
	at := func(t time.Time) int64 {
		return read(e, func(tx metadata.Tx) (int64, error) { return tx.Log().SeqAt(t) })
	}
	equal(e, "empty", at(e.now()), -1)
	start := e.now()
	e.append(entry("a"), entry("b"))
	e.clock.Add(time.Second)
	e.append(entry("c"))
	for d, want := range map[time.Duration]int64{
		-time.Microsecond: -1, 0: 1, time.Microsecond: 1, time.Second - 1: 1, time.Second: 2, time.Hour: 2,
	} {
		equal(e, d.String(), at(start.Add(d)), want)
	}
	equal(e, "zero time", at(time.Time{}), -1)
}

// testTree checks proofs over the stored hashes for many sizes.
func testTree(e *env) {
	var all []metadata.Entry
	for n := range 40 {
		batch := make([]metadata.Entry, n%7)
		for i := range batch {
			batch[i] = entry(fmt.Sprint("t.", n, ".", i))
		}
		if len(batch) > 0 {
			all = append(all, e.append(batch...)...)
		}
	}
	CheckLog(e.T, e.store)
	e.view(func(tx metadata.Tx) error {
		reader := hashReader(tx.Log())
		size := int64(len(all))
		root, err := tlog.TreeHash(size, reader)
		if err != nil {
			return err
		}
		for _, v := range all {
			proof, err := tlog.ProveRecord(size, v.Seq, reader)
			if err != nil {
				return err
			}
			if err := tlog.CheckRecord(proof, size, root, v.Seq, tlog.RecordHash(v.Leaf())); err != nil {
				e.Errorf("record %d: %v", v.Seq, err)
			}
		}
		return nil
	})
	e.view(func(tx metadata.Tx) error {
		many := make([]int64, 0, 1000) // in any order, with repetitions
		for i := range int64(1000) {
			many = append(many, i*7%50)
		}
		hashes, err := tx.Log().LogHashes(many)
		if err != nil {
			return err
		}
		for i, n := range many {
			one, err := tx.Log().LogHashes([]int64{n})
			if err != nil {
				return err
			}
			if hashes[i] != one[0] {
				e.Fatalf("hash %d differs", n)
			}
		}
		none, err := tx.Log().LogHashes(nil)
		if len(none) != 0 {
			e.Errorf("no index, %d hashes", len(none))
		}
		return err
	})
	missing(e, "outside", func(tx metadata.Tx) ([][32]byte, error) { return tx.Log().LogHashes([]int64{0, 1 << 40}) })
}

func testCheckpoint(e *env) {
	missing(e, "none", func(tx metadata.Tx) (metadata.Checkpoint, error) { return tx.Log().Checkpoint() })
	for i, size := range []int64{0, 1, 1, 5} {
		want := metadata.Checkpoint{Size: size, Note: fmt.Appendf(nil, "note %d\n", i), SignedAt: e.now().Add(time.Duration(i) * time.Second)}
		e.update(func(tx metadata.Tx) error { return tx.Log().PutCheckpoint(want) })
		equal(e, "read", read(e, func(tx metadata.Tx) (metadata.Checkpoint, error) { return tx.Log().Checkpoint() }), want)
	}
	e.fails(metadata.ErrExists, func(tx metadata.Tx) error { return tx.Log().PutCheckpoint(metadata.Checkpoint{Size: 4}) })
}

// testConcurrentAppends: each of many goroutines appends in its own updates, and some of them fail.
func testConcurrentAppends(e *env) {
	const goroutines, each = 200, 5
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := make(map[int64]string)
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				var got []metadata.Entry
				err := e.store.Update(context.Background(), func(tx metadata.Tx) error {
					got = nil
					for range 1 + (g+i)%3 {
						v, err := tx.Log().Append(entry(fmt.Sprint("g.", g)))
						if err != nil {
							return err
						}
						got = append(got, v)
					}
					if (g+i)%7 == 0 {
						return errTest
					}
					return nil
				})
				if (g+i)%7 == 0 {
					if !errors.Is(err, errTest) {
						e.Errorf("Update: %v", err)
					}
					continue
				}
				if err != nil {
					e.Errorf("Update: %v", err)
				}
				mu.Lock()
				for _, v := range got {
					if seen[v.Seq] != "" {
						e.Errorf("seq %d was given twice", v.Seq)
					}
					seen[v.Seq] = v.ID
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	all := entries(e, metadata.EntryQuery{After: -1})
	equal(e, "entries", len(all), len(seen))
	for i, v := range all {
		if v.Seq != int64(i) || seen[v.Seq] != v.ID {
			e.Fatalf("entry %d is %d %s, acknowledged was %s", i, v.Seq, v.ID, seen[v.Seq])
		}
	}
	CheckLog(e.T, e.store)
}

// CheckLog fails the test unless the log is gap-free, its times and ids ascend, its data hashes fit, and its stored Merkle
// hashes follow from the leaves.
func CheckLog(t testing.TB, store metadata.Store) {
	t.Helper()
	err := store.View(context.Background(), func(tx metadata.Tx) error {
		size, err := tx.Log().LogSize()
		if err != nil {
			return err
		}
		var own hashes
		var last metadata.Entry
		for next := int64(0); next < size; {
			page, err := tx.Log().Entries(metadata.EntryQuery{After: next - 1, Limit: 500})
			if err != nil {
				return err
			}
			if len(page) == 0 {
				return fmt.Errorf("the log ends at %d of %d", next, size)
			}
			for _, v := range page {
				if v.Seq != next {
					return fmt.Errorf("entry %d where %d is next", v.Seq, next)
				}
				if next > 0 && (v.Time.Before(last.Time) || v.ID == last.ID) {
					return fmt.Errorf("entry %d: %s %v after %s %v", v.Seq, v.ID, v.Time, last.ID, last.Time)
				}
				if string(v.DataHash) != string(metadata.HashData(v.Salt, v.Data)) {
					return fmt.Errorf("entry %d: its data hash does not fit", v.Seq)
				}
				more, err := tlog.StoredHashes(v.Seq, v.Leaf(), &own)
				if err != nil {
					return err
				}
				own = append(own, more...)
				last, next = v, next+1
			}
		}
		return compareHashes(tx.Log(), size, own)
	})
	if err != nil {
		t.Errorf("log: %v", err)
	}
}

func compareHashes(log metadata.Log, size int64, own hashes) error {
	if n := tlog.StoredHashCount(size); n != int64(len(own)) {
		return fmt.Errorf("%d hashes recomputed, %d expected", len(own), n)
	}
	all := make([]int64, len(own))
	for i := range all {
		all[i] = int64(i)
	}
	stored, err := log.LogHashes(all)
	if err != nil {
		return err
	}
	for i, h := range stored {
		if own[i] != h {
			return fmt.Errorf("stored hash %d is not that of the leaves", i)
		}
	}
	if _, err := log.LogHashes([]int64{int64(len(own))}); !errors.Is(err, metadata.ErrNotExist) {
		return fmt.Errorf("a hash beyond the tree: %v", err)
	}
	want, err := tlog.TreeHash(size, &own)
	if err != nil {
		return err
	}
	got, err := tlog.TreeHash(size, hashReader(log))
	if err == nil && got != want {
		err = fmt.Errorf("tree hash %v, recomputed %v", got, want)
	}
	return err
}

// hashes is a tlog of its own.
type hashes []tlog.Hash

func (h *hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, n := range indexes {
		out[i] = (*h)[n]
	}
	return out, nil
}

func hashReader(log metadata.Log) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		raw, err := log.LogHashes(indexes)
		out := make([]tlog.Hash, len(raw))
		for i, h := range raw {
			out[i] = h
		}
		return out, err
	})
}
