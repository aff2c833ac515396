/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's stock symbols: the well-known ones first, then invented ones; the same list every time. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/failure.h"

enum { SYMBOL_TICKER_SIZE = 8, SYMBOL_NAME_SIZE = 64 };

struct symbol {
	char ticker[SYMBOL_TICKER_SIZE]; /* ASCII letters, digits and '.' */
	char name[SYMBOL_NAME_SIZE];     /* UTF-8 without '"', '\\' and ',' */
	const char *market;
	const char *industry;
	uint32_t price_cents; /* hundredths of the market's currency */
};

struct symbols;

/* The first `count` symbols. The list of n begins with the list of n - 1. 0 or -ENOMEM. */
int symbols_new(size_t count, struct symbols **ret_symbols);
struct symbols *symbols_free(struct symbols *symbols);
size_t symbols_count(const struct symbols *symbols);
/* Symbol `index` of symbols_count(). */
const struct symbol *symbols_at(const struct symbols *symbols, size_t index);
/* The symbol of this ticker, or NULL. Callable from any thread. */
const struct symbol *symbols_find(const struct symbols *symbols, const char *ticker, size_t size);
/* Appends the CSV: a header line, then `symbol,name,market,industry,price` a line. 0 or -ENOMEM. */
int symbols_write_csv(const struct symbols *symbols, struct buffer *buffer);
