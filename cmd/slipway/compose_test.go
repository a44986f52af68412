package main

import (
	"cmp"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/metadata/postgres/postgrestest"
	"slipway/storage/s3/s3test"
)

// composed is what the test reads of deploy/compose.yaml.
type composed struct {
	Services map[string]struct {
		Image       string
		Command     []string
		Environment map[string]string
		Volumes     []string
	}
}

// TestCompose: servers start with the environment that deploy/compose.yaml gives them, at another database and another S3 server, and every
// setting in it exists. The files that it names are there.
func TestCompose(t *testing.T) {
	t.Parallel() // it waits more than it works
	const folder = "../../deploy"
	text, err := os.ReadFile(filepath.Join(folder, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file composed
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	bucket, keys := s3test.New(t)
	database, key := postgrestest.Blank(t), filepath.Join(t.TempDir(), "log.key")
	servers := 0
	for name, service := range file.Services {
		for _, volume := range service.Volumes {
			if from, _, _ := strings.Cut(volume, ":"); strings.HasPrefix(from, ".") {
				if _, err := os.Stat(filepath.Join(folder, from)); err != nil {
					t.Error(err)
				}
			}
		}
		if !strings.HasPrefix(name, "server-") {
			continue
		}
		servers++
		s := commandtest.NewServer(t)
		generate := file.Services["keys"].Command
		s.Run(0, append(generate[:len(generate)-1:len(generate)-1], key)...)
		ours := map[string]string{"SLIPWAY_METADATA": database, "SLIPWAY_BLOBS": bucket, "SLIPWAY_LOG_KEY_FILE": key}
		for _, pair := range keys {
			variable, value, _ := strings.Cut(pair, "=")
			ours[variable] = value
		}
		for variable, value := range service.Environment {
			switch variable {
			case "SLIPWAY_LISTEN", "SLIPWAY_DATA", "SLIPWAY_ADMIN_PASSWORD": // the test's own, as flags
				continue
			case "SLIPWAY_METADATA", "SLIPWAY_BLOBS":
				if _, err := url.Parse(value); err != nil {
					t.Errorf("%s: %v", variable, err)
				}
			}
			s.Env = append(s.Env, variable+"="+cmp.Or(ours[variable], value))
		}
		s.Start()
		for variable := range service.Environment {
			if strings.Contains(s.Logs.String(), "no setting "+variable) {
				t.Errorf("%s: there is no setting %s", name, variable)
			}
		}
		token := s.Token("*", "read,publish")
		if code, body := s.Put(token, "/raw/main/"+name+"/1/file", []byte("x")); code != http.StatusCreated {
			t.Errorf("%s: %d %s", name, code, body)
		}
	}
	if servers != 3 {
		t.Errorf("%d servers", servers)
	}
}
