package ui

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/registry/access"
	"slipway/web/internal/wire"
)

// settingsPath is the path of the page with the settings of a repository.
func settingsPath(repository string) string { return repositoryPath(repository) + "/-/settings" }

func (u *Pages) settingPages() []page {
	return []page{{path: repositoryRoute + "/-/settings", name: "web.repository.settings", show: u.settings, act: u.changeSettings}}
}

// settingsView has the values of the page with the settings of a repository.
type settingsView struct {
	repositoryFrame
	Fields []formField
	Was    string
	Sample []api.Package // some that it holds: while there are any, it can't be deleted
	More   bool
	Error  string
	Lost   string // why it was not deleted

	values map[string]string // what a refused form says
}

const (
	maxSample       = 10 // packages that the form of a deletion names
	tagRulesSetting = "tag_rules"
)

// settingSpecs are the fields of a repository's settings: its description, then those that the server's document lists.
func settingSpecs(list []client.Setting) []fieldSpec {
	specs := []fieldSpec{{name: "description", label: "Description, for people"}}
	for _, s := range list {
		spec := fieldSpec{name: "settings." + s.Name, label: cmp.Or(s.Title, s.Name), hint: plainText(s.Description), setting: s.Name}
		switch {
		case s.Type == "boolean":
			spec.kind = fieldCheck
		case len(s.Enum) > 0:
			spec.kind = fieldChoice
			for _, word := range s.Enum {
				spec.options = append(spec.options, choice{Value: word, Text: word})
			}
		case s.Name == tagRulesSetting:
			spec.kind = fieldBlock
			spec.hint = "One a line: v*=immutable, release-*=protected, npm:next=protected. " + spec.hint
		case s.Type == "integer":
			spec.kind = fieldNumber
		case s.Type == "number":
			spec.kind = fieldDecimal
		case s.Type != "string":
			spec.kind = fieldBlock // JSON
		}
		specs = append(specs, spec)
	}
	return specs
}

// plainText is a text of the API's document without its marks of code.
func plainText(s string) string { return strings.ReplaceAll(s, "`", "") }

// settingValues are what the fields hold.
func settingValues(specs []fieldSpec, repo api.Repository) (map[string]string, error) {
	values, err := valuesOf(specs, repo)
	if err != nil {
		return nil, err
	}
	for _, s := range specs {
		name, ok := strings.CutPrefix(s.name, "settings.")
		if !ok || s.kind != fieldBlock {
			continue
		}
		raw, err := json.Marshal(repo.Settings[name])
		if err != nil {
			return nil, err
		}
		if values[s.name] = string(raw); name == tagRulesSetting {
			if values[s.name], err = tagRuleLines(raw); err != nil {
				return nil, err
			}
		}
	}
	return values, nil
}

// tagRuleLines writes tag rules as the command line does, one a line.
func tagRuleLines(raw []byte) (string, error) {
	var rules []api.TagRule
	if err := json.Unmarshal(raw, &rules); err != nil {
		return "", err
	}
	lines := make([]string, len(rules))
	for i, r := range rules {
		lines[i] = r.Pattern + "=" + r.Rule
		if r.Format != "" {
			lines[i] = r.Format + ":" + lines[i]
		}
	}
	return strings.Join(lines, "\n"), nil
}

// tagRulesOf reads such lines. Invalid.
func tagRulesOf(text string) ([]api.TagRule, error) {
	rules := []api.TagRule{}
	for _, line := range words(text) {
		what, rule, ok := strings.Cut(line, "=")
		if !ok {
			return nil, wire.Invalid("protected and immutable tags: write %q as PATTERN=protected or PATTERN=immutable", line)
		}
		r := api.TagRule{Pattern: what, Rule: rule}
		if format, pattern, one := strings.Cut(what, ":"); one {
			r.Format, r.Pattern = format, pattern
		}
		rules = append(rules, r)
	}
	return rules, nil
}

// settings answers GET /r/{repository}/-/settings, for administrators of the repository.
func (u *Pages) settings(w http.ResponseWriter, r *http.Request) error {
	return u.writeSettings(w, r, http.StatusOK, settingsView{})
}

func (u *Pages) writeSettings(w http.ResponseWriter, r *http.Request, status int, v settingsView) (err error) {
	if v.repositoryFrame, err = u.aboutRepository(r, "settings"); err != nil {
		return err
	}
	if err := needsAdmin(r, v.Repository.Name); err != nil {
		return err
	}
	list, err := u.api.Settings(r.Context())
	if err != nil {
		return err
	}
	specs := settingSpecs(list)
	now, err := settingValues(specs, v.Repository)
	if err != nil {
		return err
	}
	if v.Was == "" {
		v.Was = wasOf(now)
	}
	if v.values == nil {
		v.values = now
	}
	v.Fields = fieldsOf(specs, v.values)
	page := client.Page{Limit: maxSample}
	for p, err := range u.api.Packages(client.OnePage(r.Context(), &page), v.Repository.Name, client.PackageFilter{}) {
		if err != nil {
			return err
		}
		if p.Versions+p.Attached > 0 {
			v.Sample = append(v.Sample, p)
		}
	}
	v.More = page.Next != ""
	v.about("Settings of "+v.Repository.Name, "repositories", v.Repository.Name)
	return write(w, r, status, "settings", v)
}

// changeSettings answers POST /r/{repository}/-/settings: it changes the settings that its user changed, or deletes the repository.
func (u *Pages) changeSettings(w http.ResponseWriter, r *http.Request) error {
	repository, err := wire.Segment(r, "repository")
	if err != nil {
		return err
	}
	v, to, text := settingsView{}, settingsPath(repository), posted(r)
	told := &v.Error
	switch text("do") {
	case "set":
		v.Was = text(wasField)
		v.values, err = u.setRepository(r, repository)
	case "delete":
		told = &v.Lost
		if text("confirm") != repository {
			err = wire.Invalid("nothing was deleted: type the name %s to confirm", repository)
		} else if err = u.api.DeleteRepository(r.Context(), repository); err == nil {
			if to = "/"; administers(r, access.Instance) {
				to = allRepositoriesPath
			}
		}
	default:
		err = errUnknownButton
	}
	if detail, status, ok := formRefusal(err); ok {
		*told = detail
		return u.writeSettings(w, r, status, v)
	}
	if err != nil {
		return err
	}
	return u.seeOther(w, r, to)
}

// setRepository changes what the user of a form has changed. It returns what the form says.
func (u *Pages) setRepository(r *http.Request, repository string) (map[string]string, error) {
	list, err := u.api.Settings(r.Context())
	if err != nil {
		return nil, err
	}
	specs := settingSpecs(list)
	values := postedValues(specs, r.PostForm)
	changed, err := changedFields(specs, values, r.PostForm)
	if err != nil || len(changed) == 0 {
		return values, err
	}
	var change api.RepositoryChange
	settings := map[string]any{}
	for _, s := range specs {
		if !changed[s.name] {
			continue
		}
		name, isSetting := strings.CutPrefix(s.name, "settings.")
		if !isSetting {
			text := values[s.name]
			change.Description = &text
			continue
		}
		if settings[name], err = s.settingValue(name, values[s.name]); err != nil {
			return values, err
		}
	}
	if len(settings) > 0 {
		if change.Settings, err = json.Marshal(settings); err != nil {
			return values, err
		}
	}
	_, err = u.api.ChangeRepository(r.Context(), repository, change)
	return values, err
}

// settingValue is what a field says of a setting. Invalid.
func (s fieldSpec) settingValue(name, text string) (any, error) {
	if name == tagRulesSetting {
		return tagRulesOf(text)
	}
	if s.kind != fieldBlock {
		return s.jsonValue(text)
	}
	if !json.Valid([]byte(text)) {
		return nil, wire.Invalid("%s: it is no JSON", name)
	}
	return json.RawMessage(text), nil
}
