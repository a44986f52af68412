package integration

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"slipway/registry"
)

// Credentials are what a message broker knows a subscription by. They are kept sealed and never shown. Which of them a broker takes
// is its own matter.
type Credentials struct {
	Username   string `json:"username,omitempty"`
	Password   string `json:"password,omitempty"`
	Token      string `json:"token,omitempty"`
	Creds      string `json:"creds,omitempty"`       // of NATS: the text of a .creds file
	ClientCert string `json:"client_cert,omitempty"` // PEM
	ClientKey  string `json:"client_key,omitempty"`  // PEM
	CA         string `json:"ca,omitempty"`          // PEM: the only roots that the broker's certificate may have
}

// String implements fmt.Stringer: it hides them.
func (Credentials) String() string { return "(credentials)" }

// GoString implements fmt.GoStringer: it hides them.
func (c Credentials) GoString() string { return c.String() }

// maxCredentials bounds the JSON of credentials: certificates are the largest of them.
const maxCredentials = 64 << 10

// Allowed refuses credentials beside those that fields names by their names in JSON, and halves of pairs. Invalid.
func (c Credentials) Allowed(sink string, fields ...string) error {
	raw, err := json.Marshal(c)
	if err != nil {
		return err
	}
	var given map[string]string
	if err := json.Unmarshal(raw, &given); err != nil {
		return err
	}
	if len(raw) > maxCredentials {
		return invalidCredentials("they are longer than %d bytes", maxCredentials)
	}
	known := map[string]bool{}
	for _, f := range fields {
		known[f] = true
	}
	for name := range given {
		if !known[name] {
			return invalidCredentials("%s is not for a %s; it takes %s", name, sink, strings.Join(fields, ", "))
		}
	}
	for _, pair := range [][2]string{{"username", "password"}, {"client_cert", "client_key"}} {
		if (given[pair[0]] == "") != (given[pair[1]] == "") {
			return invalidCredentials("%s and %s go together", pair[0], pair[1])
		}
	}
	return c.TLS(&tls.Config{})
}

func invalidCredentials(format string, args ...any) error {
	return registry.Errorf(registry.Invalid, registry.AboutSubscription, "credentials: "+format, args...)
}

// TLS puts roots and client certificate into a configuration. Invalid: they can't be read.
func (c Credentials) TLS(to *tls.Config) error {
	if c.CA != "" {
		to.RootCAs = x509.NewCertPool()
		if !to.RootCAs.AppendCertsFromPEM([]byte(c.CA)) {
			return invalidCredentials("ca has no certificate in PEM")
		}
	}
	if c.ClientCert == "" {
		return nil
	}
	pair, err := tls.X509KeyPair([]byte(c.ClientCert), []byte(c.ClientKey))
	if err != nil { // its text may quote the key
		return invalidCredentials("client_cert and client_key are no pair of certificate and key in PEM")
	}
	to.Certificates = []tls.Certificate{pair}
	return nil
}

// replaceCredentials gives a stream the credentials that a change has. Invalid.
func (s *Subscriptions) replaceCredentials(sub *Subscription, c SubscriptionChange) error {
	if c.Secret != nil || c.RotateSecret {
		return registry.Errorf(registry.Invalid, registry.AboutSubscription, "a message broker gets no secret that signs: it takes credentials")
	}
	if c.Credentials == nil {
		return nil
	}
	broker, ok := s.sinks.named(sub.Sink).(Broker)
	if !ok {
		return registry.Errorf(registry.Invalid, registry.AboutSubscription, "sink: this server has no %q", registry.Clip(sub.Sink))
	}
	if err := broker.CheckCredentials(*c.Credentials); err != nil {
		return err
	}
	if sub.Secrets = nil; *c.Credentials == (Credentials{}) {
		return nil
	}
	plain, err := json.Marshal(secrets{Credentials: *c.Credentials})
	if err != nil {
		return errors.New("credentials can't be sealed") // and are not repeated
	}
	if sub.Secrets, err = s.sealed.Seal(plain); err != nil {
		return fmt.Errorf("credentials: %w", err)
	}
	return nil
}

// keepsCredentials refuses a change that would show known credentials to another server than they were given for. Invalid.
func (s *Subscriptions) keepsCredentials(former, sub Subscription, c SubscriptionChange) error {
	if len(former.Secrets) == 0 || c.Credentials != nil || !s.sinks.streams(sub) || s.sinks.receiver(former) == s.sinks.receiver(sub) {
		return nil
	}
	return registry.Errorf(registry.Invalid, registry.AboutSubscription, "url: another server is not shown the credentials that are kept; give credentials for it, {} for none")
}
