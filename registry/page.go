package registry

// MaxPage bounds every list.
const MaxPage = 1000

func Bound(limit int) int {
	if limit <= 0 || limit > MaxPage {
		return MaxPage
	}
	return limit
}
