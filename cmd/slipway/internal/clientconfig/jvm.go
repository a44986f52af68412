package clientconfig

import (
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

const emptySettings = `<?xml version="1.0" encoding="UTF-8"?>
<settings>
</settings>
`

func mavenSettings(t Target) []File {
	return []File{{t.home(".m2", "settings.xml"), func(old string) (string, error) {
		if strings.TrimSpace(old) == "" {
			old = emptySettings
		}
		url := escapeXML(t.base("maven"))
		repository := func(element string) string {
			return fmt.Sprintf("<%[1]s>\n          <id>%[2]s</id>\n          <url>%[3]s</url>\n          <snapshots><enabled>true</enabled></snapshots>\n        </%[1]s>", element, t.ID, url)
		}
		for _, part := range []struct{ list, item, block string }{
			{"servers", "server", fmt.Sprintf("<server>\n      <id>%s</id>\n      <username>%s</username>\n      <password>%s</password>\n    </server>", t.ID, User, escapeXML(t.Token))},
			{"profiles", "profile", fmt.Sprintf("<profile>\n      <id>%s</id>\n      <repositories>\n        %s\n      </repositories>\n      <pluginRepositories>\n        %s\n      </pluginRepositories>\n    </profile>",
				t.ID, repository("repository"), repository("pluginRepository"))},
			{"activeProfiles", "activeProfile", fmt.Sprintf("<activeProfile>%s</activeProfile>", t.ID)},
		} {
			var err error
			if old, err = setXML(old, part.list, part.item, t.ID, part.block); err != nil {
				return "", err
			}
		}
		return old, nil
	}}}
}

func mavenUse(t Target) []string {
	out := []string{
		fmt.Sprintf("mvn deploy -DaltDeploymentRepository=%s::%s", t.ID, t.base("maven")),
		fmt.Sprintf("or in the POM: <distributionManagement><repository><id>%s</id><url>%s</url></repository></distributionManagement>", t.ID, t.base("maven")),
	}
	if plain, local := t.plain(); plain && !local {
		out = append(out, "The server has no TLS: Maven 3.8.1 and newer block it; give the server a certificate.")
	}
	return out
}

// escapeXML is text for XML's content.
func escapeXML(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}

// span is a part of a text.
type span struct{ from, to int64 }

// setXML puts an item into a list that is a child of a file's root, in the place of the item with the same id, and leaves
// everything else as it is, comments too. An item without an <id> of its own is its own id.
func setXML(text, list, item, id, block string) (string, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict = true
	var path []string
	var start, content int64 = -1, -1 // of the item that is read; of the list
	var same bool
	var found *span
	end := int64(-1) // where the list ends
	rootEnd := int64(-1)
	for {
		before := d.InputOffset()
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("it can't be read: %w", err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			path = append(path, e.Name.Local)
			if len(path) == 2 && e.Name.Local == list {
				content = d.InputOffset()
			}
			if len(path) == 3 && path[1] == list && e.Name.Local == item {
				start, same = before, false
			}
		case xml.CharData:
			depth := 4
			if len(path) == 3 {
				depth = 3
			}
			if len(path) == depth && start >= 0 && (depth == 3 || path[3] == "id") && strings.TrimSpace(string(e)) == id {
				same = true
			}
		case xml.EndElement:
			switch {
			case len(path) == 3 && start >= 0:
				if same && found == nil {
					found = &span{start, d.InputOffset()}
				}
				start = -1
			case len(path) == 2 && path[1] == list && end < 0:
				end = before
			case len(path) == 1:
				rootEnd = before
			}
			path = path[:len(path)-1]
		}
	}
	if found != nil {
		return text[:found.from] + block + text[found.to:], nil
	}
	return addXML(text, list, block, content, end, rootEnd)
}

// addXML adds a block to a list whose content begins at one offset and ends at another, or adds the list, too, in front of the end of the
// document's root: -1 where there is none.
func addXML(text, list, block string, content, end, rootEnd int64) (string, error) {
	switch {
	case end >= 0 && end >= content && strings.HasPrefix(text[end:], "</"):
		at := len(strings.TrimRight(text[:end], " \t\n"))
		return text[:at] + "\n    " + block + "\n  " + text[end:], nil
	case end >= 0: // <list/>
		from := strings.LastIndex(text[:content], "<")
		return text[:from] + fmt.Sprintf("<%s>\n    %s\n  </%s>", list, block, list) + text[content:], nil
	case rootEnd >= 0 && strings.HasPrefix(text[rootEnd:], "</"):
		at := len(strings.TrimRight(text[:rootEnd], " \t\n"))
		return text[:at] + fmt.Sprintf("\n  <%s>\n    %s\n  </%s>\n", list, block, list) + text[rootEnd:], nil
	default:
		return "", errors.New("it has no <settings>…</settings>")
	}
}

// gradleScript adds the repository to every build: to read from, and for maven-publish to publish to. It reads the
// properties, so that the token is in one file.
const gradleScript = `// Written by "slipway login gradle"; the address and the token are in gradle.properties beside this folder.
def own = new Properties()
new File(gradle.gradleUserHomeDir, 'gradle.properties').withInputStream { own.load(it) }
def add = { handler ->
    handler.maven { repository ->
        repository.name = '%[1]s'
        repository.url = own.getProperty('%[1]sUrl')
        if (repository.hasProperty('allowInsecureProtocol')) {
            repository.allowInsecureProtocol = own.getProperty('%[1]sUrl').startsWith('http:')
        }
        repository.credentials { login ->
            login.username = own.getProperty('%[1]sUsername')
            login.password = own.getProperty('%[1]sPassword')
        }
        repository.authentication { schemes -> schemes.create('basic', BasicAuthentication) }
    }
}
def bySettings = false
gradle.settingsEvaluated { settings ->
    if (settings.hasProperty('dependencyResolutionManagement')) {
        def management = settings.dependencyResolutionManagement
        bySettings = management.repositoriesMode.get().name() != 'PREFER_PROJECT'
        if (bySettings) { add(management.repositories) }
    }
}
gradle.allprojects { project ->
    if (!bySettings) { add(project.repositories) }
    project.plugins.withId('maven-publish') {
        project.publishing { extension -> add(extension.repositories) }
    }
}
`

func gradleFiles(t Target) []File {
	dir := cmp.Or(t.Env("GRADLE_USER_HOME"), t.home(".gradle"))
	return []File{
		{filepath.Join(dir, "gradle.properties"), func(old string) (string, error) {
			out := setLine(old, t.ID+"Url", t.base("maven"))
			out = setLine(out, t.ID+"Username", User)
			return setLine(out, t.ID+"Password", t.Token), nil
		}},
		{filepath.Join(dir, "init.d", t.ID+".gradle"), func(string) (string, error) { return fmt.Sprintf(gradleScript, t.ID), nil }},
	}
}

func gradleUse(Target) []string {
	return []string{"gradle publish (with the plugin maven-publish)"}
}
