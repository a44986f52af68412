package upstreamtest

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"strings"
)

// dist is a Python distribution to be built.
type dist struct {
	project, version string
	spec             PyPIFile
}

// module is the name that it is imported by.
func (d dist) module() string { return strings.ReplaceAll(normalised(d.project), "-", "_") }

func (d dist) filename() string {
	switch {
	case d.spec.Filename != "":
		return d.spec.Filename
	case d.spec.Sdist:
		return d.module() + "-" + d.version + ".tar.gz"
	default:
		return d.module() + "-" + d.version + "-py3-none-any.whl"
	}
}

func (d dist) metadata() string {
	lines := []string{"Metadata-Version: 2.1", "Name: " + d.project, "Version: " + d.version, "Summary: made by upstreamtest"}
	if d.spec.RequiresPython != "" {
		lines = append(lines, "Requires-Python: "+d.spec.RequiresPython)
	}
	return strings.Join(append(lines, d.spec.Metadata...), "\n") + "\n"
}

// content is the module itself, by paths that begin with prefix.
func (d dist) content(prefix string) map[string]string {
	files := map[string]string{prefix + d.module() + ".py": fmt.Sprintf("version = %q\n", d.version)}
	if d.spec.Size > 0 {
		files[prefix+d.module()+".bin"] = string(padding(d.filename(), d.spec.Size))
	}
	return files
}

func (d dist) build() []byte {
	if d.spec.Sdist {
		return d.sdist()
	}
	return d.wheel()
}

const wheelFile = "Wheel-Version: 1.0\nGenerator: upstreamtest\nRoot-Is-Purelib: true\nTag: py3-none-any\n"

func (d dist) wheel() []byte {
	info := d.module() + "-" + d.version + ".dist-info/"
	files := d.content("")
	files[info+"METADATA"] = d.metadata()
	files[info+"WHEEL"] = wheelFile
	record := ""
	for _, path := range sorted(maps.Keys(files)) {
		sum := sha256.Sum256([]byte(files[path]))
		record += fmt.Sprintf("%s,sha256=%s,%d\n", path, base64.RawURLEncoding.EncodeToString(sum[:]), len(files[path]))
	}
	files[info+"RECORD"] = record + info + "RECORD,,\n"
	return zipped(files)
}

// backend builds a wheel of its own source distribution with nothing but Python.
const backend = `import os, zipfile
def build_wheel(directory, config_settings=None, metadata_directory=None):
    with open("PKG-INFO") as f:
        metadata = f.read()
    fields = dict(line.split(": ", 1) for line in metadata.splitlines() if ": " in line)
    name, version = fields["Name"].replace("-", "_").replace(".", "_").lower(), fields["Version"]
    wheel = "%s-%s-py3-none-any.whl" % (name, version)
    info = "%s-%s.dist-info/" % (name, version)
    with zipfile.ZipFile(os.path.join(directory, wheel), "w") as z:
        z.write(name + ".py")
        z.writestr(info + "METADATA", metadata)
        z.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: upstreamtest\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        z.writestr(info + "RECORD", "")
    return wheel
`

func (d dist) sdist() []byte {
	root := d.module() + "-" + d.version + "/"
	files := d.content(root)
	files[root+"PKG-INFO"] = d.metadata()
	files[root+"pyproject.toml"] = "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n"
	files[root+"backend.py"] = backend
	return tarball(files)
}
