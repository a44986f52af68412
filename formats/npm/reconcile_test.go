package npm

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func obj(t testing.TB, s string) object {
	t.Helper()
	o, err := parseObject([]byte(s))
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return o
}

func fieldsOf(differs []difference) string {
	var names []string
	for _, d := range differs {
		names = append(names, d.Field)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// TestReconcileLegitimate: what clients rewrite while publishing (npm.md 5.5) is no difference, and is served as sent.
func TestReconcileLegitimate(t *testing.T) {
	gyp := contents{hasGyp: true}
	for what, c := range map[string]struct {
		tar, sent string
		with      contents
	}{
		"bin text to map":           {`{"name":"@acme/web","bin":"./cli.js"}`, `{"name":"@acme/web","bin":{"web":"cli.js"}}`, contents{}},
		"bin paths":                 {`{"name":"a","bin":{"x":"./bin/x","@s/y":"bin\\y"}}`, `{"name":"a","bin":{"x":"bin/x","y":"bin/y"}}`, contents{}},
		"bin list":                  {`{"name":"a","bin":["bin/x"]}`, `{"name":"a","bin":{"x":"bin/x"}}`, contents{}},
		"bin directory":             {`{"name":"a","directories":{"bin":"./tools"}}`, `{"name":"a","directories":{"bin":"./tools"},"bin":{"x":"tools/x"}}`, contents{}},
		"bundled spelling":          {`{"bundledDependencies":["b","a"]}`, `{"bundleDependencies":["a","b"]}`, contents{}},
		"bundled all":               {`{"bundleDependencies":true,"dependencies":{"a":"1"}}`, `{"bundleDependencies":["a"],"dependencies":{"a":"1"}}`, contents{}},
		"bundled all and optional":  {`{"bundleDependencies":true,"dependencies":{"a":"1"},"optionalDependencies":{"b":"1"}}`, `{"bundleDependencies":["a","b"],"dependencies":{"a":"1","b":"1"},"optionalDependencies":{"b":"1"}}`, contents{}},
		"bundled none":              {`{"bundleDependencies":false}`, `{"bundleDependencies":[]}`, contents{}},
		"optional added":            {`{"dependencies":{"a":"1"},"optionalDependencies":{"b":"1"}}`, `{"dependencies":{"a":"1","b":"1"},"optionalDependencies":{"b":"1"}}`, contents{}},
		"optional taken out":        {`{"dependencies":{"a":"1","b":"1"},"optionalDependencies":{"b":"1"}}`, `{"dependencies":{"a":"1"},"optionalDependencies":{"b":"1"}}`, contents{}},
		"os text":                   {`{"os":"linux","cpu":["x64"]}`, `{"os":["linux"],"cpu":["x64"]}`, contents{}},
		"implicit gyp":              {`{"scripts":{"test":"x"}}`, `{"scripts":{"test":"x","install":"node-gyp rebuild"},"gypfile":true}`, gyp},
		"implicit gyp, not sent":    {`{}`, `{}`, gyp},
		"script path":               {`{"scripts":{"postinstall":"node_modules/.bin/x y"}}`, `{"scripts":{"postinstall":"x y"}}`, contents{}},
		"empty maps":                {`{"dependencies":{},"bin":"","engines":null}`, `{}`, contents{}},
		"not a text":                {`{"dependencies":{"a":"1","b":3}}`, `{"dependencies":{"a":"1"}}`, contents{}},
		"fields that do not matter": {`{"readme":"x","main":"a","author":"me"}`, `{"main":"b","author":{"name":"me"},"gitHead":"x"}`, contents{}},
		"other scripts":             {`{"scripts":{"start":"a"}}`, `{"scripts":{"start":"node server.js"}}`, contents{}},
		"owner and repository":      {`{"dependencies":{"a":"acme/a"}}`, `{"dependencies":{"a":"github:acme/a"}}`, contents{}},
		"order":                     {`{"dependencies":{"a":"1","b":"2"}}`, `{"dependencies":{"b":"2","a":"1"}}`, contents{}},
	} {
		c.with.manifest = obj(t, c.tar)
		sent := obj(t, c.sent)
		got, differs := reconcile(sent, c.with)
		if len(differs) > 0 || string(wrap(got)) != string(wrap(sent)) {
			t.Errorf("%s: differs in %q, served %s", what, fieldsOf(differs), wrap(got))
		}
	}
}

// TestS16 (incidents.md): what is served is what the tarball holds, field by field, whatever was sent.
func TestS16(t *testing.T) {
	const innocent = `{"name":"web","version":"1.0.0"}`
	for what, c := range map[string]struct {
		tar, sent, want, differs string
		with                     contents
	}{
		"hidden dependency": {
			`{"name":"web","dependencies":{"evil":"1"}}`, innocent,
			`{"name":"web","version":"1.0.0","dependencies":{"evil":"1"}}`, "dependencies", contents{}},
		"claimed dependency": {`{"name":"web"}`, `{"name":"web","dependencies":{"a":"1"}}`, `{"name":"web"}`, "dependencies", contents{}},
		"other range": {`{"dependencies":{"a":"^1"}}`, `{"x":1,"dependencies":{"a":"^2"},"y":2}`,
			`{"x":1,"dependencies":{"a":"^1"},"y":2}`, "dependencies", contents{}},
		"hidden script": {`{"scripts":{"postinstall":"evil","test":"t"}}`, `{"scripts":{"test":"t"}}`,
			`{"scripts":{"postinstall":"evil","test":"t"}}`, "scripts", contents{}},
		"claimed script":    {`{}`, `{"scripts":{"install":"x"}}`, `{}`, "scripts", contents{}},
		"script beside gyp": {`{}`, `{"scripts":{"install":"x"}}`, `{"scripts":{"install":"node-gyp rebuild"}}`, "scripts", contents{hasGyp: true}},
		"gyp refused":       {`{"gypfile":false}`, `{"scripts":{"install":"node-gyp rebuild"}}`, `{}`, "scripts", contents{hasGyp: true}},
		"bin":               {`{"name":"web","bin":"a.js"}`, `{"name":"web","bin":{"ls":"a.js"}}`, `{"name":"web","bin":{"web":"a.js"}}`, "bin", contents{}},
		"bin outside of the directory": {`{"name":"web","directories":{"bin":"b"}}`, `{"name":"web","bin":{"x":"b/x","y":"c/y"}}`,
			`{"name":"web"}`, "bin", contents{}},
		"engines and platforms": {`{"engines":{"node":">=18"},"os":["linux"],"libc":["musl"]}`, `{"engines":{"node":">=4"},"cpu":["x64"]}`,
			`{"engines":{"node":">=18"},"os":["linux"],"libc":["musl"]}`, "cpu engines libc os", contents{}},
		"peers": {`{"peerDependencies":{"a":"1"},"peerDependenciesMeta":{"a":{"optional":true}}}`, `{"peerDependencies":{"a":"1"}}`,
			`{"peerDependencies":{"a":"1"},"peerDependenciesMeta":{"a":{"optional":true}}}`, "peerDependenciesMeta", contents{}},
		"bundled": {`{"bundledDependencies":["a"]}`, `{"bundleDependencies":["b"]}`, `{"bundleDependencies":["a"]}`, "bundleDependencies", contents{}},
	} {
		c.with.manifest = obj(t, c.tar)
		sent := obj(t, c.sent)
		got, differs := reconcile(sent, c.with)
		if string(wrap(got)) != c.want || fieldsOf(differs) != c.differs {
			t.Errorf("%s: served %s, differs in %q; want %s, %q", what, wrap(got), fieldsOf(differs), c.want, c.differs)
		}
		if string(wrap(sent)) != string(wrap(obj(t, c.sent))) {
			t.Errorf("%s: the argument was changed", what)
		}
		again, differs := reconcile(got, c.with)
		if len(differs) > 0 || string(wrap(again)) != string(wrap(got)) {
			t.Errorf("%s: what is served still differs in %q", what, fieldsOf(differs))
		}
	}
}

func TestHasInstallScript(t *testing.T) {
	for _, c := range []struct {
		manifest string
		gyp      bool
		want     bool
	}{
		{`{}`, false, false}, {`{"scripts":{"test":"x"}}`, false, false}, {`{"scripts":{"preinstall":"x"}}`, false, true},
		{`{"scripts":{"install":"x"}}`, false, true}, {`{"scripts":{"postinstall":"x"}}`, false, true}, {`{"scripts":{"prepare":"x"}}`, false, false},
		{`{}`, true, true}, {`{"gypfile":false}`, true, false}, {`{"gypfile":false,"scripts":{"install":"x"}}`, true, true}, {`{"scripts":{"install":""}}`, false, false},
	} {
		if got := hasInstallScript(contents{manifest: obj(t, c.manifest), hasGyp: c.gyp}); got != c.want {
			t.Errorf("%s, binding.gyp %v: %v", c.manifest, c.gyp, got)
		}
	}
}

// FuzzReconcile: whatever two manifests say, what is served has the tarball's meaning, and serving is stable.
func FuzzReconcile(f *testing.F) {
	f.Add(`{"name":"a","bin":"x"}`, `{"name":"a","scripts":{"install":"x"}}`, true)
	f.Add(`{"name":"a","bundleDependencies":true,"dependencies":{"a":"1"},"optionalDependencies":{"b":"1"}}`, `{"name":"a","bin":["x"],"directories":{"bin":"d"}}`, false)
	f.Add(`{"bin":"x","directories":{"bin":"d"},"bundledDependencies":["a"],"scripts":{"install":"x"}}`, `{"bin":"x","bundledDependencies":["a"],"scripts":{"install":"x"}}`, true)
	f.Fuzz(func(t *testing.T, tarball, sent string, gyp bool) {
		inner, err := parseObject([]byte(tarball))
		if err != nil {
			return
		}
		outer, err := parseObject([]byte(sent))
		if err != nil {
			return
		}
		outer.set("name", inner.text("name")) // checked before
		tar := contents{manifest: inner, hasGyp: gyp}
		for _, f := range installFields {
			if f.verbatim(outer, inner) && !reflect.DeepEqual(f.canonical(inner, tar), f.canonical(outer, tar)) {
				t.Fatalf("%q stands there word by word, and means another thing", f.key)
			}
		}
		served, _ := reconcile(outer, tar)
		if _, again := reconcile(served, tar); len(again) > 0 {
			t.Fatalf("still differs in %q: %s", fieldsOf(again), wrap(served))
		}
	})
}
