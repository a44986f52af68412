package metadatatest

import "slipway/metadata"

// testVersionsByNames: VersionAt and VersionByTag find what the single look-ups find.
func testVersionsByNames(e *env) {
	p := e.main()
	other := e.repository("other")
	elsewhere := e.version(e.pkg(other, "npm", p.Key), "1")
	v1, v2 := e.version(p, "1"), e.version(p, "2")
	e.setTag(v1, "latest", 10)
	e.setTag(v2, "latest", 11)
	e.setTag(elsewhere, "latest", 12)
	at := func(repository, format, key, name string) func(metadata.Tx) (metadata.Version, error) {
		return func(tx metadata.Tx) (metadata.Version, error) {
			return tx.Versions().VersionAt(repository, format, key, name)
		}
	}
	tagged := func(repository, format, key, tag string) func(metadata.Tx) (metadata.Version, error) {
		return func(tx metadata.Tx) (metadata.Version, error) {
			return tx.Versions().VersionByTag(repository, format, key, tag)
		}
	}
	const repo = "main"
	equal(e, "version", read(e, at(repo, "npm", p.Key, "1")), v1)
	equal(e, "version elsewhere", read(e, at("other", "npm", p.Key, "1")), elsewhere)
	equal(e, "tag, as it holds", read(e, tagged(repo, "npm", p.Key, "latest")), v2)
	equal(e, "tag elsewhere", read(e, tagged("other", "npm", p.Key, "latest")), elsewhere)
	for what, get := range map[string]func(metadata.Tx) (metadata.Version, error){
		"version": at(repo, "npm", p.Key, "3"), "version's package": at(repo, "npm", "right-pad", "1"),
		"version's format": at(repo, "pypi", p.Key, "1"), "version's repository": at("third", "npm", p.Key, "1"),
		"tag": tagged(repo, "npm", p.Key, "1"), "tag's package": tagged(repo, "npm", "right-pad", "latest"),
		"tag's format": tagged(repo, "pypi", p.Key, "latest"), "tag's repository": tagged("third", "npm", p.Key, "latest"),
	} {
		missing(e, what, get)
	}

	gone := v1
	gone.State = metadata.Deleted
	e.update(func(tx metadata.Tx) error { return tx.Versions().UpdateVersion(gone) })
	equal(e, "tombstone", read(e, at(repo, "npm", p.Key, "1")).State, metadata.Deleted)
	e.update(func(tx metadata.Tx) error { return tx.Tags().RemoveTag(p.ID, "latest", 13) })
	missing(e, "removed tag", tagged(repo, "npm", p.Key, "latest"))
	e.update(func(tx metadata.Tx) error { return tx.Repositories().DeleteRepository(other.ID) })
	missing(e, "version of a deleted repository", at("other", "npm", p.Key, "1"))
	missing(e, "tag of a deleted repository", tagged("other", "npm", p.Key, "latest"))
}
