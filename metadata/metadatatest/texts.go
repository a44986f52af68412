package metadatatest

import (
	"errors"
	"strings"

	"slipway/metadata"
)

// badTexts are what a client can send, and no store keeps.
var badTexts = []string{"a\x00b", "\x00", "a\xff", "\xed\xa0\x80", "\xc0\xaf"}

// testTexts: what is not text is refused by every write, whatever comes before and after it in its update, and found by no query.
func testTexts(e *env) {
	p := e.main()
	v := e.version(p, "1")
	e.file(v, "a", e.blob("a"), 1)
	e.append(entry("a.b"))
	for _, bad := range badTexts {
		for what, write := range badWrites(p, v, bad) {
			e.update(func(tx metadata.Tx) error {
				if err := write(tx); !errors.Is(err, metadata.ErrText) {
					e.Errorf("%s of %q: %v, want ErrText", what, bad, err)
				}
				return tx.Settings().PutSetting("after "+what, "still there")
			})
			equal(e, "after "+what, read(e, func(tx metadata.Tx) (string, error) { return tx.Settings().Setting("after " + what) }), "still there")
		}
		for what, look := range badLooks(v, bad) {
			missing(e, what, func(tx metadata.Tx) (struct{}, error) { return struct{}{}, look(tx) })
			e.update(func(tx metadata.Tx) error {
				if err := look(tx); !errors.Is(err, metadata.ErrNotExist) {
					e.Errorf("%s in an update: %v, want ErrNotExist", what, err)
				}
				return tx.Settings().PutSetting("after "+what, bad[:0])
			})
		}
		equal(e, "packages", len(read(e, func(tx metadata.Tx) ([]metadata.Package, error) {
			return tx.Packages().Packages(metadata.PackageQuery{RepositoryID: p.RepositoryID, Contains: bad})
		})), 0)
		equal(e, "others of a list", len(read(e, func(tx metadata.Tx) ([]metadata.Entry, error) {
			if _, err := tx.Log().Entries(metadata.EntryQuery{After: -1, Types: []string{bad}}); err != nil {
				return nil, err
			}
			return tx.Log().Entries(metadata.EntryQuery{After: -1, Types: []string{bad, "*"}})
		})), 1)
		equal(e, "a file above", read(e, func(tx metadata.Tx) (string, error) { return tx.Files().FileBeside(v.ID, "a/"+bad+"/c") }), "a")
	}
	CheckLog(e.T, e.store)
	for in, want := range map[string]string{"plain": "plain", "é\n\t": "é\n\t", "a\x00b": "a\ufffdb", "a\xffb": "a\ufffdb", "\xed\xa0\x80": "\ufffd"} {
		got := metadata.CleanText(in)
		equal(e, "clean", got, want)
		equal(e, "kept", [2]bool{metadata.IsText(in), metadata.IsText(got)}, [2]bool{in == want, true})
	}
}

// badWrites are writes with a bad text, as a value and as a key.
func badWrites(p metadata.Package, v metadata.Version, bad string) map[string]func(metadata.Tx) error {
	return map[string]func(metadata.Tx) error{
		"repository": func(tx metadata.Tx) error {
			_, err := tx.Repositories().CreateRepository(metadata.Repository{Name: bad})
			return err
		},
		"package": func(tx metadata.Tx) error {
			_, err := tx.Packages().CreatePackage(metadata.Package{RepositoryID: p.RepositoryID, Format: "npm", Key: "x", Name: bad})
			return err
		},
		"latest": func(tx metadata.Tx) error { q := p; q.Latest = bad; return tx.Packages().UpdatePackage(q) },
		"version": func(tx metadata.Tx) error {
			_, err := tx.Versions().CreateVersion(metadata.Version{PackageID: p.ID, Name: bad, Digest: v.Digest})
			return err
		},
		"tag": func(tx metadata.Tx) error {
			_, err := tx.Tags().SetTag(metadata.Tag{PackageID: p.ID, Name: "t", VersionID: v.ID, Reason: bad})
			return err
		},
		"removed tag": func(tx metadata.Tx) error { return tx.Tags().RemoveTag(p.ID, bad, 9) },
		"facts": func(tx metadata.Tx) error {
			return tx.Facts().AddFacts([]metadata.Fact{{VersionID: v.ID, Key: "k", Value: "good"}, {VersionID: v.ID, Key: "k", Value: bad}})
		},
		"entry": func(tx metadata.Tx) error {
			n := entry("a.b")
			n.Actor.ID = bad
			_, err := tx.Log().Append(n)
			return err
		},
		"setting": func(tx metadata.Tx) error { return tx.Settings().PutSetting(bad, "") },
		"user": func(tx metadata.Tx) error {
			_, err := tx.Users().CreateUser(metadata.User{Name: "u", Kind: bad})
			return err
		},
		"duty": func(tx metadata.Tx) error {
			_, err := tx.Duties().TakeDuty(metadata.Duty{Name: "d", Holder: bad})
			return err
		},
	}
}

// badLooks are look-ups of one record by a bad text.
func badLooks(v metadata.Version, bad string) map[string]func(metadata.Tx) error {
	return map[string]func(metadata.Tx) error{
		"repository":    func(tx metadata.Tx) error { _, err := tx.Repositories().Repository(bad); return err },
		"package":       func(tx metadata.Tx) error { _, err := tx.Packages().Package("main", "npm", bad); return err },
		"version":       func(tx metadata.Tx) error { _, err := tx.Versions().VersionAt("main", "npm", bad, "1"); return err },
		"tag":           func(tx metadata.Tx) error { _, err := tx.Tags().Tag(v.PackageID, bad); return err },
		"user":          func(tx metadata.Tx) error { _, err := tx.Users().User(bad); return err },
		"upload":        func(tx metadata.Tx) error { _, err := tx.Uploads().Upload(bad); return err },
		"staging":       func(tx metadata.Tx) error { _, err := tx.Stagings().Staging(strings.ToUpper(bad)); return err },
		"setting":       func(tx metadata.Tx) error { _, err := tx.Settings().Setting(bad); return err },
		"reserved path": func(tx metadata.Tx) error { _, err := tx.Files().Reserved(v.ID, bad); return err },
	}
}
