package admin

import (
	"encoding/json"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/deploy"
	"slipway/registry/policy"
	"slipway/registry/publish"
)

// stays returns the predicate of files from registries elsewhere that a backup without cached bytes has all the same: those that an eviction
// leaves, and those whose upstream is offline. formats are the rules of each format.
func stays(formats map[string]registry.Rules) func(tx metadata.Tx, f metadata.CachedEntry) (bool, error) {
	var pinned func(repositoryID int64, f metadata.CachedEntry) bool
	var offline map[int64]bool
	repositories := map[int64]int64{} // of packages
	return func(tx metadata.Tx, f metadata.CachedEntry) (_ bool, err error) {
		if pinned == nil { // once: the snapshot does not change
			if offline, err = offlineIn(tx); err != nil {
				return false, err
			}
			if pinned, err = policy.PinnedIn(tx, formats); err != nil {
				return false, err
			}
		}
		if _, known := repositories[f.PackageID]; !known {
			p, err := tx.Packages().PackageByID(f.PackageID)
			if err != nil {
				return false, err
			}
			repositories[f.PackageID] = p.RepositoryID
		}
		if offline[f.UpstreamID] || pinned(repositories[f.PackageID], f) {
			return true, nil
		}
		return publish.Kept(tx, f.Version, new(deploy.Records))
	}
}

// offlineIn returns the ids of upstreams that are not asked.
func offlineIn(tx metadata.Tx) (map[int64]bool, error) {
	out := map[int64]bool{}
	list, err := tx.Upstreams().Upstreams()
	for _, u := range list {
		var settings struct {
			Offline bool `json:"offline"`
		}
		if len(u.Settings) > 0 {
			if err := json.Unmarshal(u.Settings, &settings); err != nil {
				return nil, err
			}
		}
		out[u.ID] = settings.Offline
	}
	return out, err
}
