package ui

import (
	"net/http"
	"strconv"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/web/internal/wire"
)

// activityLimit is how many entries a page of a package's activity has.
const activityLimit = 50

// activityView has the values of the page of a package's activity.
type activityView struct {
	packageFrame
	Entries []logItem
	Older   string
}

// packageActivity answers GET /r/{repository}/{format}/{package}/-/activity?after=&as_of=: the entries of the log about a package, the newest first.
func (u *Pages) packageActivity(w http.ResponseWriter, r *http.Request) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	about, err := u.aboutPackage(r, "activity")
	if err != nil {
		return err
	}
	v := activityView{packageFrame: about}
	after, err := q.Seq("after", -1)
	if err != nil {
		return err
	}
	eq := client.EventQuery{After: after, Newest: true, Limit: activityLimit, EventFilter: client.EventFilter{Repository: v.At.Repository, Format: v.At.Format, Package: v.At.Name}}
	if err := lookBack(&eq, v.AsOf); err != nil {
		return err
	}
	batch, err := u.api.Events(r.Context(), eq)
	if err != nil {
		return err
	}
	for _, e := range batch.Events {
		item, err := logItemOf(e)
		if err != nil {
			return err
		}
		item.About = strings.TrimPrefix(strings.TrimPrefix(item.About, v.Package.Name), " ")
		v.Entries = append(v.Entries, item)
	}
	if batch.Next > 0 {
		v.Older = v.with("after", strconv.FormatInt(batch.Next, 10))
	}
	v.crumb(v.At.Name, packagePath(v.At.Repository, v.At.Format, v.At.Name))
	v.about("Activity of " + v.At.Name)
	v.JSON = v.Link(api.Prefix + "/events" + filterQuery("repository", v.At.Repository, "format", v.At.Format, "package", v.At.Name, "order", "newest"))
	return write(w, r, http.StatusOK, "activity", v)
}
