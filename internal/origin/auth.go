package origin

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// AuthKind is how credentials are sent.
type AuthKind string

// Kinds of authentication; "" is AuthNone.
const (
	AuthNone   AuthKind = "none"
	AuthBasic  AuthKind = "basic"  // User and Secret
	AuthBearer AuthKind = "bearer" // Secret is the token
	AuthHeader AuthKind = "header" // Secret is the value of Header
)

// Secret gives a credential. fresh says that the upstream has refused the last one: a secret that is read from somewhere is read
// again. It is called for every request and by several goroutines. Its error is not shown.
type Secret func(fresh bool) (string, error)

// Auth is what an upstream's own origin gets, and nothing else.
type Auth struct {
	Kind   AuthKind
	User   string
	Header string
	Secret Secret
}

// StaticSecret is a credential that does not change.
func StaticSecret(s string) Secret { return func(bool) (string, error) { return s, nil } }

const maxSecretBytes = 64 << 10

// FileSecret reads the credential from the file called name below dir, without white space at its end, and again when the file has
// changed: tokens that live for hours are renewed by other programs. Links may not lead out of dir.
func FileSecret(dir, name string) (Secret, error) {
	if !filepath.IsLocal(name) {
		return nil, errors.New("the name of a file with a secret does not lead out of its directory")
	}
	var (
		mu     sync.Mutex
		seen   fs.FileInfo
		secret string
	)
	return func(fresh bool) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		root, err := os.OpenRoot(dir)
		if err != nil {
			return "", err
		}
		defer func() { _ = root.Close() }()
		info, err := root.Stat(name)
		if err != nil {
			return "", err
		}
		if !fresh && seen != nil && os.SameFile(seen, info) && seen.Size() == info.Size() && seen.ModTime().Equal(info.ModTime()) {
			return secret, nil
		}
		got, err := readSecret(root, name)
		if err != nil {
			return "", err
		}
		secret, seen = got, info
		if time.Since(info.ModTime()) < time.Second {
			seen = nil // another change within the clock's tick would not show
		}
		return secret, nil
	}, nil
}

func readSecret(root *os.Root, name string) (string, error) {
	f, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxSecretBytes+1))
	if err != nil {
		return "", err
	}
	if len(b) > maxSecretBytes {
		return "", fmt.Errorf("a secret has at most %d bytes", maxSecretBytes)
	}
	return strings.TrimRight(string(b), " \t\r\n"), nil
}

// unfit are headers that HTTP or this client uses for something else.
var unfit = map[string]bool{
	"Host": true, "Content-Length": true, "Transfer-Encoding": true, "Connection": true, "Upgrade": true, "Te": true, "Trailer": true, "Expect": true,
	"Proxy-Authorization": true, "Proxy-Connection": true, "Keep-Alive": true, "Cookie": true, "Referer": true, "User-Agent": true, "Accept": true,
	"Accept-Encoding": true, "Range": true, "If-Range": true, "If-None-Match": true, "If-Modified-Since": true, ViaHeader: true,
	"Forwarded": true, "Via": true, "X-Forwarded-For": true, "X-Forwarded-Host": true, "X-Forwarded-Proto": true, "X-Real-Ip": true,
}

func (a Auth) valid() error {
	switch a.Kind {
	case "", AuthNone:
		return nil
	case AuthBasic:
		if strings.Contains(a.User, ":") || !printableUTF8(a.User) {
			return errors.New("auth: a user name has neither colons nor control characters")
		}
	case AuthBearer:
	case AuthHeader:
		if !token(a.Header) || unfit[http.CanonicalHeaderKey(a.Header)] {
			return errors.New("auth: this can't be the header for a credential")
		}
	default:
		return errors.New("auth: the type is none, basic, bearer or header")
	}
	if a.Secret == nil {
		return errors.New("auth: the secret is missing")
	}
	return nil
}

// field is the header that carries the credential; "" for none. The error holds nothing of the credential.
func (a Auth) field(fresh bool) (name, value string, err error) {
	if a.Kind == "" || a.Kind == AuthNone {
		return "", "", nil
	}
	secret, err := a.Secret(fresh)
	if err != nil || secret == "" || !printableUTF8(secret) {
		return "", "", errors.New("credentials can't be read")
	}
	switch a.Kind {
	case AuthBasic:
		return "Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(a.User+":"+secret)), nil
	case AuthBearer:
		return "Authorization", "Bearer " + secret, nil
	default:
		return http.CanonicalHeaderKey(a.Header), secret, nil
	}
}

func printableUTF8(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// token reports whether s is a token of RFC 9110, 5.6.2.
func token(s string) bool {
	return s != "" && strings.Trim(s, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}
