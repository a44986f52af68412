package nats_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"slipway/integration"
)

// TestTLS: a server is believed by the roots among the credentials and under the name of the URL, and TLS below 1.2 is not spoken.
func TestTLS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nats"}, DNSNames: []string{"nats.example.com"}, NotBefore: now.Add(-time.Hour),
		NotAfter: now.Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	raw, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	ca := integration.Credentials{CA: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}))}
	serve := func(most uint16) *broker {
		return newBroker(t, func(o *server.Options) {
			o.TLS, o.TLSTimeout = true, 5
			o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}, MinVersion: tls.VersionTLS10, MaxVersion: most}
		})
	}
	modern, old := serve(tls.VersionTLS13), serve(tls.VersionTLS11)
	target := func(b *broker, settings string) string {
		return strings.Replace(b.url("&create=true"+settings), "tls=false&", "", 1)
	}
	for _, c := range []struct {
		what, url, want string
		credentials     integration.Credentials
	}{
		{"right", target(modern, "&server_name=nats.example.com"), "", ca},
		{"no roots", target(modern, "&server_name=nats.example.com"), "certificate", integration.Credentials{}},
		{"another name", target(modern, "&server_name=other.example.com"), "certificate", ca},
		{"its address", target(modern, ""), "certificate", ca},
		{"TLS 1.1", target(old, "&server_name=nats.example.com"), "protocol version", ca},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		sender, err := open(t, "127.0.0.1").Open(ctx, integration.Target{URL: c.url, Credentials: c.credentials})
		cancel()
		if err == nil {
			err = sender.Close()
			if c.want != "" {
				t.Errorf("%s: it was believed", c.what)
			}
		} else if c.want == "" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.what, err, c.want)
		}
		if err != nil && c.want == "" {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}
