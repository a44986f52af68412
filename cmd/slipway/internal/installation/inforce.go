package installation

import (
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"slipway/api"
)

// Sources of settings.
const (
	fromFlag        = "flag"
	fromEnvironment = "environment"
	fromFile        = "file"
	fromDefault     = "default"
)

// Settings that no flag sets.
const (
	adminPassword    = "SLIPWAY_ADMIN_PASSWORD"
	logKeyText       = "SLIPWAY_LOG_KEY"
	metadataPassword = "SLIPWAY_METADATA_PASSWORD"
)

// urlSecrets are the parts of a URL that may be secret: the password, and parameters that are named like one.
var urlSecrets = regexp.MustCompile(`(//[^/@\s:]*):[^/@\s]*@|([?&][^=&\s]*(?i:secret|password|token|key)[^=&\s]*=)[^&\s]*`)

// mask leaves out what is secret in a value.
func mask(value string) (shown string, masked bool) {
	shown = urlSecrets.ReplaceAllStringFunc(value, func(found string) string {
		masked = true
		if strings.HasPrefix(found, "//") {
			user, _, _ := strings.Cut(strings.TrimPrefix(found, "//"), ":")
			return "//" + user + ":…@"
		}
		name, _, _ := strings.Cut(found, "=")
		return name + "=…"
	})
	return shown, masked
}

// inForce lists the settings as they are resolved, by name, with the place that each comes from.
func (c *Config) inForce(fs *pflag.FlagSet, env func(string) string) []api.ConfigurationSetting {
	var out []api.ConfigurationSetting
	known := append(knownKeys(), "config", "new-log-key", acceptClock)
	fs.VisitAll(func(f *pflag.Flag) {
		if !slices.Contains(known, f.Name) {
			return
		}
		s := api.ConfigurationSetting{Name: f.Name, About: f.Usage, Source: fromDefault}
		switch source, there := c.sources[f.Name]; {
		case f.Changed:
			s.Source = fromFlag
		case there && source == envName(f.Name):
			s.Source, s.From = fromEnvironment, source
		case there:
			s.Source, s.From = fromFile, c.File
		case f.Name == "config" && c.File != "":
			s.Source, s.From = fromEnvironment, envName(f.Name)
		}
		if s.Value, s.Masked = mask(f.Value.String()); f.Value.Type() == "stringSlice" {
			s.Value = strings.Trim(s.Value, "[]")
		}
		if f.Name == "config" {
			s.Value = c.File
		}
		out = append(out, s)
	})
	for _, s := range []api.ConfigurationSetting{
		{Name: "admin-password", From: adminPassword, About: "password of the user admin, which the first start sets"},
		{Name: "log-key-text", From: logKeyText, About: "the key that signs the log and seals secrets, in place of --log-key"},
		{Name: "metadata-password", From: metadataPassword, About: "password for the PostgreSQL server of --metadata"},
	} {
		if env(s.From) != "" {
			s.Source, s.Masked = fromEnvironment, true
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b api.ConfigurationSetting) int { return strings.Compare(a.Name, b.Name) })
	return out
}
