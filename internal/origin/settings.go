package origin

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"time"

	"slipway/internal/outbound"
)

// Settings of one upstream, as far as the network is concerned. Zero values are the defaults.
type Settings struct {
	Name string // in faults
	// URL is http or https, without credentials, query and fragment. Paths of requests are appended to its path.
	URL       *url.URL
	Auth      Auth
	Redirects Redirects
	Timeouts  Timeouts
	// Concurrency is how many requests may be under way at one origin; 0 is 64. Over HTTP/1.1 at most 50 are.
	Concurrency int
	Rate        float64 // requests per second and origin; 0 is no bound
	TLS         TLS
	Proxy       Proxy
	// UserAgent is appended to the server's own.
	UserAgent string
	// ForbiddenIsMissing makes 403 mean 404: indexes on object stores.
	ForbiddenIsMissing bool
	// AnonymousFallback lets a request for a token be repeated without credentials after they were refused.
	AnonymousFallback bool
	MaxDocument       int64 // bytes, inflated; 0 is 256 MiB
	MaxFile           int64 // bytes; 0 is 20 GiB
	// Offline answers every request with a Fault of class Open; no socket is opened.
	Offline bool
}

// Timeouts of requests; 0 is the default that each names.
type Timeouts struct {
	Connect  time.Duration // TCP, and again TLS: 3 s
	Document time.Duration // from connection to header, all kinds but File: 10 s
	File     time.Duration // the same for File: 30 s
	Idle     time.Duration // of a body: 30 s
	Total    time.Duration // of a document with its body: 60 s
	Answer   time.Duration // until an answer, with queue, redirects and retries: 12 s, or File for files if that is longer
	Queue    time.Duration // for a place at the origin: 5 s
}

const (
	defaultConcurrency = 64
	http1Concurrency   = 50
	defaultMaxDocument = 256 << 20
	defaultMaxFile     = 20 << 30
	maxToken           = 1 << 20
)

func (t Timeouts) withDefaults() Timeouts {
	for _, d := range []struct {
		to    *time.Duration
		value time.Duration
	}{
		{&t.Connect, 3 * time.Second}, {&t.Document, 10 * time.Second}, {&t.File, 30 * time.Second}, {&t.Idle, 30 * time.Second},
		{&t.Total, 60 * time.Second}, {&t.Answer, 12 * time.Second}, {&t.Queue, 5 * time.Second},
	} {
		if *d.to <= 0 {
			*d.to = d.value
		}
	}
	return t
}

// TLS of an upstream. There is no switch that turns verification off.
type TLS struct {
	CA []byte // PEM: further authorities beside the system's
	// Certificate and Key are PEM of a client certificate, which is shown to the upstream's exact origin alone.
	Certificate, Key []byte
}

// config makes the configurations of the upstream's own origin and of all others; nil for the system's.
func (t TLS) config() (own, other *tls.Config, err error) {
	if len(t.CA) == 0 && len(t.Certificate) == 0 && len(t.Key) == 0 {
		return nil, nil, nil
	}
	other = &tls.Config{MinVersion: tls.VersionTLS12}
	if len(t.CA) > 0 {
		if other.RootCAs, err = x509.SystemCertPool(); err != nil {
			other.RootCAs = x509.NewCertPool()
		}
		if !other.RootCAs.AppendCertsFromPEM(t.CA) {
			return nil, nil, errors.New("tls: the authorities are no certificates in PEM")
		}
	}
	own = other.Clone()
	if len(t.Certificate) > 0 || len(t.Key) > 0 {
		pair, err := tls.X509KeyPair(t.Certificate, t.Key)
		if err != nil {
			return nil, nil, errors.New("tls: the client certificate and its key are not a pair in PEM") // err may quote the PEM
		}
		own.Certificates = []tls.Certificate{pair}
	}
	return own, other, nil
}

// Proxy of an upstream. The zero value is direct.
type Proxy struct {
	// Inherit takes the proxy of the server's setting, which may be none. URL is not looked at then.
	Inherit bool
	URL     *url.URL // may hold credentials
}

// ParseProxy reads "direct" or "", "inherit", or the URL of a proxy. Errors do not repeat the text.
func ParseProxy(s string) (Proxy, error) {
	switch s {
	case "", "direct":
		return Proxy{}, nil
	case "inherit":
		return Proxy{Inherit: true}, nil
	}
	u, err := outbound.ParseProxy(s)
	return Proxy{URL: u}, err
}

// Check says what is wrong with the settings, for whoever saves them: o is the address policy of the server. A target that o closes
// is an *outbound.DeniedError.
func (s Settings) Check(o outbound.Options) error {
	if err := s.valid(); err != nil {
		return err
	}
	if err := o.CheckURL(s.URL); err != nil {
		return fmt.Errorf("url: %w", err)
	}
	return nil
}

// valid checks all that does not depend on the server's address policy.
func (s Settings) valid() error {
	if s.URL == nil {
		return errors.New("url: missing")
	}
	var denied *outbound.DeniedError
	if err := (outbound.Options{}).CheckURL(s.URL); err != nil && !errors.As(err, &denied) {
		return fmt.Errorf("url: %w", err)
	}
	if s.URL.RawQuery != "" || s.URL.ForceQuery || s.URL.Fragment != "" {
		return errors.New("url: it has a query or a fragment")
	}
	if s.Concurrency < 0 || s.Rate < 0 || s.MaxDocument < 0 || s.MaxFile < 0 {
		return errors.New("concurrency, rate, max_document and max_file are not negative")
	}
	if !printable(s.UserAgent) {
		return errors.New("user_agent: it has other characters than printable ASCII")
	}
	if err := s.Redirects.valid(); err != nil {
		return err
	}
	if _, _, err := s.TLS.config(); err != nil {
		return err
	}
	return s.Auth.valid()
}

// printable reports whether s can be the value of a header.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
