/* SPDX-License-Identifier: Apache-2.0 */
/* Prices that move: three waves over the list price, each symbol's with phases of its own. */
#include "deploy/lab/quotes.h"

#include <math.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/random.h"

#define MS_PER_DAY 86400000
#define TURN (2 * 3.14159265358979323846)

static void seed(struct random *random, const struct symbol *symbol, uint64_t salt)
{
	random_seed(random, hash_crc32(symbol->ticker, strlen(symbol->ticker)) + (salt << 32));
}

static double round_cents(double price)
{
	return round(price * 100) / 100;
}

/* A price never falls below 0.01, nor does it move by more than 16 %. */
static double price_at(const struct symbol *symbol, double days)
{
	double list = symbol->price_cents / 100.0, move;
	struct random random;

	seed(&random, symbol, 0);
	move = 0.10 * sin(TURN * (days / 47 + random_unit(&random)));
	move += 0.05 * sin(TURN * (days / 9 + random_unit(&random)));
	move += 0.01 * sin(TURN * (days * 96 + random_unit(&random)));
	return fmax(0.01, round_cents(list * (1 + move)));
}

static uint64_t volume_of(const struct symbol *symbol, int64_t day)
{
	struct random random;

	seed(&random, symbol, (uint64_t)day + 1);
	return random_between(&random, 10000, 5000000);
}

void quote_at(const struct symbol *symbol, int64_t wall_ms, struct quote *ret_quote)
{
	int64_t day = wall_ms / MS_PER_DAY;
	double list = symbol->price_cents / 100.0, price = price_at(symbol, (double)wall_ms / MS_PER_DAY);

	ret_quote->price = price;
	ret_quote->change = round_cents((price / list - 1) * 100);
	ret_quote->volume = (uint64_t)((double)volume_of(symbol, day) * ((double)(wall_ms % MS_PER_DAY) / MS_PER_DAY));
}

void quote_of_day(const struct symbol *symbol, int64_t day, struct day_quote *ret_quote)
{
	double open = price_at(symbol, (double)day), close = price_at(symbol, (double)day + 0.7503);

	ret_quote->open = open;
	ret_quote->close = close;
	ret_quote->high = round_cents(fmax(open, close) * 1.012);
	ret_quote->low = fmin(fmin(open, close), fmax(0.01, round_cents(fmin(open, close) * 0.988)));
	ret_quote->volume = volume_of(symbol, day);
}
