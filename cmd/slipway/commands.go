package main

import (
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/spf13/cobra"
)

// list fetches and prints a whole list.
func (c *cli) list(cmd *cobra.Command, f *clientFlags, path string, query url.Values, columns ...column) error {
	cl, err := c.client(f)
	if err != nil {
		return err
	}
	items, err := cl.all(cmd.Context(), path, query)
	if err != nil {
		return err
	}
	return printList(c.stdout, f.output, items, columns)
}

// show makes a call and prints the object that it answers.
func (c *cli) show(cmd *cobra.Command, f *clientFlags, rq request, columns ...column) error {
	cl, err := c.client(f)
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if err := cl.call(cmd.Context(), rq, &raw); err != nil {
		return err
	}
	return printItem(c.stdout, f.output, raw, columns)
}

// do makes a call that answers nothing and prints what was done; as JSON, nothing is printed.
func (c *cli) do(cmd *cobra.Command, f *clientFlags, rq request, done string) error {
	cl, err := c.client(f)
	if err != nil {
		return err
	}
	if err := cl.call(cmd.Context(), rq, nil); err != nil || f.output == outputJSON {
		return err
	}
	_, err = fmt.Fprintln(c.stdout, clean(done))
	return err
}

// queryOf makes a query of key, value, key, value…; empty values are left out.
func queryOf(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}
