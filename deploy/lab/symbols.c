/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's stock symbols. Invented companies walk through all pairs of a word and an industry by a
 * stride that has no factor in common with their number, so that names look random and don't repeat
 * before all pairs are used. Nothing here may change without plans/symbols.csv changing with it. */
#include "deploy/lab/symbols.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/names.h"
#include "common/base/random.h"
#include "deploy/lab/known_symbols.h"

#define PAIR_STRIDE 1009 /* a prime that divides no number of pairs here */
#define CODE_STRIDE 7919 /* a prime without a factor of CODE_COUNT */

enum {
	KOREAN_EVERY = 5,   /* one invented company of so many is Korean */
	CODE_COUNT = 90000, /* Korean codes are 10000, 10010 ... 909990: six digits, the last one 0 */
	TICKER_TRIES = 64,  /* of abbreviations of the name, before any four letters do */
	INVENTED_SEED = 5930,
};

struct symbols {
	struct symbol *items;
	size_t count;
	struct names *tickers; /* ids are indices */
};

DEFINE_CLEANUP(struct symbols *, symbols_free)

struct inventor {
	struct symbols *symbols;
	struct random random;
	size_t english; /* companies invented so far */
	size_t korean;
	size_t code;
};

struct symbols *symbols_free(struct symbols *symbols)
{
	if (!symbols)
		return NULL;
	names_free(symbols->tickers);
	free(symbols->items);
	free(symbols);
	return NULL;
}

static _Bool is_taken(const struct symbols *symbols, const char *ticker)
{
	return names_find(symbols->tickers, ticker, strlen(ticker)) != NAMES_NONE;
}

static int add(struct symbols *symbols, const struct symbol *symbol)
{
	uint32_t id;
	int r = names_intern(symbols->tickers, symbol->ticker, strlen(symbol->ticker), &id, NULL);

	if (r < 0)
		return r;
	symbols->items[symbols->count++] = *symbol;
	return 0;
}

static int add_known(struct symbols *symbols, const struct known_symbol *known)
{
	struct symbol symbol = {
	        .market = known->market, .industry = known->industry, .price_cents = known->price * 100};

	snprintf(symbol.ticker, sizeof(symbol.ticker), "%s", known->ticker);
	snprintf(symbol.name, sizeof(symbol.name), "%s", known->name);
	return add(symbols, &symbol);
}

/* Three or four letters: the name's first and some of those that follow, in order. */
static void abbreviate(const char *name, struct random *random, char ret_ticker[SYMBOL_TICKER_SIZE])
{
	size_t length = 3 + random_below(random, 2), size = 1;
	size_t left = strlen(name) - 1;

	ret_ticker[0] = name[0];
	for (const char *at = name + 1; *at && size < length; at++, left--) {
		char upper = (char)(*at & ~0x20);

		if (upper >= 'A' && upper <= 'Z' && random_below(random, left + 1) < length - size + 1)
			ret_ticker[size++] = upper;
	}
	while (size < length)
		ret_ticker[size++] = (char)('A' + random_below(random, 26));
	ret_ticker[size] = 0;
}

static void letters(struct random *random, char ret_ticker[SYMBOL_TICKER_SIZE])
{
	for (int i = 0; i < 4; i++)
		ret_ticker[i] = (char)('A' + random_below(random, 26));
	ret_ticker[4] = 0;
}

static int add_english(struct inventor *inventor)
{
	size_t pairs = english_words.count * industries_count, turn = inventor->english / pairs;
	size_t pair = inventor->english++ * PAIR_STRIDE % pairs;
	const struct industry *industry = &industries[pair % industries_count];
	struct symbol symbol = {.market = random_below(&inventor->random, 2) ? "NYSE" : "NASDAQ",
	                        .industry = industry->name};
	int tries = 0;

	snprintf(symbol.name, sizeof(symbol.name), "%s %s %s", english_words.items[pair / industries_count],
	         industry->english, english_forms.items[(pair + turn) % english_forms.count]);
	do {
		if (tries++ < TICKER_TRIES)
			abbreviate(symbol.name, &inventor->random, symbol.ticker);
		else
			letters(&inventor->random, symbol.ticker);
	} while (is_taken(inventor->symbols, symbol.ticker));
	symbol.price_cents = (uint32_t)random_between(&inventor->random, 400, 60000);
	return add(inventor->symbols, &symbol);
}

static int add_korean(struct inventor *inventor)
{
	size_t pairs = korean_words.count * industries_count;
	size_t pair = inventor->korean++ * PAIR_STRIDE % pairs;
	const struct industry *industry = &industries[pair % industries_count];
	struct symbol symbol = {.market = random_below(&inventor->random, 2) ? "KOSPI" : "KOSDAQ",
	                        .industry = industry->name};

	snprintf(symbol.name, sizeof(symbol.name), "%s%s", korean_words.items[pair / industries_count],
	         industry->korean);
	do {
		size_t code = 10000 + inventor->code++ * CODE_STRIDE % CODE_COUNT * 10;

		snprintf(symbol.ticker, sizeof(symbol.ticker), "%06u", (unsigned)(code % 1000000));
	} while (is_taken(inventor->symbols, symbol.ticker));
	symbol.price_cents = (uint32_t)random_between(&inventor->random, 20, 4000) * 5000; /* steps of 50 won */
	return add(inventor->symbols, &symbol);
}

static int fill(struct symbols *symbols, size_t count)
{
	struct inventor inventor = {.symbols = symbols};
	int r = 0;

	random_seed(&inventor.random, INVENTED_SEED);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (i < known_symbols_count)
			r = add_known(symbols, &known_symbols[i]);
		else if (i % KOREAN_EVERY == 0)
			r = add_korean(&inventor);
		else
			r = add_english(&inventor);
	}
	return r;
}

int symbols_new(size_t count, struct symbols **ret_symbols)
{
	cleanup(symbols_freep) struct symbols *symbols = calloc(1, sizeof(*symbols));
	int r;

	if (!symbols)
		return -ENOMEM;
	symbols->items = calloc(count ? count : 1, sizeof(*symbols->items));
	symbols->tickers = names_new();
	if (!symbols->items || !symbols->tickers)
		return -ENOMEM;
	r = fill(symbols, count);
	if (r < 0)
		return r;
	*ret_symbols = steal(symbols);
	return 0;
}

size_t symbols_count(const struct symbols *symbols)
{
	return symbols->count;
}

const struct symbol *symbols_at(const struct symbols *symbols, size_t index)
{
	return &symbols->items[index];
}

const struct symbol *symbols_find(const struct symbols *symbols, const char *ticker, size_t size)
{
	uint32_t id = names_find(symbols->tickers, ticker, size);

	return id == NAMES_NONE ? NULL : &symbols->items[id];
}

int symbols_write_csv(const struct symbols *symbols, struct buffer *buffer)
{
	buffer_append_text(buffer, "symbol,name,market,industry,price\n");
	for (size_t i = 0; i < symbols->count; i++) {
		const struct symbol *symbol = &symbols->items[i];

		buffer_append_format(buffer, "%s,%s,%s,%s,%" PRIu32 ".%02" PRIu32 "\n", symbol->ticker, symbol->name,
		                     symbol->market, symbol->industry, symbol->price_cents / 100,
		                     symbol->price_cents % 100);
	}
	return buffer->failed;
}
