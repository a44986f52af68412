package load_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"slipway/bench/load"
	"slipway/formats/all"
	"slipway/formats/formatstest"
	"slipway/registry/access"
	"slipway/web/api"
)

func newServer(t *testing.T) (*formatstest.Server, *load.Target) {
	t.Helper()
	mounts := []formatstest.Mounter{api.New(api.Options{})}
	for _, f := range all.All() {
		mounts = append(mounts, f)
	}
	s := formatstest.NewServer(t, formatstest.Options{}, mounts...)
	target, err := load.NewTarget(s.URL, s.Token("*", access.Read, access.Publish, access.Tag))
	if err != nil {
		t.Fatal(err)
	}
	return s, target
}

func sizes() load.Sizes {
	return load.Sizes{Repository: "main", Names: "try", Versions: 5, Packages: 3, SmallBytes: 2000, LayerBytes: 5000}
}

// TestSuite: every unit of every protocol succeeds against the real server, several at a time, and fsck finds the store
// clean afterwards.
func TestSuite(t *testing.T) {
	s, target := newServer(t)
	d := load.NewDriver(target, 1)
	for i, name := range load.NewSuite(sizes()).Units() {
		own := sizes()
		own.Names += fmt.Sprint(i)
		mix, err := load.NewSuite(own).Mix(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Prepare(t.Context(), mix); err != nil {
			t.Fatal(err)
		}
		r, err := d.Run(t.Context(), mix.Shares(), load.Options{Clients: 3, Units: 12})
		if err != nil {
			t.Fatal(err)
		}
		got := &r.Results[0]
		if got.Unit != name || got.Times.Count() != 12 || got.Errors != 0 || got.Bytes == 0 && name != "tag.set" {
			t.Errorf("%s: %d done, %d failed, %d bytes: %v", got.Unit, got.Times.Count(), got.Errors, got.Bytes, got.FirstFail)
		}
	}
	s.MustFsck(t)
}

// TestMix: units by name and weight, protocols with all of their units, everything by default.
func TestMix(t *testing.T) {
	suite := load.NewSuite(sizes())
	for text, want := range map[string]string{
		"raw.put=7": "raw.put=7", "raw": "raw.put=3 raw.get=5", " oci.manifest , raw=2": "oci.manifest=10 raw.put=2 raw.get=2",
	} {
		mix, err := suite.Mix(text)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range mix.Shares() {
			got = append(got, fmt.Sprintf("%s=%d", s.Name, s.Weight))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q is %v, want %s", text, got, want)
		}
	}
	if all, err := suite.Mix(""); err != nil || len(all.Shares()) != len(suite.Units()) {
		t.Errorf("the default mix: %v", err)
	}
	for _, text := range []string{"cargo", "npm=0", "npm=x", "npm=2000000000", "npm.publish=1,npm", "raw.put,raw.put", ","} {
		if _, err := suite.Mix(text); err == nil {
			t.Errorf("%q is a mix", text)
		}
	}
}

// TestRun: a run ends at its bound, by its context, or when nothing works; a failure among successes is counted.
func TestRun(t *testing.T) {
	_, target := newServer(t)
	d := load.NewDriver(target, 1)
	fine := load.Unit{Name: "fine", Do: func(context.Context, *load.Worker) (int64, error) { return 1, nil }}
	broken := load.Unit{Name: "broken", Do: func(context.Context, *load.Worker) (int64, error) { return 0, errors.New("broken") }}
	seen := int64(0)
	r, err := d.Run(t.Context(), []load.Share{{Unit: fine, Weight: 3}, {Unit: broken, Weight: 1}}, load.Options{
		Clients: 4, Duration: 500 * time.Millisecond, Progress: func(done int64, _ time.Duration) { seen = done },
	})
	if err != nil || seen == 0 || r.Elapsed < 500*time.Millisecond || r.Results[0].Errors > 0 || r.Results[1].Errors == 0 || r.Results[1].FirstFail == nil {
		t.Errorf("a mix of both: %v, %d seen", err, seen)
	}
	if share := float64(r.Results[1].Errors) / float64(r.Results[0].Times.Count()); share < 0.25 || share > 0.45 {
		t.Errorf("one of four is %v of three of four", share)
	}
	if _, err := d.Run(t.Context(), []load.Share{{Unit: broken, Weight: 1}}, load.Options{Clients: 2, Duration: time.Minute}); err == nil {
		t.Error("a run in which nothing works goes on")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := d.Run(ctx, []load.Share{{Unit: fine, Weight: 1}}, load.Options{Clients: 2, Duration: time.Minute}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a run that was ended: %v", err)
	}
}
