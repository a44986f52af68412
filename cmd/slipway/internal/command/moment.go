package command

import "time"

// Moment reads an RFC 3339 time, or a day such as 2026-01-31 in UTC: its last moment if end is true, else its first one.
func Moment(s string, end bool) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, s); err == nil {
		if end {
			day = day.AddDate(0, 0, 1).Add(-time.Microsecond)
		}
		return day, nil
	}
	return time.Parse(time.RFC3339, s)
}
