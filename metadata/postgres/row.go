package postgres

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// rows is a sqlstore.Rows.
type rows struct {
	found   pgx.Rows
	batch   pgx.BatchResults // whose last answer it is; nil: none
	columns []pgconn.FieldDescription
	values  [][]byte
}

// Next implements sqlstore.Rows.
func (r *rows) Next() bool {
	if !r.found.Next() {
		return false
	}
	if r.columns == nil {
		r.columns = r.found.FieldDescriptions()
	}
	r.values = r.found.RawValues()
	return true
}

// Close implements sqlstore.Rows.
func (r *rows) Close() error {
	r.found.Close()
	err := r.found.Err()
	if r.batch != nil {
		if cerr := r.batch.Close(); err == nil {
			err = cerr
		}
	}
	return err
}

// numerics reads sums, which PostgreSQL counts in a type of their own.
var numerics = pgtype.NewMap()

// Scan implements sqlstore.Row.
func (r *rows) Scan(dest ...any) error {
	if len(dest) != len(r.values) {
		return fmt.Errorf("metadata: %d columns for %d fields", len(r.values), len(dest))
	}
	for i, raw := range r.values {
		if err := assign(dest[i], &r.columns[i], raw); err != nil {
			return fmt.Errorf("metadata: column %d: %w", i+1, err)
		}
	}
	return nil
}

func assign(dest any, column *pgconn.FieldDescription, raw []byte) error {
	switch d := dest.(type) {
	case *[]byte:
		if *d = nil; raw == nil {
			return nil
		}
		if column.Format != pgtype.BinaryFormatCode && column.DataTypeOID == pgtype.ByteaOID {
			return numerics.Scan(column.DataTypeOID, column.Format, raw, d)
		}
		if *d = slices.Clone(raw); *d == nil {
			*d = []byte{}
		}
		return nil
	case *string:
		if raw == nil {
			return fmt.Errorf("NULL for a field of type %T", dest)
		}
		*d = string(raw)
		return nil
	case *any:
		return anyValue(d, column, raw)
	}
	n, err := number(column, raw)
	if err != nil {
		return err
	}
	switch d := dest.(type) {
	case *int64:
		*d = n
	case *int:
		*d = int(n)
	case *bool:
		*d = n != 0
	default:
		return fmt.Errorf("a field of type %T", dest)
	}
	return nil
}

// anyValue reads a value as it is: nil, a number, bytes or a text.
func anyValue(dest *any, column *pgconn.FieldDescription, raw []byte) error {
	if *dest = nil; raw == nil {
		return nil
	}
	switch column.DataTypeOID {
	case pgtype.ByteaOID:
		var b []byte
		err := assign(&b, column, raw)
		*dest = b
		return err
	case pgtype.Int8OID:
		n, err := number(column, raw)
		*dest = n
		return err
	}
	*dest = string(raw)
	return nil
}

// number reads a whole number or a boolean.
func number(column *pgconn.FieldDescription, raw []byte) (n int64, err error) {
	if column.Format == pgtype.BinaryFormatCode {
		switch {
		case column.DataTypeOID == pgtype.Int8OID && len(raw) == 8:
			return int64(binary.BigEndian.Uint64(raw)), nil //nolint:gosec // of two's complement
		case column.DataTypeOID == pgtype.Int4OID && len(raw) == 4:
			return int64(int32(binary.BigEndian.Uint32(raw))), nil //nolint:gosec // of two's complement
		case column.DataTypeOID == pgtype.BoolOID && len(raw) == 1:
			return int64(raw[0]), nil
		}
	}
	if column.DataTypeOID == pgtype.BoolOID {
		var b bool
		if err = numerics.Scan(column.DataTypeOID, column.Format, raw, &b); b {
			n = 1
		}
		return n, err
	}
	return n, numerics.Scan(column.DataTypeOID, column.Format, raw, &n)
}

// kept are rows in memory.
type kept struct {
	rows
	all  [][][]byte
	next int
}

// Rewind implements sqlstore.Kept.
func (k *kept) Rewind() { k.next = 0 }

// Next implements sqlstore.Rows.
func (k *kept) Next() bool {
	if k.next == len(k.all) {
		return false
	}
	k.values = k.all[k.next]
	k.next++
	return true
}

// Close implements sqlstore.Rows.
func (k *kept) Close() error { return nil }
