package catalog

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"slipway/metadata"
	"slipway/registry"
)

// Orders of packages, beside that of their names.
const (
	Newest  = metadata.NewestPackages
	Largest = metadata.LargestPackages
)

// PackagesBy lists packages of a repository in an order; what other places have that it answers from is left out. The size of a package is that
// which was counted last, and packages that were never counted are not among the largest. next is where the next page begins, "" at the end.
// NotFound; Invalid: the order or the format is unknown.
func (s *Catalog) PackagesBy(ctx context.Context, repository, by string, q PackageQuery) (out []registry.Package, next string, err error) {
	if by != Newest && by != Largest {
		return nil, "", registry.Errorf(registry.Invalid, registry.AboutRequest, "packages are sorted by name, %s or %s, not by %q", Newest, Largest, registry.Clip(by))
	}
	order := metadata.PackageOrder{By: by}
	if order.After, err = placeOf(q.After); err != nil {
		return nil, "", err
	}
	formats := []string{q.Format}
	if q.Format == "" {
		formats = slices.Sorted(maps.Keys(s.core.Rules))
	}
	type placed struct {
		pkg registry.Package
		at  metadata.PackagePlace
	}
	q.After = ""
	err = s.viewPackages(ctx, repository, q, func(tx metadata.Tx, mq metadata.PackageQuery) error {
		var found []placed
		for _, format := range formats {
			order.RepositoryID, order.Format, order.Limit = mq.RepositoryID, format, mq.Limit+1
			list, places, err := tx.Usages().OrderedPackages(order)
			if err != nil {
				return err
			}
			for i, p := range list {
				found = append(found, placed{p, places[i]})
			}
		}
		slices.SortFunc(found, func(a, b placed) int {
			return cmp.Or(cmp.Compare(b.at.Value, a.at.Value), cmp.Compare(b.at.ID, a.at.ID))
		})
		if len(found) > mq.Limit {
			last := found[mq.Limit-1].at
			found, next = found[:mq.Limit], fmt.Sprintf("%d/%d", last.Value, last.ID)
		}
		for _, f := range found {
			out = append(out, f.pkg)
		}
		return describe(tx, out)
	})
	return out, next, err
}

// placeOf reads a cursor of PackagesBy; nil: the first page. Invalid.
func placeOf(cursor string) (*metadata.PackagePlace, error) {
	if cursor == "" {
		return nil, nil
	}
	value, id, _ := strings.Cut(cursor, "/")
	at := &metadata.PackagePlace{}
	var err error
	if at.Value, err = strconv.ParseInt(value, 10, 64); err == nil {
		at.ID, err = strconv.ParseInt(id, 10, 64)
	}
	if err != nil {
		return nil, registry.Errorf(registry.Invalid, registry.AboutRequest, "the cursor is not one of ours")
	}
	return at, nil
}
