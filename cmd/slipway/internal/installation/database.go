package installation

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"slipway/cmd/slipway/internal/command"
	"slipway/metadata"
	"slipway/metadata/postgres"
	"slipway/metadata/sqlite"
)

// database is where metadata is: a file of SQLite, or the URL of a PostgreSQL server, which may hold a password.
type database struct{ file, server string }

// dir is the directory of the file; "" for a server.
func (d database) dir() string {
	if d.server != "" {
		return ""
	}
	return filepath.Dir(d.file)
}

func (c *Config) database() (database, error) {
	if c.Metadata == "" || c.Metadata == "sqlite" {
		return database{file: filepath.Join(c.Data, "slipway.db")}, nil
	}
	u, err := url.Parse(c.Metadata)
	switch {
	case err != nil:
		return database{}, command.Usagef("--metadata: it can't be read as a URL") // the value may hold a password, so it is not repeated
	case u.Scheme == "postgres" || u.Scheme == "postgresql":
		if _, given := u.User.Password(); !given && c.MetadataPassword != "" {
			u.User = url.UserPassword(u.User.Username(), c.MetadataPassword)
		}
		if err := postgres.CheckURL(u.String()); err != nil {
			return database{}, command.Usagef("--metadata: %w", err)
		}
		return database{server: u.String()}, nil
	case u.Scheme != "sqlite" || u.Host != "" || u.RawQuery != "" || len(u.Path) < 2:
		return database{}, command.Usagef("--metadata: it must be of the form sqlite:///path.db or postgres://user@host/database")
	}
	return database{file: u.Path}, nil
}

// Place is where the database is, for tools that copy it and bring it back. warn hears of what is no error.
func (c *Config) Place(warn func(text string)) (metadata.Snapshotter, error) {
	db, err := c.database()
	if err != nil {
		return nil, err
	}
	if db.server == "" {
		return sqlite.Location(db.file), nil
	}
	l, err := postgres.At(db.server, c.Data, warn)
	if err != nil {
		return nil, command.Usagef("--metadata: %w", err)
	}
	return l, nil
}

// Shared reports whether several processes can use the stores at once: those of PostgreSQL and S3.
func (c *Config) Shared() (bool, error) {
	db, err := c.database()
	if err != nil {
		return false, err
	}
	blobs, err := c.blobTarget()
	return db.server != "" && blobs.s3 != nil, err
}

// openMetadata opens the database; shared: its blobs are where other processes reach them; peers: beside processes that say so too.
func (c *Config) openMetadata(ctx context.Context, db database, shared, peers bool, observe func(metadata.Batch)) (metadata.Store, error) {
	if observe == nil {
		observe = func(metadata.Batch) {}
	}
	if db.server == "" {
		s, err := sqlite.Open(ctx, db.file, sqlite.WithObserver(observe))
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	options := []postgres.Option{postgres.WithObserver(observe), postgres.WithName(c.ReplicaName()), postgres.WithVersion(c.Version)}
	switch {
	case shared && peers:
		options = append(options, postgres.WithPeers())
	case shared:
		options = append(options, postgres.WithSharedBlobs())
	}
	if c.StartTimeout != 0 {
		options = append(options, postgres.WithPatience(c.StartTimeout))
	}
	s, err := postgres.Open(ctx, db.server, options...)
	switch {
	case errors.Is(err, metadata.ErrInUse), errors.Is(err, metadata.ErrNewer), errors.Is(err, context.Canceled):
		return nil, err
	case errors.Is(err, metadata.ErrUnavailable): // nothing is wrong with the setting
		return nil, fmt.Errorf("--metadata: %w", err)
	case err != nil:
		return nil, command.Usagef("--metadata: %w", err)
	}
	return s, nil
}

// ReplicaName is what the other processes that use a PostgreSQL database call this one.
func (c *Config) ReplicaName() string {
	if c.Replica != "" {
		return c.Replica
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s, process %d", host, os.Getpid())
}

// settingLogKey is the public half of the key that signs the log of a PostgreSQL database.
const settingLogKey = "log.key"

// keepLogKey notes the public half of the log's key in a database that any key could be used with. Another key than the noted one
// would look to every auditor like a forged log, so it is refused unless the operator asks for it.
func (c *Config) keepLogKey(ctx context.Context, meta metadata.Store, verifier string) error {
	return meta.Update(ctx, func(tx metadata.Tx) error {
		noted, err := tx.Settings().Setting(settingLogKey)
		switch {
		case err == nil && noted == verifier:
			return nil
		case err == nil && !c.NewLogKey:
			return command.Usagef("--log-key: it is not the key of this database, whose public half is %s: give that one, or go on with this one with --new-log-key", noted)
		case err != nil && !errors.Is(err, metadata.ErrNotExist):
			return err
		}
		return tx.Settings().PutSetting(settingLogKey, verifier)
	})
}

// InUse explains that another process has the database.
func (c *Config) InUse(err error) error {
	if !errors.Is(err, metadata.ErrInUse) {
		return err
	}
	if db, derr := c.database(); derr == nil && db.server != "" {
		return fmt.Errorf("another Slipway runs on this database: %w", err)
	}
	return fmt.Errorf("another Slipway runs on this data directory: %w", err)
}
