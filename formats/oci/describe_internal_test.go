package oci

import (
	"strings"
	"testing"

	"slipway/registry"
)

// TestMasked: what looks like a secret is left out of what is shown of an image, and what only sounds like one stays.
func TestMasked(t *testing.T) {
	for name, hidden := range map[string]bool{
		"DB_PASSWORD": true, "password": true, "MYSQL_PWD": true, "API_KEY": true, "GITHUB_TOKEN": true, "AWS_SECRET_ACCESS_KEY": true, "NPM_AUTH": true, "Passphrase": true, "tokens.ci": true,
		"PWD": false, "PATH": false, "AUTHOR": false, "TOKENIZER": false, "KEYBOARD": false, "PASSENGERS": false, "COMPASS_HOME": false, "LANG": false,
	} {
		if v := environmentVariable(name, "hunter2"); v.Masked != hidden || hidden && v.Value != "" {
			t.Errorf("%s: %+v", name, v)
		}
	}
	if v := environmentVariable("DB_PASSWORD", ""); v.Masked {
		t.Error("an empty value is no secret")
	}
	for text, want := range map[string]string{
		"RUN TOKEN=abc make":                                "RUN TOKEN=••• make",
		`|2 VERSION=1 NPM_TOKEN="a b" /bin/sh -c npm ci`:    "|2 VERSION=1 NPM_TOKEN=••• /bin/sh -c npm ci",
		"curl -u x --password hunter2 https://acme.example": "curl -u x --password ••• https://acme.example",
		"git clone https://bob:s3cret@acme.example/x":       "git clone https•••acme.example/x",
		"echo ghp_0123456789abcdefghij":                     "echo •••",
		"apt-get install token-tools":                       "apt-get install token-tools",
		"make --keep-going all":                             "make --keep-going all",
	} {
		if got := maskedText(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := maskedWords([]string{"app", "--db-password", "hunter2", "--token=abc", "serve"}); strings.Join(got, " ") != "app --db-password ••• --token=••• serve" {
		t.Errorf("%q", got)
	}
	if got := maskedText(strings.Repeat("x", 1<<20)); len(got) > registry.MaxDescribedBytes+3 {
		t.Errorf("%d bytes of a long command", len(got))
	}
}

// TestHistory: a command stands at the layer that it made, and where the history tells of another number of layers, at none.
func TestHistory(t *testing.T) {
	layers := func() []registry.Step { return []registry.Step{{Digest: "a"}, {Digest: "b"}} }
	var c describedConfig
	c.History = append(c.History, struct {
		Created   string `json:"created"`
		CreatedBy string `json:"created_by"`
		Comment   string `json:"comment"`
		Empty     bool   `json:"empty_layer"`
	}{CreatedBy: "one"})
	if got := withHistory(layers(), c); len(got) != 2 || got[0].Command != "" {
		t.Errorf("one entry for two layers: %+v", got)
	}
	second, third := c.History[0], c.History[0]
	second.Empty, second.CreatedBy, third.CreatedBy = true, "env", "two"
	c.History = append(c.History, second, third)
	got := withHistory(layers(), c)
	if len(got) != 3 || got[0].Digest+got[0].Command != "aone" || got[1].Digest+got[1].Command != "env" || got[2].Digest+got[2].Command != "btwo" {
		t.Errorf("%+v", got)
	}
}

// TestKinds: what belongs to an image is told by the types that it names.
func TestKinds(t *testing.T) {
	for words, want := range map[string]string{
		"application/vnd.dev.cosign.artifact.sig.v1+json": registry.AttachedSignature, "application/vnd.cncf.notary.signature": registry.AttachedSignature,
		"application/vnd.dev.cosign.simplesigning.v1+json": registry.AttachedSignature, "application/spdx+json": registry.AttachedSBOM, "application/vnd.cyclonedx+json": registry.AttachedSBOM,
		"application/vnd.dev.sigstore.bundle.v0.3+json dsse-envelope https://slsa.dev/provenance/v1": registry.AttachedAttestation, "application/vnd.in-toto+json": registry.AttachedAttestation,
		"application/vnd.dev.sigstore.bundle.v0.3+json message-signature": registry.AttachedSignature, "application/vnd.acme.docs": registry.AttachedOther,
	} {
		if got := kindOf(words); got != want {
			t.Errorf("%s: %s, want %s", words, got, want)
		}
	}
}
