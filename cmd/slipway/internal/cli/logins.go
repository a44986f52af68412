package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"slipway/cmd/slipway/internal/command"
)

// logins are the data that "slipway login" and "slipway log verify" store for each server. The file holds tokens: mode
// 0600.
type logins struct {
	// Current is the server of the latest login, which commands ask unless they are told another.
	Current string           `json:"current,omitempty"`
	Servers map[string]login `json:"servers"`
	// Clients are the ids of the tokens that "slipway login npm" and its siblings wrote, by client, server and repository.
	Clients map[string]string `json:"clients,omitempty"`
}

// login is the data stored for one server.
type login struct {
	User       string `json:"user,omitempty"`
	Token      string `json:"token,omitempty"`
	TokenID    string `json:"token_id,omitempty"`
	LogKey     string `json:"log_key,omitempty"`    // verifier of the server's log
	Checkpoint string `json:"checkpoint,omitempty"` // the newest verified checkpoint
}

// loginsPath is <user's configuration directory>/slipway/config.json.
func loginsPath(p *command.Program) (string, error) {
	dir, err := p.ConfigDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "slipway", "config.json"), nil
}

// loadLogins reads the file; without a file, or without a directory for it, there are no logins.
func loadLogins(p *command.Program) (logins, error) {
	l := logins{Servers: map[string]login{}}
	path, err := loginsPath(p)
	if err != nil {
		return l, nil
	}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &l)
	}
	if err != nil {
		return l, fmt.Errorf("what 'slipway login' stored can't be read: %s: %w", path, err)
	}
	if l.Servers == nil {
		l.Servers = map[string]login{}
	}
	return l, nil
}

// remember changes the login stored for one server; an empty login is removed.
func remember(p *command.Program, server string, change func(*login)) error {
	return store(p, func(l *logins) {
		entry := l.Servers[server]
		change(&entry)
		l.Servers[server] = entry
		if entry == (login{}) {
			delete(l.Servers, server)
		}
		if l.Servers[l.Current].Token == "" {
			l.Current = ""
		}
	})
}

// store changes the file.
func store(p *command.Program, change func(*logins)) error {
	path, err := loginsPath(p)
	if err != nil {
		return fmt.Errorf("there is no place to remember this: %w", err)
	}
	l, err := loadLogins(p)
	if err != nil {
		return err
	}
	change(&l)
	raw, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), command.DirMode); err != nil {
		return err
	}
	return command.WriteSecret(path, append(raw, '\n'))
}
