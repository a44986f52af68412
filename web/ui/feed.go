package ui

import (
	"net/http"
	"strconv"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/registry"
)

const (
	feedLimit    = 12 // entries of the front page
	maxFeedQuery = 3  // how often the front page asks for more where the visitor may read next to none
)

// feedTypes are the types of the events that the front page tells of.
const feedTypes = "artifact.published,artifact.deprecated,artifact.yanked,artifact.deleted,artifact.restored,tag.*,deployment.started,deployment.succeeded,deployment.failed,deployment.rolled_back"

// feed is what happened last, for people.
type feed struct {
	Items  []feedItem
	Stream string // address of the events that follow; "": the page shows the past
	All    string // address of the log with the same filter
}

// feedItem is an event as people tell it: By Did What, In, To.
type feedItem struct {
	Seq         int64
	At          string
	By          string
	Kind        string // "published", "tagged", "deployed", "failed" or "removed": how it looks
	Did         string
	What        string
	Link        string // of What; "": it has none
	Rest        string // what stands after it
	Where       string // the environment
	Environment string // address of its page
	Reason      string
}

// feed asks for what happened last, up to the moment that the page shows. A visitor who may read nothing sees nothing.
func (u *Pages) feed(r *http.Request) (out feed, err error) {
	f := frameOf(r)
	filter := logFilter{Types: feedTypes}
	eq := filter.query()
	eq.Newest, eq.Limit = true, feedLimit
	if err := lookBack(&eq, f.AsOf); err != nil {
		return out, err
	}
	newest := int64(0)
	for range maxFeedQuery {
		batch, err := u.api.Events(r.Context(), eq)
		if client.IsStatus(err, http.StatusUnauthorized) || client.IsStatus(err, http.StatusForbidden) {
			return feed{}, nil
		}
		if err != nil {
			return out, err
		}
		for _, e := range batch.Events {
			item, err := feedItemOf(f, e)
			if err != nil {
				return out, err
			}
			newest = max(newest, item.Seq)
			out.Items = append(out.Items, item)
		}
		eq.After = batch.Next
		if eq.Limit = feedLimit - len(out.Items); batch.Next == 0 || eq.Limit <= 0 {
			break
		}
	}
	out.All = f.Link(logRoot + filterQuery("types", feedTypes))
	if f.AsOf == "" {
		out.Stream = f.Base + logRoot + "/stream" + filterQuery("types", feedTypes)
		if newest > 0 {
			out.Stream += "&after=" + strconv.FormatInt(newest, 10)
		}
	}
	return out, nil
}

// feedItemOf tells an event.
func feedItemOf(f *frame, e client.Event) (feedItem, error) {
	entry, err := logItemOf(e)
	if err != nil {
		return feedItem{}, err
	}
	item := feedItem{Seq: entry.Seq, At: entry.At, By: entry.By, Reason: entry.Reason, Did: strings.ReplaceAll(entry.Type, ".", " "), What: entry.About}
	said, err := e.Content()
	if err != nil || entry.Erased { // its own page shows what can be read of it
		item.What, item.Link = "entry "+strconv.FormatInt(entry.Seq, 10), f.Link(logPath(entry.Seq))
		return item, nil //nolint:nilerr // see above
	}
	item.What = strings.TrimSpace(said.Package + " " + versionName(said.Version))
	if entry.To != "" {
		item.Link = f.Link(entry.To)
	}
	if item.tell(f, entry.Type, said); item.Kind == "tagged" && item.Reason == string(registry.Published) {
		item.Reason = "" // the publish itself has set it
	}
	return item, nil
}

// tell finds the words for a type of event.
func (item *feedItem) tell(f *frame, kind string, said api.EventData) {
	subject, did, _ := strings.Cut(kind, ".")
	switch subject {
	case "tag":
		item.Kind, item.Did, item.Rest = "tagged", "set "+said.Tag+" to", ""
		if did == "removed" {
			item.Kind, item.Did = "removed", "removed "+said.Tag+" from"
		} else if p := said.Previous; p != nil && p.Version != said.Version {
			item.Rest = "from " + versionName(p.Version)
		}
	case "deployment":
		item.Kind, item.Where, item.Environment = "deployed", strings.TrimSuffix(said.Environment+"/"+said.Service, "/"), f.Link(environmentPath(said.Environment))
		switch did {
		case "succeeded":
			item.Did = "deployed"
		case "started":
			item.Did = "began to deploy"
		case "failed":
			item.Kind, item.Did = "failed", "failed to deploy"
		default:
			item.Kind, item.Did = "failed", "rolled back"
		}
	default:
		item.Kind, item.Did, item.Rest = did, did, "in "+said.Repository
		if did == "deleted" || did == "yanked" || did == "deprecated" {
			item.Kind = "removed"
		}
	}
}

// firstStep is the first publish of a format: commands, and what came of them.
type firstStep struct {
	Title, Format string
	Text          string // the commands
	Note          string // why there are none
	Done          string // the package that is there; "": none yet
	Link          string // of its page
}

// firstSteps are the first publishes of all formats in a repository.
func (u *Pages) firstSteps(r *http.Request, repository string) (steps []firstStep, done int, err error) {
	f := frameOf(r)
	for _, s := range u.guide.First(f.Base, repository) {
		step := firstStep{Title: s.Title, Format: s.Format, Note: s.Note}
		if len(s.First) > 0 {
			step.Text = s.First[0].Text
		}
		for p, err := range u.api.Packages(client.OnePage(r.Context(), &client.Page{Limit: 1}), repository, client.PackageFilter{Format: s.Format}) {
			if client.IsStatus(err, http.StatusBadRequest) {
				break // the server does not serve that format
			}
			if err != nil {
				return nil, 0, err
			}
			step.Done, step.Link = strings.TrimSpace(p.Name+" "+p.Latest), f.Link(packagePath(repository, p.Format, p.Name))
			done++
		}
		steps = append(steps, step)
	}
	return steps, done, nil
}
