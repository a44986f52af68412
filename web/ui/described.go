package ui

import (
	"net/http"
	"slices"
	"strings"

	"slipway/api"
	"slipway/api/client"
)

// describedView is what a version says of itself.
type describedView struct {
	api.Description
	Needs  []dependencyItem
	Wheels *wheelTable
	Image  *imageView
}

// dependencyItem is a dependency with a link that looks for it here.
type dependencyItem struct {
	api.Dependency
	Find string
}

// maxShownTexts bounds the classifiers and the dependencies of a page.
const maxShownTexts = 200

// describe returns what a version says of itself; nil: its description can't be had, as of one that a rule refuses.
func (u *Pages) describe(r *http.Request, at client.Package, v api.Version, files []fileItem) (*describedView, error) {
	f := frameOf(r)
	said, err := u.api.Describe(r.Context(), at, v.Version, f.AsOf)
	switch {
	case client.IsStatus(err, http.StatusNotFound), client.IsStatus(err, http.StatusForbidden):
		return nil, nil //nolint:nilnil // no description is no error
	case err != nil:
		return nil, err
	}
	d := &describedView{Description: said, Wheels: wheelsOf(said.Variants, files)}
	for _, dep := range said.Dependencies[:min(len(said.Dependencies), maxShownTexts)] {
		item := dependencyItem{Dependency: dep}
		if !strings.ContainsAny(dep.Name, "\"*") {
			item.Find = f.Link("/search" + filterQuery("q", termOf("name", dep.Name)+" "+termOf("format", at.Format)))
		}
		d.Needs = append(d.Needs, item)
	}
	if len(said.Classifiers) > maxShownTexts {
		d.Classifiers, d.Cut = said.Classifiers[:maxShownTexts], true
	}
	if len(said.Parts) > 0 || said.Image != nil {
		d.Image, err = u.image(r, at, v, said)
	}
	return d, err
}

// Installs are the scripts that run where a version is installed.
func (d *describedView) Installs() bool {
	return slices.ContainsFunc(d.Scripts, func(s api.Script) bool { return s.Installs })
}

// Notes reports whether a dependency has a condition.
func (d *describedView) Notes() bool {
	return slices.ContainsFunc(d.Dependencies, func(d api.Dependency) bool { return d.Note != "" })
}

// wheelTable is the wheels of a version by interpreter and platform.
type wheelTable struct {
	Platforms []string
	Rows      []wheelRow
}

type wheelRow struct {
	Language, ABI string
	Cells         [][]wheelCell // by platform
}

// wheelCell is a wheel: Text is the platform as its name has it.
type wheelCell struct{ Text, File, Link string }

// Bounds of the table of wheels.
const (
	maxWheelRows      = 40
	maxWheelPlatforms = 16
)

// wheelsOf arranges wheels; nil: there are none. A wheel for several interpreters or platforms stands in the cells of all.
func wheelsOf(variants []api.Variant, files []fileItem) *wheelTable {
	if len(variants) == 0 {
		return nil
	}
	t := &wheelTable{}
	type key struct{ language, abi, platform string }
	cells := map[key][]wheelCell{}
	var rows []wheelRow
	for _, v := range variants {
		link := ""
		if i := slices.IndexFunc(files, func(f fileItem) bool { return f.Path == v.File }); i >= 0 {
			link = files[i].Link
		}
		for _, language := range v.Languages {
			for _, abi := range v.ABIs {
				if !slices.ContainsFunc(rows, func(r wheelRow) bool { return r.Language == language && r.ABI == abi }) && len(rows) < maxWheelRows {
					rows = append(rows, wheelRow{Language: language, ABI: abi})
				}
				for _, tag := range v.Platforms {
					platform, text := wheelPlatform(tag)
					k := key{language, abi, platform}
					if i := slices.IndexFunc(cells[k], func(c wheelCell) bool { return c.File == v.File }); i < 0 {
						cells[k] = append(cells[k], wheelCell{Text: text, File: v.File, Link: link})
					}
					if !slices.Contains(t.Platforms, platform) && len(t.Platforms) < maxWheelPlatforms {
						t.Platforms = append(t.Platforms, platform)
					}
				}
			}
		}
	}
	slices.Sort(t.Platforms)
	slices.SortStableFunc(rows, func(a, b wheelRow) int { return strings.Compare(naturalKey(b.Language), naturalKey(a.Language)) })
	for i := range rows {
		for _, platform := range t.Platforms {
			rows[i].Cells = append(rows[i].Cells, cells[key{rows[i].Language, rows[i].ABI, platform}])
		}
	}
	t.Rows = rows
	return t
}

// naturalKey orders cp39 before cp310.
func naturalKey(language string) string {
	name := strings.TrimRight(language, "0123456789")
	digits := language[len(name):]
	if len(digits) < 2 {
		return name + digits
	}
	return name + digits[:1] + strings.Repeat("0", max(0, 4-len(digits))) + digits[1:]
}

// wheelPlatform puts the tag of a platform into words, and returns what distinguishes it among those of the same words.
func wheelPlatform(tag string) (words, text string) {
	machine := func(rest string, parts int) string { // what follows the numbers: macosx_11_0_arm64
		fields := strings.SplitN(rest, "_", parts+1)
		return fields[len(fields)-1]
	}
	switch {
	case tag == "any":
		return "any platform", "any"
	case tag == "win32":
		return "Windows x86", tag
	case strings.HasPrefix(tag, "win_"):
		return "Windows " + strings.Replace(tag[4:], "amd64", "x86_64", 1), tag
	case strings.HasPrefix(tag, "macosx_"):
		arch := machine(tag[len("macosx_"):], 2)
		return "macOS " + arch, strings.TrimSuffix(tag, "_"+arch)
	case strings.HasPrefix(tag, "musllinux_"):
		arch := machine(tag[len("musllinux_"):], 2)
		return "Linux " + arch + ", musl", strings.TrimSuffix(tag, "_"+arch)
	case strings.HasPrefix(tag, "manylinux_"):
		arch := machine(tag[len("manylinux_"):], 2)
		return "Linux " + arch, strings.TrimSuffix(tag, "_"+arch)
	case strings.HasPrefix(tag, "manylinux"): // of former times: manylinux2014_x86_64
		name, arch, _ := strings.Cut(tag, "_")
		return "Linux " + arch, name
	case strings.HasPrefix(tag, "linux_"):
		return "Linux " + tag[len("linux_"):], "linux"
	}
	return tag, tag
}
