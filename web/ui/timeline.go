package ui

import (
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"slipway/api"
)

// Measures of a timeline, in units of its drawing.
const (
	chartWidth   = 960
	chartLabels  = 150 // width of the column with the names of services
	chartRow     = 30
	chartHead    = 24
	chartTicks   = 6
	chartDigit   = 7 // width of a letter
	chartTones   = 6
	chartLeast   = 4 // width of a bar
	maxChartRows = 100
)

// timeline is a drawing of what ran when: a row for each service.
type timeline struct {
	Width, Height int
	From, To      string // RFC 3339
	Ticks         []chartTick
	Rows          []chartRowOf
	More          int64 // services that are not drawn
}

type chartTick struct {
	X    int
	Text string
}

type chartRowOf struct {
	Service string
	Label   string // as much of it as fits
	Y       int    // of its upper edge
	Base    int    // of its text
	Bars    []chartBar
}

// chartBar is a run.
type chartBar struct {
	api.Run
	X, Width, Y, Height int
	Text                int    // where its text begins
	Base                int    // of its text
	Label               string // "" where it does not fit
	Tone                int    // of its version
	Link                string
}

// newTimeline draws those of the runs that lie in an interval. It returns them too, the newest first.
func newTimeline(f *frame, runs []api.Run, names versionNames, from, to time.Time) (*timeline, []api.Run) {
	t := &timeline{Width: chartWidth, From: from.Format(time.RFC3339), To: to.Format(time.RFC3339)}
	inside := slices.DeleteFunc(slices.Clone(runs), func(r api.Run) bool {
		since, until := runBounds(r, to)
		return since.After(to) || until.Before(from)
	})
	sorted := slices.Clone(inside)
	slices.SortStableFunc(sorted, byService)
	scale := float64(chartWidth-chartLabels) / float64(max(to.Sub(from), time.Second))
	place := func(at time.Time) int {
		return chartLabels + int(scale*float64(min(max(at.Sub(from), 0), to.Sub(from))))
	}
	services := map[string]bool{}
	for _, r := range sorted {
		if !services[r.Service] {
			services[r.Service] = true
			if len(t.Rows) < maxChartRows {
				y := chartHead + len(t.Rows)*chartRow
				t.Rows = append(t.Rows, chartRowOf{Service: r.Service, Label: clip(16, r.Service), Y: y, Base: y + 19})
			}
		}
		row := &t.Rows[len(t.Rows)-1]
		if row.Service != r.Service {
			continue // there are too many
		}
		since, until := runBounds(r, to)
		x := min(place(since), chartWidth-chartLeast)
		bar := chartBar{Run: r, X: x, Width: max(place(until)-x-1, chartLeast), Y: row.Y + 4, Height: chartRow - 8, Text: x + 6, Base: row.Base,
			Tone: toneOf(r.Version), Link: f.Link(deploymentPath(r.Deployment))}
		if name := names.Of(r.Deployed); len(name)*chartDigit+10 <= bar.Width {
			bar.Label = name
		}
		row.Bars = append(row.Bars, bar)
	}
	t.More = int64(len(services) - len(t.Rows))
	t.Height = chartHead + len(t.Rows)*chartRow
	layout := "2 Jan"
	if to.Sub(from) <= 2*24*time.Hour {
		layout = "2 Jan 15:04"
	}
	for i := range chartTicks {
		at := from.Add(to.Sub(from) / chartTicks * time.Duration(i))
		t.Ticks = append(t.Ticks, chartTick{X: place(at), Text: at.Format(layout)})
	}
	return t, inside
}

// runBounds are the times between which something ran; one that still runs does so until the end of the drawing.
func runBounds(r api.Run, end time.Time) (since, until time.Time) {
	since, _ = time.Parse(time.RFC3339Nano, r.Since) // the API's own
	until = end
	if r.Until != nil {
		until, _ = time.Parse(time.RFC3339Nano, *r.Until)
	}
	return since, until
}

// toneOf chooses one of a few colours for a version.
func toneOf(version string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(version)) // never fails
	return int(h.Sum32() % chartTones)
}

// Title says what a bar shows.
func (b chartBar) Title() string {
	until := "until now"
	if b.Until != nil {
		until = "until " + shown(*b.Until)
	}
	return fmt.Sprintf("%s ran %s %s since %s %s", b.Service, b.Package, b.Version, shown(b.Since), until)
}

// shown is a moment of the API as pages show it, without markup.
func shown(moment string) string {
	t, err := time.Parse(time.RFC3339Nano, moment)
	if err != nil {
		return moment
	}
	return t.UTC().Format("2006-01-02 15:04") + " UTC"
}
