package registry

import (
	"encoding/json"
	"errors"
	"fmt"

	"slipway/metadata"
	"slipway/registry/access"
)

// Append writes a log entry. All entries are written through it.
func Append(log metadata.Log, actor access.Actor, kind EventType, subject string, repo, pkg int64, data EventData) (Entry, error) {
	data.Actor = actor.Text()
	if actor.Type == access.TypeToken {
		data.Token = actor.Token
	}
	raw, err := json.Marshal(data)
	if err != nil {
		return Entry{}, fmt.Errorf("log entry %s: %w", kind, err)
	}
	return log.Append(Entry{
		Type: kind.String(), Subject: subject, RepositoryID: repo, PackageID: pkg,
		Actor: metadata.Actor{Type: actor.Type, ID: actor.ID}, Data: raw,
	})
}

// PackageID is the id of a package, for entries about it; 0: it is not here.
func PackageID(packages metadata.Packages, repository, format, key string) (int64, error) {
	p, err := packages.Package(repository, format, key)
	if errors.Is(err, metadata.ErrNotExist) {
		return 0, nil
	}
	return p.ID, err
}
