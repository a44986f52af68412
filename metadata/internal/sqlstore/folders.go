package sqlstore

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"slipway/metadata"
)

// afterFolder and afterFile, behind a path, make the least text that is greater than every path below that folder, and than
// the file of that path: '0' follows '/', and no path has a control character.
const (
	afterFolder = "0"
	afterFile   = "\x01"
)

// Folder implements metadata.Files: from each entry it seeks to the next, past everything below the entry.
func (t files) Folder(p metadata.FolderPage) ([]metadata.FolderEntry, error) {
	from := p.Folder + p.After
	switch {
	case p.AfterIsDir:
		from += afterFolder
	case p.After != "":
		from += afterFile
	}
	args := []any{p.VersionID, from}
	end := within(p.Folder, &args)
	args = append(args, utf8.RuneCountInString(p.Folder)+1) // both databases count characters
	begin := last(args)
	args = append(args, limit(p.Limit))
	slash := t.d.Position + `(substr(entry.path, ` + begin + `), '/')`
	files, err := all(t.Tx, scanFile, `WITH RECURSIVE entry (n, path) AS (
			SELECT CAST(1 AS BIGINT), (SELECT f.path FROM file f WHERE f.version_id = $1 AND f.path >= $2`+end+` ORDER BY f.path LIMIT 1)
			UNION ALL
			SELECT entry.n + 1, (SELECT f.path FROM file f WHERE f.version_id = $1 AND f.path >= CASE `+slash+`
					WHEN 0 THEN entry.path || '`+afterFile+`'
					ELSE substr(entry.path, 1, `+begin+` + `+slash+` - 2) || '`+afterFolder+`' END`+end+` ORDER BY f.path LIMIT 1)
			FROM entry WHERE entry.path IS NOT NULL AND entry.n < `+last(args)+`)
		SELECT `+fileColumns+` FROM entry CROSS JOIN file f ON f.version_id = $1 AND f.path = entry.path JOIN blob b ON b.id = f.blob_id
		ORDER BY entry.n`, args...)
	if err != nil {
		return nil, err
	}
	out := make([]metadata.FolderEntry, len(files))
	for i, f := range files {
		name, _, dir := strings.Cut(f.Path[len(p.Folder):], "/")
		out[i] = metadata.FolderEntry{Name: name, Dir: dir, File: f}
	}
	return out, nil
}

// within is the condition that ends a folder's range, with its argument; "" for the whole version.
func within(folder string, args *[]any) string {
	if folder == "" {
		return ""
	}
	*args = append(*args, strings.TrimSuffix(folder, "/")+afterFolder)
	return ` AND f.path < ` + last(*args)
}

// last names the last argument.
func last(args []any) string { return `$` + strconv.Itoa(len(args)) }

// FileBeside implements metadata.Files.
func (t files) FileBeside(versionID int64, path string) (string, error) {
	var folders []string
	for i, c := range []byte(path) {
		if c == '/' {
			folders = append(folders, path[:i])
		}
	}
	if len(folders) > 0 {
		args, in := []any{versionID}, []string{}
		for _, f := range padded(findable(folders)) {
			args = append(args, f)
			in = append(in, last(args))
		}
		found, err := one(t.Tx, scanText, `SELECT path FROM file WHERE version_id = $1 AND path IN (`+strings.Join(in, ", ")+`) LIMIT 1`, args...)
		if !errors.Is(err, metadata.ErrNotExist) {
			return found, err
		}
	}
	return one(t.Tx, scanText, `SELECT path FROM file WHERE version_id = $1 AND path > $2 AND path < $3 ORDER BY path LIMIT 1`,
		versionID, path+"/", path+afterFolder)
}
