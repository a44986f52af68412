package installation

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"slipway/api"
)

// lastBackupFile is the name of the file in the data directory that says what the last backup did. The command that makes backups
// writes it, as it can't write to the database of a server that runs.
const lastBackupFile = "last-backup.json"

// KeepBackup notes what a backup did, in place of the one before.
func (c *Config) KeepBackup(r api.MaintenanceRun) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	path := filepath.Join(c.Data, lastBackupFile)
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// LastBackup returns what the last backup did; false: none is known.
func (c *Config) LastBackup() (r api.MaintenanceRun, there bool, err error) {
	text, err := os.ReadFile(filepath.Join(c.Data, lastBackupFile))
	if errors.Is(err, fs.ErrNotExist) {
		return r, false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	return r, err == nil, err
}
