package registry

import "slipway/metadata"

// CountAttached fills pkg.Attached of a package that has attached versions only, and never had others: they belong to versions that lie
// elsewhere. It stays 0 of any other package.
func CountAttached(tx metadata.Tx, pkg *Package) error {
	if pkg.VersionCount == 0 || pkg.Latest != "" {
		return nil
	}
	others, err := tx.Versions().Versions(metadata.VersionPage{PackageID: pkg.ID, Deleted: true, NoAttached: true, NoDescriptors: true, Limit: 1})
	if err == nil && len(others) == 0 {
		pkg.Attached = pkg.VersionCount
	}
	return err
}
