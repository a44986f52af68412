package registry_test

import (
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"testing"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/instance"
	"slipway/registry/registrytest"
)

// lane is the type of a setting with rules of its own.
type lane string

func (l *lane) UnmarshalJSON(raw []byte) error {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	if s != "" && s != "fast" && s != "slow" {
		return registry.Errorf(registry.Invalid, registry.AboutRequest, "test_lane is fast or slow")
	}
	*l = lane(s)
	return nil
}

var (
	testLane  = registry.NewSetting[lane]("test_lane", "Lane", "How it goes.")
	testCount = registry.NewSetting[int]("test_count", "Count", "How many.")
)

// settle gives the test format settings.
func settle(c *instance.Config) {
	c.Rules = maps.Clone(c.Rules)
	rules := c.Rules[registrytest.Format]
	rules.Settings = []registry.Setting{testLane.Setting, testCount.Setting}
	c.Rules[registrytest.Format] = rules
}

// TestSettings: a repository keeps the settings of its formats, each as its format checks it.
func TestSettings(t *testing.T) {
	e := registrytest.New(t, registrytest.With(settle))
	set := func(settings map[string]any) error {
		_, err := e.Core.UpdateRepository(e.Admin, "main", registry.RepositoryChange{Settings: settings})
		return err
	}
	repository := func() registry.Repository {
		t.Helper()
		r, err := e.Core.Repository(e.Admin, "main")
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := repository(); testLane.In(r) != "" || testCount.In(r) != 0 || registry.AllowReuse.In(r) {
		t.Errorf("not at the defaults: %s", r.Settings)
	}
	if err := set(map[string]any{"test_lane": "fast", "test_count": json.RawMessage(" 3 "), "allow_reuse": true}); err != nil {
		t.Fatal(err)
	}
	if r := repository(); testLane.In(r) != "fast" || testCount.In(r) != 3 || !registry.AllowReuse.In(r) {
		t.Errorf("stored: %s", r.Settings)
	}
	for _, c := range []struct {
		name, detail string
		value        any
	}{
		{"test_lane", "test_lane is fast or slow", "other"}, {"test_lane", `the field "test_lane" can't be a number`, 1},
		{"test_count", `the field "test_count" can't be a string`, "3"}, {"test_count", `the field "test_count" can't be a number 1.5`, 1.5},
		{"allow_reuse", `the field "allow_reuse" can't be a array`, []int{}}, {"raw_redeploy", `unknown field "raw_redeploy"`, true}, {"", `unknown field ""`, 1},
	} {
		err := set(map[string]any{"allow_reuse": false, c.name: c.value})
		if registry.KindOf(err) != registry.Invalid || registry.AsError(err).Detail != c.detail {
			t.Errorf("%s %v: %v, want %s", c.name, c.value, err, c.detail)
		}
	}
	if r := repository(); string(r.Settings) != `{"allow_reuse":true,"test_count":3,"test_lane":"fast"}` {
		t.Errorf("after what was refused: %s", r.Settings)
	}
	if err := set(map[string]any{"test_lane": "", "test_count": nil, "allow_reuse": false}); err != nil {
		t.Fatal(err)
	}
	r := repository()
	if string(r.Settings) != `{"test_count":3}` {
		t.Errorf("null leaves a setting as it is, and its default takes it away: %s", r.Settings)
	}
	if got := e.Core.Rules.SettingsIn(r); !reflect.DeepEqual(got, map[string]any{"allow_reuse": false, "strict_order": false, "strict_record": false, "tag_rules": registry.TagRuleList(nil), "test_count": 3, "test_lane": lane("")}) {
		t.Errorf("%v", got)
	}
}

// TestForeignSettings: what a row says of a format that is not there stays, and what no format can read is its default.
func TestForeignSettings(t *testing.T) {
	e := registrytest.New(t, registrytest.With(settle))
	store := func(settings string) {
		t.Helper()
		err := e.Metadata.Update(context.Background(), func(tx metadata.Tx) error {
			r, err := tx.Repositories().Repository("main")
			if err != nil {
				return err
			}
			r.Settings = []byte(settings)
			return tx.Repositories().UpdateRepository(r)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	store(`{"test_count":"many","test_lane":"slow","gone_mode":{"a":1}}`)
	r, err := e.Core.UpdateRepository(e.Admin, "main", registry.RepositoryChange{Settings: map[string]any{"allow_reuse": true}})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"allow_reuse":true,"gone_mode":{"a":1},"test_count":"many","test_lane":"slow"}`; string(r.Settings) != want {
		t.Errorf("%s, want %s", r.Settings, want)
	}
	if testCount.In(r) != 0 || testLane.In(r) != "slow" || e.Core.Rules.SettingsIn(r)["test_count"] != 0 || e.Core.Rules.SettingsIn(r)["gone_mode"] != nil {
		t.Errorf("%v", e.Core.Rules.SettingsIn(r))
	}
}

// TestSettingTwice: two formats can't have a setting of one name.
func TestSettingTwice(t *testing.T) {
	e := registrytest.New(t)
	cfg := e.Config
	settle(&cfg)
	cfg.Rules["other"] = registry.Rules{Settings: []registry.Setting{testLane.Setting}}
	if _, err := instance.New(context.Background(), cfg); err == nil || !strings.Contains(err.Error(), `two formats have a setting "test_lane"`) {
		t.Errorf("%v", err)
	}
}
