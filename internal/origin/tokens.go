package origin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/publicsuffix"
)

const (
	maxTokens    = 1000 // that a client keeps
	defaultLife  = time.Minute
	maxTokenLife = 24 * time.Hour
)

// tokens of an upstream, by scope. A token that is being fetched is shared by all who want it.
type tokens struct {
	mu      sync.Mutex
	list    map[string]granted
	fetches map[string]*fetch
}

type granted struct {
	value string
	until time.Time // when it is renewed
}

type fetch struct {
	done  chan struct{}
	token string
	err   error
}

// withToken is tries for a request with a scope: with the token that is known, and with a new one if the upstream wants it.
func (x *exchange) withToken(u *url.URL) (*Response, error) {
	c := x.client
	old := c.tokens.known(x.request.Scope, c.env.Now())
	if old != "" {
		x.auth = bearerToken(old)
	}
	res, err := x.tries(u)
	var f *Fault
	if !errors.As(err, &f) || len(f.Challenges) == 0 {
		return res, err
	}
	ch, ok := bearer(f.Challenges)
	if fixed := c.settings.Auth.Kind == AuthBearer || c.settings.Auth.Kind == AuthHeader; !ok || fixed && !c.settings.AnonymousFallback {
		return nil, err
	}
	t, err := c.token(x.ctx, ch, x.request.Scope, old)
	if err != nil {
		if cause := x.callerEnded(); cause != nil {
			return nil, cause
		}
		return nil, err
	}
	x.auth = bearerToken(t)
	return x.tries(u)
}

func bearerToken(t string) func(bool) (string, string, error) {
	return func(bool) (string, string, error) { return "Authorization", "Bearer " + t, nil }
}

func (t *tokens) known(scope string, now time.Time) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if g := t.list[scope]; now.Before(g.until) {
		return g.value
	}
	return ""
}

// token gets a token for the scope that is not the one that was refused. The fetch goes on without its first caller.
func (c *Client) token(ctx context.Context, ch challenge, scope, refused string) (string, error) {
	t := &c.tokens
	t.mu.Lock()
	if g, ok := t.list[scope]; ok && g.value != refused && c.env.Now().Before(g.until) {
		t.mu.Unlock()
		return g.value, nil
	}
	delete(t.list, scope)
	f := t.fetches[scope]
	if f == nil {
		f = &fetch{done: make(chan struct{})}
		if t.fetches == nil {
			t.fetches = make(map[string]*fetch)
		}
		t.fetches[scope] = f
		go c.fetchToken(context.WithoutCancel(ctx), ch, scope, f)
	}
	t.mu.Unlock()
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
		f, _ := c.explain(ctx, ctx.Err())
		return "", f
	}
}

func (c *Client) fetchToken(ctx context.Context, ch challenge, scope string, f *fetch) {
	value, life, err := c.grant(ctx, ch, scope)
	t := &c.tokens
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.fetches, scope)
	f.token, f.err = value, err
	if err == nil {
		t.keep(scope, granted{value: value, until: c.env.Now().Add(life * 4 / 5)}, c.env.Now())
	}
	close(f.done)
}

// keep makes room for a token: ended ones go first, then any.
func (t *tokens) keep(scope string, g granted, now time.Time) {
	if t.list == nil {
		t.list = make(map[string]granted)
	}
	if len(t.list) >= maxTokens {
		for s, old := range t.list {
			if !now.Before(old.until) {
				delete(t.list, s)
			}
		}
	}
	for s := range t.list {
		if len(t.list) < maxTokens {
			break
		}
		delete(t.list, s)
	}
	t.list[scope] = g
}

// grant asks the token service.
func (c *Client) grant(ctx context.Context, ch challenge, scope string) (string, time.Duration, error) {
	u, err := c.realm(ch)
	if err != nil {
		return "", 0, c.fault(Bad, err.Error())
	}
	q := u.Query()
	if ch.service != "" {
		q.Set("service", ch.service)
	}
	q["scope"] = strings.Fields(scope)
	u.RawQuery = q.Encode()
	named := c.settings.Auth.Kind == AuthBasic
	value, life, err := c.askRealm(ctx, u, named)
	if named && c.settings.AnonymousFallback && Is(err, Refused) {
		value, life, err = c.askRealm(ctx, u, false)
	}
	return value, life, err
}

func (c *Client) askRealm(ctx context.Context, u *url.URL, named bool) (string, time.Duration, error) {
	x := c.exchange(ctx, Request{Method: "GET", Kind: Token, Accept: "application/json"})
	x.home = siteOf(u)
	if !named {
		x.auth = Auth{}.field
	}
	res, err := x.answer(u)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return "", 0, err
	}
	var got struct {
		Token   string  `json:"token"`
		Access  string  `json:"access_token"`
		Expires float64 `json:"expires_in"`
	}
	if json.Unmarshal(body, &got) != nil {
		return "", 0, c.fault(Bad, "its token service answered with something else than a token")
	}
	if got.Token == "" {
		got.Token = got.Access
	}
	if got.Token == "" || !printable(got.Token) || len(got.Token) > maxSecretBytes {
		return "", 0, c.fault(Bad, "its token service answered with something else than a token")
	}
	life := defaultLife
	if got.Expires > 0 {
		life = time.Duration(min(got.Expires, maxTokenLife.Seconds()) * float64(time.Second))
	}
	return got.Token, life, nil
}

// realm is the URL of the token service, if it may have our credentials: https or the upstream's own origin, and of the upstream's
// registrable domain, or listed by the setting redirects.
func (c *Client) realm(ch challenge) (*url.URL, error) {
	u, err := url.Parse(ch.realm)
	if err != nil {
		return nil, errors.New("the realm of its challenge is malformed")
	}
	u.Fragment, u.RawFragment = "", ""
	at := siteOf(u)
	if at == c.home {
		return u, closed(c.env.Outbound.CheckURL(u))
	}
	if err := closed(c.foreign.check.CheckURL(u)); err != nil {
		return nil, errors.New("the realm of its challenge " + err.Error())
	}
	if u.Scheme != "https" && (c.home.scheme == "https" || !loopback(at.host)) {
		return nil, errors.New("the realm of its challenge is not https")
	}
	if c.settings.Redirects.lists(at.host) || sameDomain(at.host, c.home.host) {
		return u, nil
	}
	return nil, errors.New("the realm of its challenge is of another domain, which its setting redirects does not list")
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// sameDomain reports whether two host names are of one registrable domain.
func sameDomain(a, b string) bool {
	if a == b {
		return true
	}
	for _, host := range []string{a, b} {
		if _, err := netip.ParseAddr(host); err == nil {
			return false
		}
	}
	one, err1 := publicsuffix.EffectiveTLDPlusOne(a)
	two, err2 := publicsuffix.EffectiveTLDPlusOne(b)
	return err1 == nil && err2 == nil && one == two
}
