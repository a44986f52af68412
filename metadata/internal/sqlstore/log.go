package sqlstore

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"slipway/metadata"
)

const (
	saltBytes = 16
	// maxLeafBytes is the size limit of an entry of a tile (C2SP tlog-tiles: a length of 16 bits).
	maxLeafBytes = 1<<16 - 1
	// maxArms bounds the repositories or packages that Entries looks up one by one; with more it filters.
	maxArms = 8
	// maxHashes bounds the hashes one statement asks for.
	maxHashes = 256

	entryColumns = `seq, id, at, type, subject, repository_id, package_id, actor_type, actor_id, data, salt, data_hash`
)

func scanEntry(r row) (metadata.Entry, error) {
	var v metadata.Entry
	var at int64
	err := r.Scan(&v.Seq, &v.ID, &at, &v.Type, &v.Subject, &v.RepositoryID, &v.PackageID, &v.Actor.Type, &v.Actor.ID,
		&v.Data, &v.Salt, &v.DataHash)
	v.Time = fromMicros(at)
	return v, err
}

// Append implements metadata.Log. The backend writes the Merkle hashes when it commits, so LogHashes does not find them in
// this transaction.
func (t log) Append(e metadata.Entry) (metadata.Entry, error) {
	if err := t.writable(); err != nil {
		return e, err
	}
	if err := checkEntry(e); err != nil {
		return e, err
	}
	e.Seq = t.log.next()
	e.Time = t.Now()
	id, err := t.log.id(e.Time)
	if err != nil {
		return e, fmt.Errorf("metadata: log entry id: %w", err)
	}
	e.ID = entryPrefix + id.String()
	e.Salt = make([]byte, saltBytes)
	if _, err := rand.Read(e.Salt); err != nil {
		return e, fmt.Errorf("metadata: log entry salt: %w", err)
	}
	e.DataHash = metadata.HashData(e.Salt, e.Data)
	leaf := e.Leaf()
	if len(leaf) > maxLeafBytes {
		return e, fmt.Errorf("metadata: log entry %s: a leaf of %d bytes, at most %d fit", e.Type, len(leaf), maxLeafBytes)
	}
	if err := t.write(nil, `INSERT INTO log_entry (`+entryColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		e.Seq, e.ID, micros(e.Time), e.Type, e.Subject, e.RepositoryID, e.PackageID, e.Actor.Type, e.Actor.ID,
		e.Data, e.Salt, e.DataHash); err != nil {
		return e, err
	}
	t.log.add(tlog.RecordHash(leaf))
	return e, nil
}

// checkEntry refuses an entry that would not come back from the database unchanged.
func checkEntry(e metadata.Entry) error {
	if b := bytes.TrimLeft(e.Data, " \t\r\n"); len(b) == 0 || b[0] != '{' || !json.Valid(b) {
		return fmt.Errorf("metadata: data of log entry %s is not a JSON object", e.Type)
	}
	if !texts([]any{e.Type, e.Subject, e.Actor.Type, e.Actor.ID}) {
		return fmt.Errorf("metadata: log entry %q: %w", e.Type, metadata.ErrText)
	}
	return nil
}

// LogSize implements metadata.Log.
func (t log) LogSize() (int64, error) {
	return one(t.Tx, scanInt, `SELECT COALESCE(MAX(seq), -1) + 1 FROM log_entry`)
}

// Entries implements metadata.Log.
func (t log) Entries(q metadata.EntryQuery) ([]metadata.Entry, error) {
	var repositories []int64
	if q.Repositories != nil {
		repositories = slices.Clone(q.Repositories)
		if q.Global {
			repositories = append(repositories, 0)
		}
		slices.Sort(repositories)
		repositories = slices.Compact(repositories)
		if len(repositories) == 0 {
			return nil, t.Failed()
		}
	}
	if q.Packages != nil {
		q.Packages = slices.Compact(slices.Sorted(slices.Values(q.Packages)))
		if len(q.Packages) == 0 {
			return nil, t.Failed()
		}
	}
	text, args := t.d.entries(q, repositories)
	return all(t.Tx, scanEntry, text, args...)
}

// entries builds the statement. A few repositories, or packages, are looked up one by one in the index (repository_id, seq) or
// (package_id, seq) and merged by seq, so a sparse one costs no scan of the log; for many the log is read in order and filtered.
func (d *Dialect) entries(q metadata.EntryQuery, repositories []int64) (string, []any) {
	args := []any{q.After}
	param := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	where := ` FROM log_entry WHERE seq > $1`
	if q.Before > 0 {
		where += ` AND seq < ` + param(q.Before)
	}
	if len(q.Types) > 0 {
		var likes []string
		for _, glob := range padded(findable(q.Types)) {
			likes = append(likes, `type LIKE `+param(like(glob))+` ESCAPE '!'`)
		}
		where += ` AND (` + strings.Join(likes, ` OR `) + `)`
	}
	where = `SELECT ` + entryColumns + where
	arms := []string{where}
	// The + keeps the planner from using the index, whose rows it would have to sort by seq before the limit.
	filter := func(column string, ids []int64) {
		if ids != nil {
			arms[0] += ` AND +` + column + ` IN (` + d.among(ids, param) + `)`
		}
	}
	lookUp := func(column string, ids []int64) {
		each := make([]string, len(ids))
		for i, id := range ids {
			each[i] = arms[0] + ` AND ` + column + ` = ` + param(id)
		}
		arms = each
	}
	switch {
	case q.Packages != nil && len(q.Packages) <= maxArms:
		filter("repository_id", repositories)
		lookUp("package_id", q.Packages)
	case q.Packages == nil && repositories != nil && len(repositories) <= maxArms:
		lookUp("repository_id", repositories)
	default:
		filter("repository_id", repositories)
		filter("package_id", q.Packages)
	}
	// Not in the return statement: appended to there, go1.26.8 returns args on a dead stack frame (cf. golang/go#81612).
	order := ` ORDER BY seq`
	if q.Newest {
		order += ` DESC`
	}
	text := strings.Join(arms, ` UNION ALL `) + order + most(param(limit(q.Limit)))
	return text, args
}

// SeqAt implements metadata.Log. Times ascend with seq and no entry is missing, so halving needs no index that every append
// would have to write.
func (t log) SeqAt(at time.Time) (int64, error) {
	size, err := t.LogSize()
	if err != nil {
		return 0, err
	}
	first, last := int64(-1), size-1
	for first < last {
		middle := last - (last-first)/2
		then, err := one(t.Tx, scanInt, `SELECT at FROM log_entry WHERE seq = $1`, middle)
		if err != nil {
			return 0, err
		}
		if then <= at.UnixMicro() {
			first = middle
		} else {
			last = middle - 1
		}
	}
	return first, nil
}

// LogHashes implements metadata.Log. ErrNotExist: an index is outside of the tree.
func (t log) LogHashes(indexes []int64) ([][32]byte, error) {
	out := make([][32]byte, 0, len(indexes))
	for part := range slices.Chunk(indexes, maxHashes) {
		found, err := t.hashes(part)
		if err != nil {
			return nil, err
		}
		for _, i := range part {
			h, ok := found[i]
			if !ok {
				return nil, fmt.Errorf("log hash %d: %w", i, metadata.ErrNotExist)
			}
			out = append(out, h)
		}
	}
	return out, nil
}

func (t *Tx) hashes(indexes []int64) (map[int64][32]byte, error) {
	text, args := hashesSQL(indexes)
	found := make(map[int64][32]byte, len(indexes))
	_, err := all(t, func(r row) (struct{}, error) {
		i, h, err := scanHash(r)
		found[i] = h
		return struct{}{}, err
	}, text, args...)
	return found, err
}

// entryPrefix begins the IDs of entries.
const entryPrefix = "evt_"

func hashesSQL(indexes []int64) (string, []any) {
	var in []string
	var args []any
	for _, i := range padded(indexes) {
		args = append(args, i)
		in = append(in, "$"+strconv.Itoa(len(args)))
	}
	return `SELECT idx, hash FROM log_hash WHERE idx IN (` + strings.Join(in, `, `) + `)`, args
}

func scanHash(r row) (int64, [32]byte, error) {
	var i int64
	var raw []byte
	var h [32]byte
	if err := r.Scan(&i, &raw); err != nil {
		return i, h, err
	}
	if copy(h[:], raw) != len(h) || len(raw) != len(h) {
		return i, h, fmt.Errorf("log hash %d has %d bytes", i, len(raw))
	}
	return i, h, nil
}

// Checkpoint implements metadata.Log.
func (t log) Checkpoint() (metadata.Checkpoint, error) {
	return one(t.Tx, func(r row) (metadata.Checkpoint, error) {
		var v metadata.Checkpoint
		var at int64
		err := r.Scan(&v.Size, &v.Note, &at)
		v.SignedAt = fromMicros(at)
		return v, err
	}, `SELECT size, note, signed_at FROM checkpoint WHERE id = 1`)
}

// PutCheckpoint implements metadata.Log. ErrExists: the stored checkpoint is of a larger log, and a smaller one must not
// replace it.
func (t log) PutCheckpoint(c metadata.Checkpoint) error {
	n, err := t.exec(`INSERT INTO checkpoint (id, size, note, signed_at) VALUES (1, $1, $2, $3)
		ON CONFLICT (id) DO UPDATE SET size = excluded.size, note = excluded.note, signed_at = excluded.signed_at
		WHERE checkpoint.size <= excluded.size`, c.Size, filled(c.Note), micros(c.SignedAt))
	if err == nil && n == 0 {
		return metadata.ErrExists
	}
	return err
}
