package lockfiles

import (
	"net/url"
	"path"
	"strings"

	"github.com/BurntSushi/toml"

	"slipway/internal/lazyregexp"
)

// pythonFile is one distribution of a version: its name, which may only be known from its address, and a digest.
type pythonFile struct{ name, digest string }

// python adds a version of a project with those of its files that the filter selects. Files without a digest select nothing.
func (c *collector) python(name, version string, files []pythonFile) error {
	name = separators.Get().ReplaceAllString(strings.ToLower(name), "-")
	if name == "" || version == "" {
		return c.skip(name, "it has no name, or no version")
	}
	var digests []string
	for _, f := range files {
		if f.digest != "" && c.filter.wants(f.name) {
			digests = append(digests, f.digest)
		}
	}
	if len(files) > 0 && len(digests) == 0 {
		return c.skip(name+" "+version, "none of its files is for the platform that was asked for")
	}
	return c.add(purl("pypi", "", name, version), digests...)
}

var separators = lazyregexp.New(`[-_.]+`)

// wants reports whether a distribution may be installed by the interpreter and on the platform of the filter. A source distribution may.
func (f Filter) wants(file string) bool {
	stem, wheel := strings.CutSuffix(file, ".whl")
	parts := strings.Split(stem, "-")
	if !wheel || len(parts) < 5 {
		return true
	}
	pythons, abis, platforms := parts[len(parts)-3], parts[len(parts)-2], parts[len(parts)-1]
	return f.wantsPython(pythons, abis) && f.wantsPlatform(platforms)
}

func (f Filter) wantsPython(pythons, abis string) bool {
	if f.Python == "" {
		return true
	}
	for tag := range strings.SplitSeq(pythons, ".") {
		switch {
		case tag == f.Python, strings.HasPrefix(tag, "py3"):
			return true
		case strings.Contains(abis, "abi3") && strings.HasPrefix(tag, "cp3") && strings.HasPrefix(f.Python, "cp3") && minor(tag) <= minor(f.Python):
			return true
		}
	}
	return false
}

// minor is the minor version in a tag such as cp312.
func minor(tag string) int {
	n := 0
	for _, ch := range strings.TrimPrefix(tag, "cp3") {
		if ch < '0' || ch > '9' || n > 1000 {
			return n
		}
		n = 10*n + int(ch-'0')
	}
	return n
}

// machines are the names of architectures in platform tags of wheels.
var machines = map[string][]string{
	"amd64": {"x86_64", "amd64", "universal2"}, "arm64": {"aarch64", "arm64", "universal2"}, "386": {"i686", "win32"}, "arm": {"armv7l"},
	"ppc64le": {"ppc64le"}, "s390x": {"s390x"}, "riscv64": {"riscv64"},
}

// systems are the beginnings of platform tags of wheels.
var systems = map[string][]string{"linux": {"manylinux", "musllinux", "linux"}, "darwin": {"macosx"}, "windows": {"win"}}

func (f Filter) wantsPlatform(platforms string) bool {
	if f.Platform == "" || platforms == "any" {
		return true
	}
	system, machine, _ := strings.Cut(f.Platform, "/")
	for tag := range strings.SplitSeq(platforms, ".") {
		for _, begin := range systems[system] {
			for _, end := range machines[machine] {
				if strings.HasPrefix(tag, begin) && strings.HasSuffix(tag, end) {
					return true
				}
			}
		}
	}
	return false
}

// lastSegment is the file's name in an address or a path.
func lastSegment(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return path.Base(address)
	}
	return path.Base(u.Path)
}

// uvFile is a file of uv.lock.
type uvFile struct {
	URL  string `toml:"url"`
	Path string `toml:"path"` // of a registry that is a folder
	Hash string `toml:"hash"`
}

// filesOf is the files of a release; sdist is nil where there is none.
func filesOf[F interface{ file() pythonFile }](sdist *F, wheels []F) (files []pythonFile) {
	if sdist != nil {
		files = append(files, (*sdist).file())
	}
	for _, w := range wheels {
		files = append(files, w.file())
	}
	return files
}

func (f uvFile) file() pythonFile {
	if f.URL == "" {
		return pythonFile{path.Base(f.Path), colonDigest(f.Hash)}
	}
	return pythonFile{lastSegment(f.URL), colonDigest(f.Hash)}
}

// uvLock reads uv.lock.
func uvLock(c *collector, data []byte) error {
	var lock struct {
		Version int `toml:"version"`
		Package []struct {
			Name    string         `toml:"name"`
			Version string         `toml:"version"`
			Source  map[string]any `toml:"source"`
			Sdist   *uvFile        `toml:"sdist"`
			Wheels  []uvFile       `toml:"wheels"`
		} `toml:"package"`
	}
	if err := toml.Unmarshal(data, &lock); err != nil {
		return err
	}
	if lock.Version == 0 {
		return errShape
	}
	for _, p := range lock.Package {
		if _, ok := p.Source["registry"]; !ok {
			if _, here := p.Source["virtual"]; here || p.Source["editable"] != nil {
				continue // the project itself
			}
			if err := c.skip(p.Name, notRegistry); err != nil {
				return err
			}
			continue
		}
		if err := c.python(p.Name, p.Version, filesOf(p.Sdist, p.Wheels)); err != nil {
			return err
		}
	}
	return nil
}

// poetryFile is a file of poetry.lock and pdm.lock.
type poetryFile struct {
	File string `toml:"file"`
	URL  string `toml:"url"`
	Hash string `toml:"hash"`
}

// poetryLock reads poetry.lock and pdm.lock. Until version 1.2, Poetry kept the files in a table of their own.
func poetryLock(c *collector, data []byte) error {
	var lock struct {
		Package []struct {
			Name    string         `toml:"name"`
			Version string         `toml:"version"`
			Source  map[string]any `toml:"source"`
			Files   []poetryFile   `toml:"files"`
			Git     string         `toml:"git"`
			Path    string         `toml:"path"`
			URL     string         `toml:"url"`
		} `toml:"package"`
		Metadata struct {
			Files       map[string][]poetryFile `toml:"files"`
			ContentHash string                  `toml:"content-hash"`
			ContentPDM  string                  `toml:"content_hash"`
		} `toml:"metadata"`
	}
	if err := toml.Unmarshal(data, &lock); err != nil {
		return err
	}
	if lock.Metadata.ContentHash == "" && lock.Metadata.ContentPDM == "" {
		return errShape
	}
	for _, p := range lock.Package {
		kind, _ := p.Source["type"].(string)
		if kind != "" && kind != "legacy" || p.Git != "" || p.Path != "" || p.URL != "" {
			if err := c.skip(p.Name, notRegistry); err != nil {
				return err
			}
			continue
		}
		list := p.Files
		if len(list) == 0 {
			list = lock.Metadata.Files[p.Name]
		}
		var files []pythonFile
		for _, f := range list {
			name := f.File
			if name == "" {
				name = lastSegment(f.URL)
			}
			files = append(files, pythonFile{name, colonDigest(f.Hash)})
		}
		if err := c.python(p.Name, p.Version, files); err != nil {
			return err
		}
	}
	return nil
}

// pyFile is a file of pylock.toml (PEP 751).
type pyFile struct {
	Name   string            `toml:"name"`
	URL    string            `toml:"url"`
	Path   string            `toml:"path"`
	Hashes map[string]string `toml:"hashes"`
}

func (f pyFile) file() pythonFile {
	name := f.Name
	switch {
	case name != "":
	case f.URL != "":
		name = lastSegment(f.URL)
	default:
		name = path.Base(f.Path)
	}
	var digests []string
	for algorithm, digits := range f.Hashes {
		digests = append(digests, hexDigest(algorithm, digits))
	}
	return pythonFile{name, strongest(digests)}
}

// pyLock reads pylock.toml.
func pyLock(c *collector, data []byte) error {
	var lock struct {
		Version  string `toml:"lock-version"`
		Packages []struct {
			Name    string   `toml:"name"`
			Version string   `toml:"version"`
			Sdist   *pyFile  `toml:"sdist"`
			Wheels  []pyFile `toml:"wheels"`
		} `toml:"packages"`
	}
	if err := toml.Unmarshal(data, &lock); err != nil {
		return err
	}
	if lock.Version == "" {
		return errShape
	}
	for _, p := range lock.Packages {
		if p.Sdist == nil && len(p.Wheels) == 0 {
			if err := c.skip(p.Name, notRegistry); err != nil {
				return err
			}
			continue
		}
		if err := c.python(p.Name, p.Version, filesOf(p.Sdist, p.Wheels)); err != nil {
			return err
		}
	}
	return nil
}

var (
	pinned   = lazyregexp.New(`^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*={2,3}\s*([^\s;,*#]+)$`)
	named    = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9._-]*`)
	hashFlag = lazyregexp.New(`--hash[= ]\s*([A-Za-z0-9]+:[0-9A-Fa-f]+)`)
	comment  = lazyregexp.New(`(^|\s)#.*$`)
)

// requirements reads a requirements file of pip: of its lines, those that pin a version.
func requirements(c *collector, data []byte) error {
	text := strings.ReplaceAll(strings.ReplaceAll(string(data), "\r\n", "\n"), "\\\n", " ")
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(comment.Get().ReplaceAllString(line, ""))
		if line == "" {
			continue
		}
		if strings.HasPrefix(line, "-") {
			if flag, _, _ := strings.Cut(line, " "); flag == "-r" || flag == "-c" || flag == "-e" || strings.HasPrefix(flag, "--re") || flag == "--constraint" {
				if err := c.skip(line, "give that file on the command line too"); err != nil {
					return err
				}
			}
			continue
		}
		var digests []string
		for _, m := range hashFlag.Get().FindAllStringSubmatch(line, -1) {
			digests = append(digests, colonDigest(m[1]))
		}
		spec, _, _ := strings.Cut(line, " --")
		spec, _, _ = strings.Cut(spec, ";")
		m := pinned.Get().FindStringSubmatch(strings.TrimSpace(spec))
		var err error
		switch {
		case m != nil:
			var files []pythonFile
			for _, d := range digests {
				files = append(files, pythonFile{digest: d})
			}
			err = c.python(m[1], m[2], files)
		case named.Get().MatchString(line):
			err = c.skip(spec, "its version is not pinned with ==")
		default:
			err = errShape
		}
		if err != nil {
			return err
		}
	}
	return nil
}
