package ui

import (
	"bytes"
	"embed"
	"net"
	"net/url"
	"strings"
	"text/template"
)

// setupFiles hold the lines with which clients are set up, one file per client. They are text: the page escapes them.
//
//go:embed page/setup/*.txt
var setupFiles embed.FS

// setupLines are the parsed files. Values are a repository's name and the parts of an address, which BaseURL has checked.
var setupLines = template.Must(template.ParseFS(setupFiles, "page/setup/*.txt"))

// setupGroup is one kind of client on the page.
type setupGroup struct {
	ID, Title, About string
	Clients          []setupClient
}

// setupClient is one client with blocks of text to copy. File is where a block belongs; empty: into a shell.
type setupClient struct {
	ID, Name string
	Blocks   []setupBlock
}

type setupBlock struct {
	About, File, Text string
}

// address is what the lines are made of.
type address struct {
	Base       string // http://host:port/prefix
	Host       string // host:port
	Path       string // /prefix, or ""
	Repository string
	Plain      bool // http, and not on the visitor's own machine: clients want to be told
	HTTP       bool
}

func addressOf(base, repository string) address {
	a := address{Base: base, Repository: repository}
	u, err := url.Parse(base)
	if err != nil { // BaseURL has checked it
		return a
	}
	a.Host, a.Path, a.HTTP = u.Host, u.EscapedPath(), u.Scheme == "http"
	ip := net.ParseIP(u.Hostname())
	a.Plain = a.HTTP && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
	return a
}

// HostName is the host without its port.
func (a address) HostName() string {
	u := url.URL{Host: a.Host}
	return u.Hostname()
}

// setupOf makes the lines for a repository of the server at a base URL.
func setupOf(base, repository string) []setupGroup {
	a := addressOf(base, repository)
	out := make([]setupGroup, len(setupTable))
	for i, g := range setupTable {
		out[i] = g
		out[i].Clients = make([]setupClient, len(g.Clients))
		for j, c := range g.Clients {
			out[i].Clients[j] = setupClient{ID: c.ID, Name: c.Name, Blocks: a.blocks(c)}
		}
	}
	return out
}

// blocks fills in the texts of a client; a text that comes out empty does not apply.
func (a address) blocks(c setupClient) []setupBlock {
	var out []setupBlock
	for _, block := range c.Blocks {
		var b bytes.Buffer
		if err := setupLines.ExecuteTemplate(&b, block.Text+".txt", a); err != nil {
			panic(err) // a fault of ours, found by any test
		}
		if block.Text = strings.TrimSpace(b.String()); block.Text != "" {
			out = append(out, block)
		}
	}
	return out
}

// setupTable says what the page shows and in which order. A block's Text is the name of its file.
var setupTable = []setupGroup{
	{ID: "javascript", Title: "JavaScript", About: "Packages of npm, pnpm, Yarn and Bun.", Clients: []setupClient{
		{ID: "npm", Name: "npm, pnpm, Bun", Blocks: []setupBlock{
			{About: "In your project's or your own", File: ".npmrc", Text: "npmrc"}, {About: "Then", Text: "npm"}}},
		{ID: "yarn", Name: "Yarn", Blocks: []setupBlock{
			{About: "Yarn 2 and newer:", File: ".yarnrc.yml", Text: "yarnrc"}, {About: "Yarn 1: the lines of npm, and in", File: ".npmrc", Text: "yarn1"}}},
	}},
	{ID: "python", Title: "Python", About: "Wheels and source distributions.", Clients: []setupClient{
		{ID: "pip", Name: "pip", Blocks: []setupBlock{
			{About: "In", File: "pip.conf", Text: "pip"}, {About: "The token, in", File: "~/.netrc", Text: "netrc"}}},
		{ID: "uv", Name: "uv", Blocks: []setupBlock{
			{About: "In", File: "pyproject.toml", Text: "uv"}, {About: "Then", Text: "uv-publish"}}},
		{ID: "twine", Name: "twine", Blocks: []setupBlock{{About: "Upload with", Text: "twine"}}},
	}},
	{ID: "java", Title: "Java", About: "Releases and snapshots, deployed and resolved at one address.", Clients: []setupClient{
		{ID: "maven", Name: "Maven", Blocks: []setupBlock{
			{About: "The token, in", File: "~/.m2/settings.xml", Text: "settings"}, {About: "The repository, in", File: "pom.xml", Text: "pom"}}},
		{ID: "gradle", Name: "Gradle", Blocks: []setupBlock{{About: "In", File: "build.gradle", Text: "gradle"}}},
	}},
	{ID: "containers", Title: "Containers and charts", About: "Images and everything else that speaks OCI.", Clients: []setupClient{
		{ID: "docker", Name: "Docker", Blocks: []setupBlock{{About: "Log in, push and pull", Text: "docker"}, {About: "This address has no TLS. In", File: "/etc/docker/daemon.json", Text: "docker-daemon"}}},
		{ID: "helm", Name: "Helm", Blocks: []setupBlock{{About: "Push a chart", Text: "helm"}}},
		{ID: "oras", Name: "ORAS", Blocks: []setupBlock{{About: "Push any file", Text: "oras"}}},
	}},
	{ID: "files", Title: "Any file", About: "A path is package, version and file.", Clients: []setupClient{
		{ID: "curl", Name: "curl", Blocks: []setupBlock{{About: "Up and down", Text: "curl"}}},
	}},
}
