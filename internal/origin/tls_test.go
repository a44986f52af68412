package origin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"
)

func pemOf(der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}) }

// authority is a private CA.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key}
}

// issue makes a certificate for names and 127.0.0.1, as PEM of itself and its key.
func (a authority) issue(t *testing.T, until time.Time, names ...string) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: names, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, k.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	b, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pemOf(der), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: b})
}

// serveTLS starts a server with a certificate for the names; it asks for client certificates.
func (a authority) serveTLS(t *testing.T, until time.Time, handler http.HandlerFunc, names ...string) *upstream {
	t.Helper()
	cert, key := a.issue(t, until, names...)
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	up := unstarted(t, handler)
	up.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert}
	up.StartTLS()
	return up
}

// TestTLS: a private CA is trusted when it is given, and faults of certificates are told apart.
func TestTLS(t *testing.T) {
	ca := newAuthority(t)
	hour := time.Now().Add(time.Hour)
	up := ca.serveTLS(t, hour, func(http.ResponseWriter, *http.Request) {}, "registry.example.com")
	old := ca.serveTLS(t, time.Now().Add(-time.Hour), func(http.ResponseWriter, *http.Request) {})
	trust := func(s *setup) { s.TLS.CA = pemOf(ca.cert.Raw) }
	if _, _, err := read(t, client(t, up.at("registry.example.com"), trust), Request{}); err != nil {
		t.Error(err)
	}
	_, _, err := read(t, client(t, up.at("registry.example.com"), nil), Request{})
	want(t, err, Down, "certificate not trusted: it is signed by an unknown authority")
	_, _, err = read(t, client(t, up.at("other.example.com"), trust), Request{})
	want(t, err, Down, "certificate not trusted: it is for another host name")
	_, _, err = read(t, client(t, old.URL, trust), Request{})
	want(t, err, Down, "certificate not trusted: it is expired")
}

// TestClientCertificate is shown to the exact origin and to nobody else.
func TestClientCertificate(t *testing.T) {
	ca := newAuthority(t)
	hour := time.Now().Add(time.Hour)
	other := ca.serveTLS(t, hour, func(http.ResponseWriter, *http.Request) {}, "registry.example.com")
	up := ca.serveTLS(t, hour, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.at("registry.example.com"), http.StatusFound)
	}, "registry.example.com")
	cert, key := ca.issue(t, hour)
	cl := client(t, up.at("registry.example.com"), func(s *setup) {
		s.TLS = TLS{CA: pemOf(ca.cert.Raw), Certificate: cert, Key: key}
		s.Redirects = Redirects{Mode: RedirectHosts, Hosts: []string{"registry.example.com"}}
	})
	if _, _, err := read(t, cl, Request{}); err != nil {
		t.Fatal(err)
	}
	if n := len(up.requests()[0].TLS.PeerCertificates); n != 1 {
		t.Errorf("%d certificates at home", n)
	}
	if n := len(other.requests()[0].TLS.PeerCertificates); n != 0 {
		t.Errorf("%d certificates at another port", n)
	}
}
