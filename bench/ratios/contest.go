package main

import (
	"context"
	"fmt"
	"slices"
)

// side is one of the compared programs.
type side struct {
	name    string
	measure func(ctx context.Context) (result, error) // one round
}

// result is the result of a side in a round.
type result struct {
	rate float64 // units per second
	cpu  float64 // milliseconds of the server's processors for one unit; 0 where there is none
}

// contest compares a server with floors.
type contest struct {
	name   string
	unit   string
	server side
	floors []side
	wanted float64 // of the first floor; 0 is nothing in particular
}

// run measures all sides in turn, as often as there are rounds, and prints a line for each floor.
func (c contest) run(ctx context.Context, b *bench) error {
	sides := append([]side{c.server}, c.floors...)
	got, cpu := make([][]float64, len(sides)), make([][]float64, len(sides))
	for range b.rounds {
		for i, s := range sides {
			r, err := s.measure(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			got[i], cpu[i] = append(got[i], r.rate), append(cpu[i], r.cpu)
		}
	}
	name := c.name
	for i, f := range c.floors {
		ours, floor := median(got[0]), median(got[i+1])
		wanted := ""
		if c.wanted > 0 && i == 0 {
			wanted = fmt.Sprintf("≥ %.2g", c.wanted)
		}
		fmt.Fprintf(b.table, "%s\t%s %s\t%s %s\t%s\t%.2f\t%s\t%.3f, %.3f\t%.0f %%, %.0f %%\n", name, number(ours), c.unit, number(floor), c.unit, f.name,
			ours/floor, wanted, median(cpu[0]), median(cpu[i+1]), 100*spread(got[0]), 100*spread(got[i+1]))
		name = ""
	}
	return nil
}

func median(list []float64) float64 {
	list = slices.Sorted(slices.Values(list))
	if n := len(list); n%2 == 0 {
		return (list[n/2-1] + list[n/2]) / 2
	}
	return list[len(list)/2]
}

// spread is the distance of the extremes, as a share of the median.
func spread(list []float64) float64 {
	return (slices.Max(list) - slices.Min(list)) / median(list)
}

func number(v float64) string {
	switch {
	case v >= 1000:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// note prints a line that compares a value with a bound.
func (b *bench) note(name, value, wanted string) {
	fmt.Fprintf(b.table, "%s\t%s\t\t\t\t%s\t\n", name, value, wanted)
}
