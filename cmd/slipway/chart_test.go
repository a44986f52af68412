package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/metadata/postgres/postgrestest"
	"slipway/storage/s3/s3test"
)

// The Helm chart, and the least that it must be told.
const chart = "../../deploy/helm/slipway"

var told = []string{"--set", "url=https://slipway.example.com", "--set", "database.url=postgres://slipway@db/slipway", "--set", "blobs.url=s3://packages/slipway?region=r"}

// TestChart: Helm 3 and 4 find nothing to complain of in the chart, refuse it without what it must be told, and make manifests of it, with
// everything that can be switched on, which the schemas of the oldest and the newest Kubernetes accept. With LONG=1.
func TestChart(t *testing.T) {
	if os.Getenv("SLIPWAY_TEST_LONG") == "" {
		t.Skip("with LONG=1: building Helm takes minutes")
	}
	clients := os.Getenv("SLIPWAY_CLIENTS")
	for _, helm := range []string{"helm", "helm-3"} {
		t.Run(helm, func(t *testing.T) {
			run := func(ok bool, args ...string) string {
				out, err := exec.Command(filepath.Join(clients, "oci", helm), args...).CombinedOutput()
				if (err == nil) != ok {
					t.Fatalf("%v: %v\n%s", args, err, out)
				}
				return string(out)
			}
			run(true, append([]string{"lint", chart, "--strict"}, told...)...)
			if out := run(false, "template", "x", chart); !strings.Contains(out, "url") || !strings.Contains(out, "s3://") {
				t.Errorf("without what it must be told: %s", out)
			}
			for _, more := range [][]string{nil, {"--set", "replicas=1"}, {"--set", "ingress.enabled=true,ingress.tlsSecret=cert,serviceMonitor.enabled=true," +
				"networkPolicy.enabled=true,settings.anonymous-read=true,settings.gc-interval=2h,blobs.existingSecret=,database.existingSecret=,admin.existingSecret="}} {
				manifests := filepath.Join(t.TempDir(), "manifests.yaml")
				out := run(true, append(append([]string{"template", "x", chart, "--kube-version", "1.25.0"}, told...), more...)...)
				if err := os.WriteFile(manifests, []byte(out), 0o600); err != nil {
					t.Fatal(err)
				}
				for _, version := range []string{"1.25.0", "1.37.0"} {
					validate(t, clients, version, manifests)
				}
				startAs(t, out)
			}
		})
	}
}

// validate compares manifests with the schemas of a version of Kubernetes.
func validate(t *testing.T, clients, version, manifests string) {
	cmd := exec.Command("python3", "-m", "kubernetes_validate", "--strict", "-k", version, manifests)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+filepath.Join(clients, "kubernetes-validate-1.37.0"))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "passed for resource deployment") {
		t.Errorf("Kubernetes %s: %v\n%s", version, err, out)
	}
}

// startAs starts a server with the environment of the deployment among manifests, and looks whether it knows all of it.
func startAs(t *testing.T, manifests string) {
	var deployment struct {
		Kind string
		Spec struct {
			Template struct {
				Spec struct {
					Containers []struct {
						Env []struct{ Name, Value string }
					}
				}
			}
		}
	}
	for dec := yaml.NewDecoder(strings.NewReader(manifests)); deployment.Kind != "Deployment"; {
		deployment.Kind = ""
		if err := dec.Decode(&deployment); err != nil {
			t.Fatal(err)
		}
	}
	bucket, keys := s3test.New(t)
	key := filepath.Join(t.TempDir(), "log.key")
	s := commandtest.NewServer(t)
	s.Run(0, "key", "generate", key)
	s.Env = append(s.Env, keys...)
	ours := map[string]string{"SLIPWAY_METADATA": postgrestest.Blank(t), "SLIPWAY_BLOBS": bucket, "SLIPWAY_LOG_KEY_FILE": key, "SLIPWAY_REPLICA": "pod-1"}
	var names []string
	for _, v := range deployment.Spec.Template.Spec.Containers[0].Env {
		if own, ok := ours[v.Name]; ok {
			v.Value = own
		}
		if v.Value != "" {
			s.Env = append(s.Env, v.Name+"="+v.Value)
		}
		names = append(names, v.Name)
	}
	s.Start()
	for _, name := range names {
		if strings.Contains(s.Logs.String(), "no setting "+name) {
			t.Errorf("there is no setting %s", name)
		}
	}
	if len(names) < 5 {
		t.Errorf("the deployment has only %q", names)
	}
	s.Terminate()
}
