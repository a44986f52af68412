package preset

import (
	"encoding/json"
	"errors"
	"time"

	"slipway/integration"
	"slipway/registry"
)

// Types of Harbor's events.
const (
	harborPush   = "PUSH_ARTIFACT"
	harborDelete = "DELETE_ARTIFACT"
)

var harborTypes = map[string]string{
	registry.EventTagSet.CloudEvent():     harborPush,
	registry.EventTagRemoved.CloudEvent(): harborDelete,
}

// harborEvent is the body of Harbor's webhooks in its own format ("Default", not "CloudEvents").
type harborEvent struct {
	Type      string     `json:"type"`
	OccurAt   int64      `json:"occur_at"` // Unix seconds
	Operator  string     `json:"operator"`
	EventData harborData `json:"event_data"`
}

type harborData struct {
	Resources  []harborResource `json:"resources"`
	Repository harborRepository `json:"repository"`
}

type harborResource struct {
	Digest      string `json:"digest"`
	Tag         string `json:"tag"`
	ResourceURL string `json:"resource_url"` // host/name:tag, without a scheme
}

type harborRepository struct {
	DateCreated  int64  `json:"date_created"`
	Name         string `json:"name"`
	Namespace    string `json:"namespace"`
	RepoFullName string `json:"repo_full_name"`
	RepoType     string `json:"repo_type"`
}

// harbor tells of the tags of images: a tag that was set, by a push or afterwards, is a push, one that was removed a
// deletion. Harbor's project is our repository. Its receivers compare the Authorization header with their secret.
func harbor(set Set, e registry.Event, baseURL string) ([]integration.Message, error) {
	kind, ok := harborTypes[e.Type]
	if !ok || len(e.Data) == 0 {
		return nil, nil
	}
	var d registry.EventData
	if err := json.Unmarshal(e.Data, &d); err != nil {
		return nil, err
	}
	if !set.images(d.Format) {
		return nil, nil
	}
	host := hostOf(baseURL)
	if host == "" {
		return nil, errors.New("the server's address is not known: set --url")
	}
	at, err := time.Parse(time.RFC3339Nano, e.Time)
	if err != nil {
		return nil, err
	}
	full := d.Repository + "/" + d.Package
	body, err := json.Marshal(harborEvent{Type: kind, OccurAt: at.Unix(), Operator: d.Actor, EventData: harborData{
		Resources:  []harborResource{{Digest: d.Digest.String(), Tag: d.Tag, ResourceURL: host + "/" + full + ":" + d.Tag}},
		Repository: harborRepository{Name: d.Package, Namespace: d.Repository, RepoFullName: full, RepoType: "private"},
	}})
	return []integration.Message{{ID: e.ID, ContentType: jsonType, Header: map[string]string{"Authorization": integration.SecretMark}, Body: body}}, err
}
