package api_test

import (
	"net/http"
	"testing"
	"time"

	"slipway/api"
	"slipway/formats/formatstest"
	webapi "slipway/web/api"
)

// TestServer: the server tells its version, its health, its settings, its duties and the last backup.
func TestServer(t *testing.T) {
	t.Parallel()
	moment := "2026-01-02T03:04:05Z"
	o := webapi.Options{Version: "1.4.0", Commit: "4f2a9c1d", Configuration: []api.ConfigurationSetting{{Name: "listen", Value: "127.0.0.1:8080", Source: "flag", About: "where"}},
		LastBackup: func() (api.MaintenanceRun, bool, error) {
			return api.MaintenanceRun{Kind: "backup", State: "finished", EndedAt: &moment, Backup: &api.BackupReport{Blobs: 3}}, true, nil
		}}
	a := &env{formatstest.NewServer(t, formatstest.Options{}, webapi.New(o)), t}
	var status api.ServerStatus
	a.want(200, "GET", "/status", "", &status)
	if !status.Ready || !status.Writable || status.Version != "1.4.0" || status.Commit != "4f2a9c1d" || status.Instance == "" || status.StartedAt == "" {
		t.Errorf("%+v", status)
	}
	var settings api.List[api.ConfigurationSetting]
	a.want(200, "GET", "/configuration", "", &settings)
	if len(settings.Items) != 1 || settings.Items[0] != o.Configuration[0] {
		t.Errorf("%+v", settings)
	}
	var duties api.List[api.Duty]
	a.want(200, "GET", "/duties", "", &duties)
	if len(duties.Items) < 4 || duties.Items[0].Name != "collect" || duties.Items[0].Holder == "" || duties.Items[0].Epoch != 1 || duties.Items[0].About == "" {
		t.Errorf("%+v", duties)
	}
	var cluster api.Cluster
	a.want(200, "GET", "/cluster", "", &cluster)
	if len(cluster.Members) != 1 || cluster.Instance != status.Instance {
		t.Fatalf("%+v", cluster)
	}
	if one := cluster.Members[0]; !one.Self || one.Name != "" || one.Version != "1.4.0" || one.Since == nil || *one.Since != status.StartedAt || one.Until != nil || len(one.Duties) != len(duties.Items) {
		t.Errorf("%+v", one)
	}
	if run := a.maintenance("backup"); run.Backup == nil || run.Backup.Blobs != 3 {
		t.Errorf("%+v", run)
	}
}

// maintenance returns the last run of a kind.
func (e *env) maintenance(kind string) api.MaintenanceRun {
	e.t.Helper()
	var list api.List[api.MaintenanceRun]
	e.want(200, "GET", "/maintenance", "", &list)
	for _, run := range list.Items {
		if run.Kind == kind {
			return run
		}
	}
	return api.MaintenanceRun{}
}

// TestMaintenance: a run goes on after the request that begins it, and its result stays; one that waits for its end is kept too.
func TestMaintenance(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.publish("lib", "1.0.0")
	for _, kind := range []string{"look", "check", "collect"} {
		var begun api.MaintenanceRun
		a.want(202, "POST", "/maintenance", `{"kind":"`+kind+`"}`, &begun)
		if begun.Kind != kind || begun.State != "running" || begun.By != "token test of user admin" {
			t.Errorf("%+v", begun)
		}
		deadline := time.Now().Add(time.Minute)
		run := a.maintenance(kind)
		for run.State == "running" && time.Now().Before(deadline) {
			time.Sleep(5 * time.Millisecond)
			run = a.maintenance(kind)
		}
		if run.State != "finished" || run.EndedAt == nil || run.By != begun.By {
			t.Errorf("%+v", run)
		}
		switch kind {
		case "look":
			if r := run.Collection; r == nil || !r.DryRun || r.InUse != 1 || r.InUseBytes == 0 || r.Restorable+r.Recent+r.Blobs != 0 {
				t.Errorf("%+v", r)
			}
		case "check":
			if c := run.Check; c == nil || c.Wrong != 0 || c.Versions != 1 {
				t.Errorf("%+v", c)
			}
		case "collect":
			if r := run.Collection; r == nil || r.DryRun {
				t.Errorf("%+v", r)
			}
		}
	}
	a.want(http.StatusNoContent, "DELETE", packages+"/lib/versions/1.0.0", "", nil)
	var report api.CollectionReport
	a.want(200, "POST", "/gc", `{"dry_run":true,"deleted_grace":"168h"}`, &report)
	if kept := a.maintenance("look").Collection; report.Restorable != 1 || report.RestorableBytes == 0 || report.InUse != 0 || kept == nil || *kept != report {
		t.Errorf("%+v, kept %+v", report, kept)
	}
	a.want(200, "POST", "/gc", `{"dry_run":true,"deleted_grace":"0s"}`, &report)
	if report.Recent != 1 || report.Restorable != 0 {
		t.Errorf("%+v", report)
	}
	a.want(400, "POST", "/maintenance", `{"kind":"backup"}`, nil)
}
