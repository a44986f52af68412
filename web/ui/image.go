package ui

import (
	"net/http"
	"slices"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/web/internal/wire"
)

// imageView is an image, or the image of one platform of an index.
type imageView struct {
	Platforms []link // of an index
	Part      *api.Part
	PartLink  string // of its own page
	Shown     *api.Image
	Steps     []stepItem
	Size      int64 // of all layers
	Layers    int64
	Attested  []partItem // parts of an index that are about others
}

// stepItem is a step with the share of its layer in hundredths.
type stepItem struct {
	api.Step
	Number int64 // of the layer, from 1; 0: the step made none
	Share  int64
}

// partItem is a part of an index with the address of its page.
type partItem struct {
	api.Part
	Link  string
	Whose string // the platform that it is about
}

// preferred are the platforms that an index is shown for first.
var preferred = []string{"linux/amd64", "linux/arm64", "linux/arm64/v8"}

// image makes the part of a version's page that is about an image. Of an index it is that of ?platform=, a platform or the digest of a part.
func (u *Pages) image(r *http.Request, at client.Package, v api.Version, said api.Description) (*imageView, error) {
	out := &imageView{}
	if said.Image != nil {
		out.show(said.Image)
		return out, nil
	}
	q, err := wire.ParseQuery(r)
	if err != nil {
		return nil, err
	}
	wanted, err := q.Text("platform")
	if err != nil {
		return nil, err
	}
	f := frameOf(r)
	page := func(version string) string { return f.Link(versionPath(at.Repository, at.Format, at.Name, version)) }
	var images []api.Part
	names := map[string]int{}
	for _, p := range said.Parts {
		if p.About == "" {
			images = append(images, p)
			names[p.Platform]++
		}
	}
	for _, p := range said.Parts {
		if p.About != "" {
			item := partItem{Part: p, Link: page(p.Version)}
			if i := slices.IndexFunc(images, func(o api.Part) bool { return o.Version == p.About }); i >= 0 {
				item.Whose = images[i].Platform
			}
			out.Attested = append(out.Attested, item)
		}
	}
	shown := choosePart(images, wanted)
	for i, p := range images {
		name, value := p.Platform, p.Platform
		if name == "" || names[name] > 1 {
			name, value = strings.TrimSpace(name+" "+short(p.Version)), p.Version
		}
		out.Platforms = append(out.Platforms, link{Text: name, Link: f.with("platform", value) + "#image", Current: i == shown})
	}
	if shown < 0 {
		return out, nil
	}
	out.Part, out.PartLink = &images[shown], page(images[shown].Version)
	if !out.Part.Here {
		return out, nil
	}
	part, err := u.api.Describe(r.Context(), at, out.Part.Version, f.AsOf)
	switch {
	case client.IsStatus(err, http.StatusNotFound), client.IsStatus(err, http.StatusForbidden):
		return out, nil
	case err != nil:
		return nil, err
	}
	if part.Image != nil {
		out.show(part.Image)
	}
	return out, nil
}

// choosePart is the part of a platform or a digest, else one that most people want; -1: there is none.
func choosePart(images []api.Part, wanted string) int {
	for _, name := range append([]string{wanted}, preferred...) {
		if i := slices.IndexFunc(images, func(p api.Part) bool { return name != "" && (p.Platform == name || p.Version == name) }); i >= 0 {
			return i
		}
	}
	return min(0, len(images)-1)
}

// show fills in an image.
func (v *imageView) show(image *api.Image) {
	v.Shown = image
	largest := int64(1)
	for _, s := range image.Steps {
		if s.Digest != "" && s.Size > 0 && s.Size < 1<<50 { // it is what the manifest claims
			v.Size += s.Size
			largest = max(largest, s.Size)
		}
	}
	for _, s := range image.Steps {
		item := stepItem{Step: s}
		if s.Digest != "" {
			v.Layers++
			item.Number = v.Layers
			item.Share = min(100, max(1, min(s.Size, largest)*100/largest))
		}
		v.Steps = append(v.Steps, item)
	}
}

// shellWords is a command as a shell would take it, for people to read.
func shellWords(list []string) string {
	out := make([]string, len(list))
	for i, w := range list {
		if out[i] = w; w == "" || strings.ContainsAny(w, " \t\n\"'\\$`;&|<>()*?") {
			out[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(out, " ")
}
