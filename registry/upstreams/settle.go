package upstreams

import (
	"encoding/json"
	"errors"
	"reflect"

	"slipway/internal/seal"
	"slipway/metadata"
)

// settle puts settings into the row of an upstream, and returns them as they are kept: the secrets are in the row, sealed. It refuses what
// upstreams of the other type have, and what a remote can't be used with. Where a remote leads to, and what it is shown, is chosen by
// administrators of the server. Invalid, Denied.
func (e *edit) settle(row metadata.Upstream, had *Upstream, v Settings) (metadata.Upstream, Settings, error) {
	if v.Auth.Type == AuthNone {
		v.Auth.Type = ""
	}
	if len(v.Redirects) == 0 {
		v.Redirects = nil
	}
	if len(v.Namespaces) == 0 {
		v.Namespaces = nil
	}
	if v.Proxy == "inherit" {
		v.Proxy = ""
	}
	if err := e.fits(row, had.Settings, v); err != nil {
		return row, v, err
	}
	if row.Type == metadata.UpstreamRemote {
		if err := e.sealInto(&row, had, &v); err != nil {
			return row, v, err
		}
	}
	var err error
	row.Settings, err = json.Marshal(v)
	return row, v, err
}

// sealInto checks what is about the network, and puts the secrets into the row.
func (e *edit) sealInto(row *metadata.Upstream, had *Upstream, v *Settings) error {
	former, err := e.remotes.opened(had.Secret)
	if errors.Is(err, seal.ErrSealed) {
		former, had = nil, &Upstream{} // the key of this server is another: they are given anew
	} else if err != nil {
		return err
	}
	if v.ProxyAuth.Secret.has && v.ProxyAuth.Secret.value == "" && v.Proxy != had.Settings.Proxy {
		return invalid("the proxy is another one, which does not get the secret of the former: give proxy_auth with it")
	}
	next, err := v.keep(former)
	if err != nil {
		return err
	}
	settings, err := e.remotes.network(*row, *v, next)
	if err != nil {
		return err
	}
	if err := settings.Check(e.remotes.env.Outbound); err != nil {
		return invalid("%v", err)
	}
	row.Secret, err = e.sealed(next, former, had.Secret)
	for _, s := range v.secrets() {
		s.value = ""
	}
	return err
}

// fits refuses settings of the other type of upstream, and those that the caller may not change. Invalid, Denied.
func (e *edit) fits(row metadata.Upstream, former, v Settings) error {
	if row.Type == metadata.UpstreamRepository {
		if !reflect.DeepEqual(v.ofRemotes(), Settings{}) {
			return invalid("%q is a repository, which has formats, allow, deny, mode, through, writes and on_failure; other settings are of remotes", row.Name)
		}
		return nil
	}
	if len(v.Formats) > 0 || v.Through || v.Writes {
		return invalid("formats, through and writes are of upstreams that are repositories; %q is a remote", row.Name)
	}
	if _, ok := e.remotes.sources[row.Format].(Images); v.Library && !ok {
		return invalid("library is of remotes with images; the format of %q is %s", row.Name, row.Format)
	}
	if _, ok := e.remotes.sources[row.Format].(Images); len(v.Namespaces) > 0 && !ok {
		return invalid("namespaces are of remotes with images; the format of %q is %s", row.Name, row.Format)
	}
	if _, lists := e.remotes.sources[row.Format].(removing); v.OnRemoval != "" && !lists {
		return invalid("on_removal is of formats whose documents list versions; remotes of %q keep what entered", row.Format)
	}
	if !reflect.DeepEqual(former.connection(), v.connection()) {
		return e.connects("redirects, auth, tls, proxy and proxy_auth of a remote")
	}
	return nil
}
