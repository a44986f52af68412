package ui

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/web/internal/wire"
)

// maxComparedCommits is of how many services the commits between two versions are looked for.
const maxComparedCommits = 20

// releaseSide is what ran in an environment at a moment.
type releaseSide struct {
	Environment, At string // At: as ?as_of= has it; "": now
}

// Text names it.
func (s releaseSide) Text() string {
	if s.At == "" {
		return s.Environment + " now"
	}
	return s.Environment + " at " + s.At
}

// Field is the moment as the field of a form holds it; "" where it is now, or no time.
func (s releaseSide) Field() string {
	if len(s.At) < len("2006-01-02T15:04") || strings.HasPrefix(s.At, "seq:") {
		return ""
	}
	return strings.TrimSuffix(s.At, "Z")
}

// serviceChange is a service that runs something else; nil: nothing.
type serviceChange struct {
	Service  string
	What     string // "added", "removed" or "changed"
	From, To *api.Running
	Link     string // to the comparison of the two versions; "": they are of different packages
	Commits  string // address of the commits between them; "": it is not known
}

// releasesView has the values of the page that compares what runs.
type releasesView struct {
	*frame
	Before, After   releaseSide
	Befores, Afters []choice
	Changes         []serviceChange
	Same            int64
	Names           versionNames
	Wrong           string // why it can't be told
}

// compareReleases answers GET /compare?env=&at=&with=&then=: what differs between what an environment ran at a moment, and what it or another one ran
// at another; moments are now where they are empty.
func (u *Pages) compareReleases(w http.ResponseWriter, r *http.Request, q wire.Query) error {
	v := releasesView{frame: frameOf(r)}
	if err := texts(q, map[string]*string{"env": &v.Before.Environment, "with": &v.After.Environment}); err != nil {
		return err
	}
	if v.After.Environment == "" {
		v.After.Environment = v.Before.Environment
	}
	var err error
	if v.Before.At, err = momentIn(q, "at"); err != nil {
		return err
	}
	if v.After.At, err = momentIn(q, "then"); err != nil {
		return err
	}
	if v.After.At == "" {
		v.After.At = v.AsOf
	}
	page := client.Page{Limit: maxEnvironmentChoices}
	for e, err := range u.api.Environments(client.OnePage(r.Context(), &page), "") {
		if err != nil {
			return err
		}
		v.Befores = append(v.Befores, choice{Value: e.Name, Text: e.Name, Chosen: e.Name == v.Before.Environment})
		v.Afters = append(v.Afters, choice{Value: e.Name, Text: e.Name, Chosen: e.Name == v.After.Environment})
	}
	status := http.StatusOK
	before, err := u.api.Environment(r.Context(), v.Before.Environment, v.Before.At)
	var after api.EnvironmentState
	if err == nil {
		after, err = u.api.Environment(r.Context(), v.After.Environment, v.After.At)
	}
	if detail, code, ok := wrongInput(err); ok {
		v.Wrong, status = detail, code
	} else if err != nil {
		return err
	}
	if v.Names, err = u.namesOf(r, append(deployedIn(before.Services), deployedIn(after.Services)...)); err != nil {
		return err
	}
	if err := u.serviceChanges(r.Context(), &v, before, after); err != nil {
		return err
	}
	v.crumb("Environments", environmentsPath)
	v.crumb(v.Before.Environment, environmentPath(v.Before.Environment))
	v.about("What runs: "+v.Before.Text()+" and "+v.After.Text(), "environments", v.After.Environment)
	return write(w, r, status, "releases", v)
}

// serviceChanges fills in what differs between two states.
func (u *Pages) serviceChanges(ctx context.Context, v *releasesView, before, after api.EnvironmentState) error {
	running := [2]map[string]*api.Running{{}, {}}
	var services []string
	for i, state := range []api.EnvironmentState{before, after} {
		for _, s := range state.Services {
			if s.Running != nil {
				running[i][s.Service] = s.Running
				services = append(services, s.Service)
			}
		}
	}
	slices.Sort(services)
	looked := 0
	for _, service := range slices.Compact(services) {
		c := serviceChange{Service: service, From: running[0][service], To: running[1][service]}
		c.What = whatOf(c.From != nil, c.To != nil)
		if c.What != "changed" {
			v.Changes = append(v.Changes, c)
			continue
		}
		at := packageOf(c.From.Deployed)
		same := at == packageOf(c.To.Deployed)
		if same && c.From.Version == c.To.Version {
			v.Same++
			continue
		}
		if same {
			c.Link = v.Link(comparePath(at.Repository, at.Format, at.Name, c.From.Version, c.To.Version))
			if looked++; looked <= maxComparedCommits {
				var err error
				if c.Commits, err = u.commitsBetween(ctx, at, c.From.Version, c.To.Version); err != nil {
					return err
				}
			}
		}
		v.Changes = append(v.Changes, c)
	}
	return nil
}

// commitsBetween is the address of the commits between two versions; "" where it is not known, as of a version that is deleted.
func (u *Pages) commitsBetween(ctx context.Context, at client.Package, from, to string) (string, error) {
	var sources [2]api.Source
	for i, version := range []string{from, to} {
		v, err := u.api.Version(ctx, at, version)
		if client.IsStatus(err, http.StatusNotFound) || client.IsStatus(err, http.StatusForbidden) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		if v.Release.Source == nil {
			return "", nil
		}
		sources[i] = *v.Release.Source
	}
	return commitRange(sources[1].Repository, sources[0].Commit, sources[1].Commit), nil
}
