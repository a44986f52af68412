package registry

import (
	"encoding/json"
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
