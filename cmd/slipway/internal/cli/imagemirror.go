package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"slipway/internal/lazyregexp"
)

// imageMirror is the mirror that the container tools of this machine are set up for: the first of Docker's daemon, else of the first
// registry that has one in registries.conf. conf is where the environment says that the latter is; "" is the usual places.
func imageMirror(home, conf string) (string, error) {
	daemons := []string{filepath.Join(home, ".config", "docker", "daemon.json"), "/etc/docker/daemon.json"}
	confs := []string{filepath.Join(home, ".config", "containers", "registries.conf"), "/etc/containers/registries.conf"}
	if conf != "" {
		daemons, confs = nil, []string{conf}
	}
	found := false
	for _, path := range append(daemons, confs...) {
		raw, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		found = true
		mirror := ""
		if filepath.Ext(path) == ".json" {
			mirror, err = daemonMirror(raw)
		} else {
			mirror = registriesMirror(string(raw))
		}
		if mirror != "" || err != nil {
			return mirror, err
		}
	}
	if !found {
		return "", fmt.Errorf("there is none of %s", strings.Join(append(daemons, confs...), ", "))
	}
	return "", errors.New("it has no mirror")
}

// daemonMirror is the first mirror in Docker's daemon.json.
func daemonMirror(raw []byte) (string, error) {
	var daemon struct {
		Mirrors []string `json:"registry-mirrors"`
	}
	if err := json.Unmarshal(raw, &daemon); err != nil {
		return "", fmt.Errorf("daemon.json: %w", err)
	}
	if len(daemon.Mirrors) == 0 {
		return "", nil
	}
	return daemon.Mirrors[0], nil
}

// Lines of registries.conf, as far as mirrors are concerned. The file is TOML.
var (
	confTable = lazyregexp.New(`^\s*\[\[?\s*([a-z.-]+)\s*\]\]?`)
	confKey   = lazyregexp.New(`^\s*(location|insecure)\s*=\s*(?:"([^"]*)"|'([^']*)'|(true|false))`)
)

// registriesMirror is the first mirror in registries.conf.
func registriesMirror(conf string) string {
	location, scheme, inside := "", "https", false
	for line := range strings.Lines(conf) {
		if table := confTable.FindStringSubmatch(line); table != nil {
			if location != "" {
				break
			}
			inside, scheme = table[1] == "registry.mirror", "https"
			continue
		}
		key := confKey.FindStringSubmatch(line)
		switch {
		case key == nil || !inside:
		case key[1] == "location":
			location = key[2] + key[3]
		case key[4] == "true":
			scheme = "http"
		}
	}
	if location == "" {
		return ""
	}
	return scheme + "://" + location
}
