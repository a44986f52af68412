package postgres

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	defaultReaders   = 8
	mostReaders      = 100
	defaultSchema    = "public"
	keptStatements   = 512              // of each connection
	silence          = 10 * time.Second // until a server that answers nothing any more is given up
	probeAfter       = 5 * time.Second
	probeEvery       = 2 * time.Second
	writerIdleMillis = "5000"
	readerIdleMillis = "70000"
)

// lockMillis is how long a connection waits for a lock, such as that of the schema during a restore.
var lockMillis = "30000"

// target is a database, as its URL names it.
type target struct {
	url     string // as pgx reads it, without our own parameters; it may hold a password
	schema  string
	readers int
	cached  bool // statements stay prepared
}

// parse reads a URL. Its errors never show it.
func parse(text string) (target, error) {
	t := target{schema: defaultSchema, readers: defaultReaders, cached: true}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return t, errors.New("it must be of the form postgres://user@host/database")
	}
	q := u.Query()
	for key, values := range q {
		value := values[len(values)-1]
		switch key {
		case "schema":
			t.schema = value
			if value == "" || strings.ContainsAny(value, "\x00,\"") {
				return t, errors.New("schema: it is no name")
			}
		case "pool":
			if t.readers, err = strconv.Atoi(value); err != nil || t.readers < 1 || t.readers > mostReaders {
				return t, fmt.Errorf("pool: it must be a number from 1 to %d", mostReaders)
			}
		case "statement_cache":
			if !slices.Contains([]string{"on", "off"}, value) {
				return t, errors.New("statement_cache: it must be on or off")
			}
			t.cached = value == "on"
		default:
			continue
		}
		q.Del(key)
	}
	u.RawQuery = q.Encode()
	t.url = u.String()
	if _, err := pgx.ParseConfig(t.url); err != nil {
		return t, errors.New("it can't be read: " + unquoted(err, t.url))
	}
	return t, nil
}

// unquoted is the text of an error of pgx.ParseConfig without the URL, which may hold a password.
func unquoted(err error, url string) string {
	var parse *pgconn.ParseConfigError
	if errors.As(err, &parse) && parse.Unwrap() != nil {
		err = parse.Unwrap()
	}
	if text := err.Error(); !strings.Contains(text, url) {
		return text
	}
	return "a parameter is not valid"
}

// connection returns how a session is opened.
func (t target) connection(writer bool) (*pgx.ConnConfig, error) {
	c, err := pgx.ParseConfig(t.url)
	if err != nil {
		return nil, errors.New("metadata: the URL of the database can't be read") // the error may show a password
	}
	idle, statement := readerIdleMillis, readerIdleMillis
	if writer {
		idle, statement = writerIdleMillis, "0"
	}
	for key, value := range map[string]string{
		"application_name": "slipway", "synchronous_commit": "on", "default_transaction_isolation": "read committed",
		"idle_in_transaction_session_timeout": idle, "lock_timeout": lockMillis, "statement_timeout": statement,
		"tcp_user_timeout": strconv.FormatInt(silence.Milliseconds(), 10), "client_connection_check_interval": "5000", "jit": "off",
		"search_path": `"` + t.schema + `"`, "timezone": "UTC",
	} {
		if given, ok := c.RuntimeParams[key]; ok && (key == "application_name" || key == "synchronous_commit" && given == "remote_apply") {
			continue
		}
		c.RuntimeParams[key] = value
	}
	c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite // a standby shows what is past
	dialer := &net.Dialer{
		Timeout:         silence,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: probeAfter, Interval: probeEvery, Count: 3},
		Control:         giveUp,
	}
	c.DialFunc = dialer.DialContext
	c.StatementCacheCapacity, c.DescriptionCacheCapacity = keptStatements, keptStatements
	if !t.cached {
		c.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	return c, nil
}
