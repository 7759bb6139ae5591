package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"gatehouse/adapters/dsmclient"
	"gatehouse/bench/measure"
	"gatehouse/bench/report"
	"gatehouse/bench/ways"
)

// syncs fills the token step by step and measures, at each size, a raw
// inventory, one through the gateway, a sync that finds the new keys, and one
// that finds nothing new; and whether a signature got slower.
func (b *bench) syncs(ctx context.Context) error {
	if len(b.Objects) == 0 {
		return nil
	}
	sign := func(ctx context.Context) error { return b.rest.Do(ctx, ways.SignP256, b.input) }
	before, err := measure.Run(ctx, 16, b.Each, sign)
	if err != nil {
		return err
	}
	filled := 0
	for _, n := range b.Objects {
		fmt.Fprintf(os.Stderr, "filling the token up to %d objects\n", n)
		if err := b.direct.Fill(filled, n-filled); err != nil {
			return err
		}
		filled = n
		if err := b.sync(ctx, n); err != nil {
			return err
		}
	}
	// Each process with SoftHSM2 reads what another has put into the token when it
	// next looks, all at once: that is not what a signature costs from then on.
	if _, err := measure.Run(ctx, 16, 3*b.Each, sign); err != nil {
		return err
	}
	after, err := measure.Run(ctx, 16, b.Each, sign)
	if err != nil {
		return err
	}
	b.report.Ratios = append(b.report.Ratios, report.Ratio{
		What: fmt.Sprintf("P-256 with %d keys against a few keys, 16 callers", filled), Ratio: after.Rate() / before.Rate(), Aim: "at least 0.95",
	})
	return nil
}

// timed does something once and reports how long it took.
func (b *bench) timed(what string, n int, do func() (int, error)) (time.Duration, error) {
	began := time.Now()
	count, err := do()
	took := time.Since(began)
	fmt.Fprintf(os.Stderr, "%s: %d in %s\n", what, count, took.Round(time.Millisecond))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	b.report.Rows = append(b.report.Rows, report.Row{
		Operation: fmt.Sprintf("%s, %d objects", what, n), Way: "one run", Callers: 1, Rate: 1 / took.Seconds(), P50: took, P99: took,
	})
	return took, nil
}

// lists measures lists of what was synced: once when nothing of it is in the
// service's memory, and again.
func (b *bench) lists(ctx context.Context, n int) error {
	for _, l := range []struct {
		what  string
		query dsmclient.KeyQuery
	}{
		{"list that a filter narrows", dsmclient.KeyQuery{Filter: `{"$and":[{"name":{"$text":{"$search":"77"}}},{"virtual":true}]}`}},
		{"list that a filter narrows, again", dsmclient.KeyQuery{Filter: `{"$and":[{"name":{"$text":{"$search":"77"}}},{"virtual":true}]}`}},
		{"page of 1000 by name", dsmclient.KeyQuery{Sort: "name:asc", Limit: 1000, Offset: n / 2}},
		{"page of 20 by name", dsmclient.KeyQuery{Sort: "name:asc", Limit: 20, Offset: n / 2}},
	} {
		if _, err := b.timed(l.what, n, func() (int, error) { return b.rest.List(ctx, l.query) }); err != nil {
			return err
		}
	}
	_, err := b.timed("list of all, page by page", n, func() (int, error) { return b.rest.ListAll(ctx) })
	return err
}

func (b *bench) sync(ctx context.Context, n int) error {
	timed := func(what string, do func() (int, error)) (time.Duration, error) { return b.timed(what, n, do) }
	raw, err := timed("raw inventory", b.direct.Inventory)
	if err != nil {
		return err
	}
	if again, err := timed("raw inventory again", b.direct.Inventory); err != nil {
		return err
	} else if again < raw {
		raw = again
	}
	if _, err := timed("inventory through the gateway", func() (int, error) { return b.gateway.Inventory(ctx) }); err != nil {
		return err
	}
	first, err := timed("sync that finds new keys", func() (int, error) { return b.rest.Sync(ctx) })
	if err != nil {
		return err
	}
	repeated, err := timed("sync that finds nothing new", func() (int, error) { return b.rest.Sync(ctx) })
	if err != nil {
		return err
	}
	b.report.Ratios = append(b.report.Ratios,
		report.Ratio{What: fmt.Sprintf("first sync of %d objects, in raw inventories", n), Ratio: first.Seconds() / raw.Seconds(), Aim: "0.8, at most 1.4"},
		report.Ratio{What: fmt.Sprintf("repeated sync of %d objects, in raw inventories", n), Ratio: repeated.Seconds() / raw.Seconds(), Aim: "0.7, at most 1.1"})
	return b.lists(ctx, n)
}
