package api

import (
	"encoding/hex"
	"net/http"
	"strconv"
	"time"

	"slipway/formats"
	"slipway/registry"
	"slipway/registry/access"
)

// timeLayout is RFC 3339 in UTC with microseconds.
const timeLayout = "2006-01-02T15:04:05.000000Z"

func timeText(t time.Time) string { return t.UTC().Format(timeLayout) }

// timeOrNull is null for the zero time.
func timeOrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := timeText(t)
	return &s
}

// list is the answer of every list; next is absent at the end.
type list[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// listOf fetches one page and renders it. A full page is followed by a look for one more row, so that next is absent
// exactly at the end.
func listOf[R, J any](p registry.Page, fetch func(registry.Page) ([]R, error), cursor func(R) string, render func(R) J) (list[J], error) {
	rows, err := fetch(p)
	if err != nil {
		return list[J]{}, err
	}
	out := list[J]{Items: make([]J, len(rows))}
	for i, r := range rows {
		out.Items[i] = render(r)
	}
	if len(rows) == 0 || len(rows) < p.Limit {
		return out, nil
	}
	after := cursor(rows[len(rows)-1])
	more, err := fetch(registry.Page{After: after, Limit: 1})
	if len(more) > 0 {
		out.Next = after
	}
	return out, err
}

// writeList is listOf, answered.
func writeList[R, J any](w http.ResponseWriter, p registry.Page, fetch func(registry.Page) ([]R, error), cursor func(R) string, render func(R) J) error {
	out, err := listOf(p, fetch, cursor, render)
	if err != nil {
		return err
	}
	return formats.JSON(w, http.StatusOK, out)
}

// writeOne answers with one thing, rendered, unless there was an error.
func writeOne[R, J any](w http.ResponseWriter, status int, row R, err error, render func(R) J) error {
	if err != nil {
		return err
	}
	return formats.JSON(w, status, render(row))
}

// writeNothing answers 204 unless there was an error.
func writeNothing(w http.ResponseWriter, err error) error {
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}

func numberText(n int64) string { return strconv.FormatInt(n, 10) }

type repositoryJSON struct {
	Name        string       `json:"name"`
	Description string       `json:"description"`
	Upstreams   []string     `json:"upstreams"`
	Settings    settingsJSON `json:"settings"`
	CreatedAt   string       `json:"created_at"`
}

type settingsJSON struct {
	AllowReuse     bool `json:"allow_reuse"`
	RawRedeploy    bool `json:"raw_redeploy"`
	MavenImmediate bool `json:"maven_immediate"`
}

func repositoryOf(r registry.Repository) repositoryJSON {
	return repositoryJSON{
		Name: r.Name, Description: r.Description, Upstreams: append([]string{}, r.Upstreams...),
		Settings: settingsJSON(registry.SettingsOf(r)), CreatedAt: timeText(r.CreatedAt),
	}
}

type packageJSON struct {
	Format    string `json:"format"`
	Name      string `json:"name"`
	Latest    string `json:"latest"`
	Versions  int64  `json:"versions"`
	CreatedAt string `json:"created_at"`
	UpdatedAt string `json:"updated_at"`
}

func packageOf(p registry.Package) packageJSON {
	return packageJSON{Format: p.Format, Name: p.Name, Latest: p.Latest, Versions: p.VersionCount,
		CreatedAt: timeText(p.CreatedAt), UpdatedAt: timeText(p.UpdatedAt)}
}

type versionJSON struct {
	PURL        string `json:"purl"`
	Format      string `json:"format"`
	Name        string `json:"name"`
	Version     string `json:"version"`
	State       string `json:"state"`
	Reason      string `json:"reason,omitempty"`
	Digest      string `json:"digest,omitempty"`
	Size        int64  `json:"size"`
	Prerelease  bool   `json:"prerelease"`
	PublishedAt string `json:"published_at"`
	PublishedBy string `json:"published_by"`
	Seq         int64  `json:"seq"` // log entry of the publish
}

func versionOf(p registry.Package, v registry.Version) versionJSON {
	return versionJSON{
		PURL: v.PURL, Format: p.Format, Name: p.Name, Version: v.Name, State: string(v.State), Reason: v.Reason,
		Digest: v.Digest.String(), Size: v.Size, Prerelease: v.Prerelease,
		PublishedAt: timeText(v.PublishedAt), PublishedBy: v.PublishedBy, Seq: v.Seq,
	}
}

type detailJSON struct {
	versionJSON
	Files   []fileJSON           `json:"files"`
	Tags    []string             `json:"tags"`
	Release registry.ReleaseInfo `json:"release"`
	Facts   []factJSON           `json:"facts"`
}

// fileJSON is a file with its sums: digest is sha256:<hex>, the others are hex under the name of their algorithm.
type fileJSON struct {
	Path      string `json:"path"`
	Size      int64  `json:"size"`
	MediaType string `json:"media_type"`
	Digest    string `json:"digest"`
	SHA256    string `json:"sha256"`
	SHA1      string `json:"sha1,omitempty"`
	MD5       string `json:"md5,omitempty"`
	SHA512    string `json:"sha512,omitempty"`
	AddedAt   string `json:"added_at"`
}

type factJSON struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Source string `json:"source"`
	Rank   int    `json:"rank"`
	At     string `json:"at"`
	Seq    int64  `json:"seq"`
}

func detailOf(d registry.Detail) detailJSON {
	out := detailJSON{
		versionJSON: versionOf(d.Package, d.Version), Release: registry.ReleaseOf(d.Facts),
		Files: make([]fileJSON, len(d.Files)), Tags: make([]string, len(d.Tags)), Facts: make([]factJSON, len(d.Facts)),
	}
	for i, f := range d.Files {
		out.Files[i] = fileJSON{
			Path: f.Path, Size: f.Blob.Size, MediaType: f.MediaType, Digest: f.Blob.Digest.String(),
			SHA256: f.Blob.Digest.Encoded(), SHA1: hex.EncodeToString(f.Blob.SHA1), MD5: hex.EncodeToString(f.Blob.MD5),
			SHA512: hex.EncodeToString(f.Blob.SHA512), AddedAt: timeText(f.AddedAt),
		}
	}
	for i, t := range d.Tags {
		out.Tags[i] = t.Name
	}
	for i, f := range d.Facts {
		out.Facts[i] = factJSON{Key: f.Key, Value: f.Value, Source: f.Source, Rank: f.Rank, At: timeText(f.At), Seq: f.Seq}
	}
	return out
}

// tagJSON is one interval of a tag; ended_at is absent while it holds.
type tagJSON struct {
	Tag        string  `json:"tag"`
	Version    string  `json:"version"`
	Digest     string  `json:"digest,omitempty"`
	Generation int64   `json:"generation"`
	SetAt      string  `json:"set_at"`
	SetBy      string  `json:"set_by"`
	Reason     string  `json:"reason"`
	Seq        int64   `json:"seq"` // log entry that set it
	EndedAt    *string `json:"ended_at,omitempty"`
}

func tagJSONOf(t registry.Tag) tagJSON {
	return tagJSON{Tag: t.Name, Version: t.Version, Digest: t.Digest.String(), Generation: t.Generation,
		SetAt: timeText(t.SetAt), SetBy: t.SetBy, Reason: t.Reason, Seq: t.SeqFrom, EndedAt: timeOrNull(t.EndedAt)}
}

// permissionJSON is a grant: a repository or a glob, and actions.
type permissionJSON struct {
	Repository string          `json:"repository"`
	Actions    []access.Action `json:"actions"`
}

func permissionsOf(grants []access.Grant) []permissionJSON {
	out := make([]permissionJSON, len(grants))
	for i, g := range grants {
		out[i] = permissionJSON(g)
	}
	return out
}

func grantsOf(permissions []permissionJSON) []access.Grant {
	out := make([]access.Grant, len(permissions))
	for i, p := range permissions {
		out[i] = access.Grant(p)
	}
	return out
}
