/* SPDX-License-Identifier: Apache-2.0 */
/* Prices that move: a function of the symbol and the time alone, so that every answer agrees with every other. */
#pragma once

#include <stdint.h>

#include "deploy/lab/symbols.h"

struct quote {
	double price;
	double change; /* since the symbol's list price, in percent */
	uint64_t volume;
};

struct day_quote {
	double open, high, low, close;
	uint64_t volume;
};

/* At a wall time in ms since 1970. */
void quote_at(const struct symbol *symbol, int64_t wall_ms, struct quote *ret_quote);
/* Of a whole day, counted from 1970-01-01. low <= open, close <= high. */
void quote_of_day(const struct symbol *symbol, int64_t day, struct day_quote *ret_quote);
