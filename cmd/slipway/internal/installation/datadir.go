package installation

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"slipway/cmd/slipway/internal/command"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/sys/unix"
)

// canMake returns why a directory can't be made, or can't be written if it exists. It makes nothing.
func canMake(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	for dir := path; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir):
			continue
		case err != nil:
			return err
		case !info.IsDir():
			return fmt.Errorf("%s is not a directory", dir)
		}
		if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
			return fmt.Errorf("%s can't be written: %w", dir, err)
		}
		return nil
	}
}

// LogKeyPath is where the log's key is.
func (c *Config) LogKeyPath() string {
	if c.LogKey != "" {
		return c.LogKey
	}
	return filepath.Join(c.Data, "keys", "log.key")
}

// LogKeyBytes is the content of the log's key file, or of one that would hold the key that is given.
func (c *Config) LogKeyBytes() ([]byte, error) {
	if c.LogKeyText != "" {
		return []byte(strings.TrimSpace(c.LogKeyText) + "\n"), nil
	}
	raw, err := os.ReadFile(c.LogKeyPath())
	if err != nil {
		return nil, fmt.Errorf("log key: %w", err)
	}
	return raw, nil
}

// checkLogKey refuses an installation that is to be given its key and is not: several machines may use its database, so a key made
// here would be one of several.
func (c *Config) checkLogKey() error {
	if c.LogKey == "" && c.LogKeyText == "" {
		return command.Usagef("--log-key: with PostgreSQL the key is given: make one with: slipway key generate FILE")
	}
	return nil
}

// logKey reads the key that signs the log, and makes it at the first start, before the database: so a database without a
// key has lost its key. Signing with another key would look to every auditor like a forged log, so that is refused unless
// the operator asks for it.
func (c *Config) logKey() (Keys, error) {
	if c.LogKeyText != "" {
		return ParseLogKey(logKeyText, strings.TrimSpace(c.LogKeyText))
	}
	path := c.LogKeyPath()
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && c.LogKey != "" {
		return Keys{}, command.Usagef("--log-key: %s does not exist", path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		db, perr := c.database()
		if perr != nil {
			return Keys{}, perr
		}
		if _, derr := os.Stat(db.file); derr == nil && !c.NewLogKey {
			return Keys{}, command.Usagef("--data: there is a database, but the key that signs its log is missing: put %s back from a backup, or go on with a new key with --new-log-key", path)
		}
		return makeLogKey(path)
	}
	if err != nil {
		return Keys{}, fmt.Errorf("log key: %w", err)
	}
	return ParseLogKey(path, strings.TrimSpace(string(raw)))
}

// Keys are derived from the log's key: the signer, its public half, and the key that secrets are kept under.
type Keys struct {
	Signer   note.Signer
	Verifier string
	Seal     []byte
}

const sealKeyBytes = 32

// ParseLogKey makes the keys from the text of a log key file; path is for errors.
func ParseLogKey(path, skey string) (Keys, error) {
	signer, err := note.NewSigner(skey)
	if err != nil {
		return Keys{}, fmt.Errorf("log key: %s does not hold a key: %w", path, err)
	}
	verifier, err := verifierOf(skey)
	if err != nil {
		return Keys{}, fmt.Errorf("log key: %s: %w", path, err)
	}
	seal, err := hkdf.Key(sha256.New, []byte(skey), nil, "slipway seal key", sealKeyBytes)
	if err != nil {
		return Keys{}, fmt.Errorf("log key: %s: %w", path, err)
	}
	return Keys{signer, verifier, seal}, nil
}

// verifierOf returns the public half of a signer's key (C2SP signed-note): PRIVATE+KEY+<name>+<hash>+<0x01 || seed>.
func verifierOf(skey string) (string, error) {
	parts := strings.SplitN(skey, "+", 5)
	if len(parts) != 5 {
		return "", errors.New("malformed signer key")
	}
	key, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(key) != 1+ed25519.SeedSize {
		return "", errors.New("malformed signer key")
	}
	public := ed25519.NewKeyFromSeed(key[1:]).Public().(ed25519.PublicKey)
	return note.NewEd25519VerifierKey(parts[2], public)
}

// NewLogKey makes a key: the text of a log key file.
func NewLogKey() (string, error) {
	var id [4]byte
	_, _ = rand.Read(id[:]) // never fails
	skey, _, err := note.GenerateKey(rand.Reader, "slipway-"+hex.EncodeToString(id[:]))
	if err != nil {
		return "", fmt.Errorf("log key: %w", err)
	}
	return skey + "\n", nil
}

func makeLogKey(path string) (Keys, error) {
	skey, err := NewLogKey()
	if err != nil {
		return Keys{}, err
	}
	if err := os.MkdirAll(filepath.Dir(path), command.DirMode); err != nil {
		return Keys{}, fmt.Errorf("log key: %w", err)
	}
	if err := command.WriteSecret(path, []byte(skey)); err != nil {
		return Keys{}, fmt.Errorf("log key: %w", err)
	}
	return ParseLogKey(path, strings.TrimSpace(skey))
}
