package upstreams

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/url"

	"slipway/internal/origin"
	"slipway/internal/seal"
)

// Kinds of authentication at a remote.
const (
	AuthNone   = string(origin.AuthNone)
	AuthBasic  = string(origin.AuthBasic)
	AuthBearer = string(origin.AuthBearer)
	AuthHeader = string(origin.AuthHeader)
)

// Auth is what a remote's own origin is shown, and no other host.
type Auth struct {
	Type   string `json:"type,omitempty"` // AuthBasic, AuthBearer or AuthHeader; "" or AuthNone: none
	User   string `json:"user,omitempty"`
	Header string `json:"header,omitempty"`
	Secret Secret `json:"secret,omitzero"`
	// File has the secret in place of Secret: a name below Options.SecretsDir.
	File string `json:"file,omitempty"`
}

// UnmarshalJSON implements json.Unmarshaler: credentials are given as a whole, so nothing of former ones stays. Invalid.
func (a *Auth) UnmarshalJSON(raw []byte) error {
	type plain Auth
	return unmarshalWhole(raw, (*plain)(a))
}

func unmarshalWhole[T any](raw []byte, to *T) error {
	var v T
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return err
	}
	*to = v
	return nil
}

// Secret is a credential in settings. JSON gives it as a text; where settings are kept or shown, true stands in its place, as it is kept
// sealed beside them. Given as true, it is the one that is kept, and given
// empty there is none.
type Secret struct {
	value string
	has   bool
}

// NewSecret is a secret that is to be kept.
func NewSecret(value string) Secret { return Secret{value, true} }

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return !s.has }

// String implements fmt.Stringer: it hides the secret.
func (s Secret) String() string { return "(secret)" }

// GoString implements fmt.GoStringer: it hides the secret.
func (s Secret) GoString() string { return s.String() }

// MarshalJSON implements json.Marshaler.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.has) }

// UnmarshalJSON implements json.Unmarshaler. Invalid.
func (s *Secret) UnmarshalJSON(raw []byte) error {
	*s = Secret{has: true}
	switch string(raw) {
	case "true":
		return nil
	case "false":
		*s = Secret{}
		return nil
	}
	if err := json.Unmarshal(raw, &s.value); err != nil {
		return invalid("a secret is a text, or true for the one that is kept")
	}
	s.has = s.value != ""
	return nil
}

// secrets are those of one upstream, by the place in its settings.
type secrets map[string]string

// places of secrets in settings.
const (
	ofAuth  = "auth"
	ofTLS   = "tls"
	ofProxy = "proxy_auth"
)

func (v *Settings) secrets() map[string]*Secret {
	return map[string]*Secret{ofAuth: &v.Auth.Secret, ofTLS: &v.TLS.Key, ofProxy: &v.ProxyAuth.Secret}
}

// keep returns what settings say of secrets, with those of former that they keep. Invalid.
func (v *Settings) keep(former secrets) (secrets, error) {
	next := secrets{}
	for place, s := range v.secrets() {
		if !s.has {
			continue
		}
		value := s.value
		if value == "" {
			value = former[place]
		}
		if value == "" {
			return nil, invalid("%s: the secret is missing", place)
		}
		next[place] = value
	}
	return next, nil
}

// sealed is what a row keeps of secrets: former, which holds had, where they are the same.
func (s *Upstreams) sealed(next, had secrets, former []byte) ([]byte, error) {
	if maps.Equal(next, had) {
		return former, nil
	}
	if len(next) == 0 {
		return nil, nil
	}
	plain, err := json.Marshal(next)
	if err != nil {
		return nil, err
	}
	sealed, err := s.remotes.sealer.Seal(plain)
	if errors.Is(err, seal.ErrNoKey) {
		return nil, invalid("%v", err)
	}
	return sealed, err
}

// opened returns the secrets of a row. seal.ErrSealed.
func (r *remotes) opened(sealed []byte) (secrets, error) {
	out := secrets{}
	if len(sealed) == 0 {
		return out, nil
	}
	plain, err := r.sealer.Open(sealed)
	if err != nil {
		return nil, err
	}
	return out, json.Unmarshal(plain, &out)
}

// auth is the authentication of the client of a remote. Invalid.
func (r *remotes) auth(v Settings, have secrets) (origin.Auth, error) {
	a := v.Auth
	out := origin.Auth{Kind: origin.AuthKind(a.Type), User: a.User, Header: a.Header}
	switch {
	case a.Type == "" || a.Type == AuthNone:
		if a != (Auth{Type: a.Type}) {
			return out, invalid("auth: a user, a header or a secret need the type basic, bearer or header")
		}
		return out, nil
	case (a.User != "") != (a.Type == AuthBasic):
		return out, invalid("auth: the type basic has a user, and no other has one")
	case (a.Header != "") != (a.Type == AuthHeader):
		return out, invalid("auth: the type header has a header, and no other has one")
	case a.File != "" && a.Secret.has:
		return out, invalid("auth: give either a secret or the name of a file")
	case a.File != "" && r.secretsDir == "":
		return out, invalid("auth: the server has no directory for secrets in files: it is started without --upstream-secrets")
	case a.File != "":
		secret, err := origin.FileSecret(r.secretsDir, a.File)
		if err != nil {
			return out, invalid("auth: %v", err)
		}
		out.Secret = secret
	case have[ofAuth] == "":
		return out, invalid("auth: the secret is missing")
	default:
		out.Secret = origin.StaticSecret(have[ofAuth])
	}
	return out, nil
}

// proxy is the proxy of the client of a remote. Invalid.
func (r *remotes) proxy(v Settings, have secrets) (origin.Proxy, error) {
	if v.Proxy == "" {
		v.Proxy = "inherit"
	}
	p, err := origin.ParseProxy(v.Proxy)
	if err != nil {
		return p, invalid("proxy: direct, inherit, or a URL: %v", err)
	}
	switch {
	case p.URL == nil && v.ProxyAuth != (ProxyAuth{}):
		return p, invalid("proxy_auth goes with the URL of a proxy")
	case p.URL != nil && p.URL.User != nil:
		return p, invalid("proxy: the URL of a proxy has no credentials: give them as proxy_auth")
	case (v.ProxyAuth.User != "") != (have[ofProxy] != ""):
		return p, invalid("proxy_auth has a user and a secret")
	case v.ProxyAuth.User != "":
		p.URL.User = url.UserPassword(v.ProxyAuth.User, have[ofProxy])
	}
	return p, nil
}
