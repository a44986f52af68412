// Package clientconfig writes the configuration of package managers: it puts a registry and its token into a client's own
// files, and leaves everything else in them as it is.
package clientconfig

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
)

// Target is a repository, and who reads or publishes there.
type Target struct {
	Server     string // base URL without a trailing slash
	Repository string
	Token      string
	ID         string // name of the registry in files that name registries
	Scope      string // of npm packages, such as @acme; "" is all packages
	Env        func(string) string
}

// User is the name beside a token where a client wants one; the server looks at the token only.
const User = "token"

// File is a file of a client.
type File struct {
	Path string
	// Merge returns the file with the registry in it; old is the file as it is, "" if there is none.
	Merge func(old string) (string, error)
}

// Client is a package manager.
type Client struct {
	Name  string
	Short string
	// Format is the protocol that it speaks.
	Format string
	// Scoped clients can ask another registry for some of their packages.
	Scoped bool
	Files  func(t Target) []File
	// Use says how the client is used afterwards, and what it does not do; a line each.
	Use func(t Target) []string
}

// Clients are all package managers, in the order in which help lists them.
func Clients() []Client {
	return []Client{
		{"npm", "npm: ~/.npmrc", "npm", true, npmrc, npmUse},
		{"pnpm", "pnpm: ~/.npmrc", "npm", true, npmrc, npmUse},
		{"yarn", "Yarn: ~/.yarnrc.yml for 2 and newer, ~/.npmrc for Yarn 1", "npm", true, yarnrc, yarnUse},
		{"bun", "Bun: ~/.npmrc", "npm", true, npmrc, npmUse},
		{"pip", "pip: pip.conf", "pypi", false, pipConf, pipUse},
		{"uv", "uv: uv.toml", "pypi", false, uvToml, uvUse},
		{"twine", "twine: ~/.pypirc", "pypi", false, pypirc, twineUse},
		{"poetry", "Poetry: config.toml and auth.toml", "pypi", false, poetryToml, poetryUse},
		{"mvn", "Maven: ~/.m2/settings.xml", "maven", false, mavenSettings, mavenUse},
		{"gradle", "Gradle: gradle.properties and an init script in ~/.gradle", "maven", false, gradleFiles, gradleUse},
		{"docker", "docker, and what reads its config.json: podman, buildah, skopeo, crane, oras, cosign", "oci", false, dockerConfig, dockerUse},
		{"helm", "helm: registry/config.json", "oci", false, helmConfig, helmUse},
	}
}

// base is the URL of the repository in a protocol, without a trailing slash.
func (t Target) base(protocol string) string {
	return t.Server + "/" + protocol + "/" + url.PathEscape(t.Repository)
}

// parsed is the server's URL; the caller made a client of it before, so it can be parsed.
func (t Target) parsed() *url.URL {
	u, err := url.Parse(t.Server)
	if err != nil {
		return &url.URL{}
	}
	return u
}

// schemeless is a URL from its // on, as npm keys credentials.
func schemeless(u string) string { return u[strings.Index(u, "//"):] }

// withUser puts credentials into a URL.
func (t Target) withUser(target, user string) string {
	scheme, rest, _ := strings.Cut(target, "://")
	return scheme + "://" + user + ":" + t.Token + "@" + rest
}

// basic are the credentials of HTTP's Basic scheme.
func (t Target) basic() string {
	return base64.StdEncoding.EncodeToString([]byte(User + ":" + t.Token))
}

// plain reports whether the server is reached without TLS; local, whether it is this machine.
func (t Target) plain() (plain, local bool) {
	u := t.parsed()
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "http", u.Hostname() == "localhost" || err == nil && addr.IsLoopback()
}

// home is a path below the user's home.
func (t Target) home(elements ...string) string {
	return filepath.Join(append([]string{t.Env("HOME")}, elements...)...)
}

// config is a path below the user's directory for configuration; mac is where macOS has it below the home.
func (t Target) config(mac string, elements ...string) string {
	dir := cmp.Or(t.Env("XDG_CONFIG_HOME"), t.home(".config"))
	if runtime.GOOS == "darwin" && mac != "" {
		dir = t.home(mac)
	}
	return filepath.Join(append([]string{dir}, elements...)...)
}

func npmrc(t Target) []File {
	path := cmp.Or(t.Env("NPM_CONFIG_USERCONFIG"), t.Env("npm_config_userconfig"), t.home(".npmrc"))
	return []File{{path, func(old string) (string, error) {
		registry := t.base("npm") + "/"
		key := "registry"
		if t.Scope != "" {
			key = t.Scope + ":registry"
		}
		out := setLine(old, key, registry)
		return setLine(out, schemeless(registry)+":_authToken", t.Token), nil
	}}}
}

func npmUse(t Target) []string {
	if t.Scope != "" {
		return []string{fmt.Sprintf("Packages of %s come from %s.", t.Scope, t.base("npm"))}
	}
	return []string{"All packages come from " + t.base("npm") + "; with --scope @yours, only those of your scope do."}
}

func yarnUse(t Target) []string {
	return append(npmUse(t), "Yarn 1 needs the line always-auth in ~/.npmrc; npm 11 warns of it.")
}

func yarnrc(t Target) []File {
	registry := t.base("npm")
	one := npmrc(t)[0]
	// Yarn 1 sends no credentials for packages without a scope unless it is told to; npm warns of the line.
	always := File{one.Path, func(old string) (string, error) {
		out, err := one.Merge(old)
		return setLine(out, schemeless(registry)+"/:always-auth", "true"), err
	}}
	return []File{always, {t.home(".yarnrc.yml"), func(old string) (string, error) {
		y, err := parseYAML(old)
		if err != nil {
			return "", err
		}
		approved := []string{"*", "@*/*"}
		if t.Scope == "" {
			y.set([]string{"npmRegistryServer"}, registry)
		} else {
			y.set([]string{"npmScopes", strings.TrimPrefix(t.Scope, "@"), "npmRegistryServer"}, registry)
			approved = []string{t.Scope + "/*"}
		}
		at := schemeless(registry)
		y.set([]string{"npmRegistries", at, "npmAuthToken"}, t.Token)
		y.set([]string{"npmRegistries", at, "npmAlwaysAuth"}, "true")
		y.add([]string{"npmPreapprovedPackages"}, approved...) // what was just published is not held back by its age
		if plain, _ := t.plain(); plain {
			y.add([]string{"unsafeHttpWhitelist"}, t.parsed().Hostname())
		}
		return y.text()
	}}}
}

func dockerConfig(t Target) []File {
	dir := cmp.Or(t.Env("DOCKER_CONFIG"), t.home(".docker"))
	return []File{{filepath.Join(dir, "config.json"), func(old string) (string, error) { return dockerAuth(old, t.parsed().Host, t.basic()) }}}
}

func dockerUse(t Target) []string {
	out := []string{fmt.Sprintf("docker push %s/%s/team/app:1.0", t.parsed().Host, t.Repository)}
	if plain, local := t.plain(); plain && !local {
		out = append(out, fmt.Sprintf(`The server has no TLS: the docker daemon needs "insecure-registries": [%q] in its daemon.json.`, t.parsed().Host))
	}
	return out
}

func helmConfig(t Target) []File {
	path := cmp.Or(t.Env("HELM_REGISTRY_CONFIG"), t.config("Library/Preferences", "helm", "registry", "config.json"))
	return []File{{path, func(old string) (string, error) { return dockerAuth(old, t.parsed().Host, t.basic()) }}}
}

func helmUse(t Target) []string {
	flag := ""
	if plain, _ := t.plain(); plain {
		flag = " --plain-http"
	}
	return []string{fmt.Sprintf("helm push%s chart-1.0.0.tgz oci://%s/%s/charts", flag, t.parsed().Host, t.Repository)}
}
