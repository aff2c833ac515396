/* SPDX-License-Identifier: Apache-2.0 */
/* Real tickers, the most traded first, and the words that invented companies are named of. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct known_symbol {
	const char *ticker;
	const char *name;
	const char *market;
	const char *industry;
	uint32_t price; /* in whole units of the market's currency */
};

struct industry {
	const char *name;
	const char *english; /* as it stands in a company's name */
	const char *korean;
};

struct words {
	const char *const *items;
	size_t count;
};

extern const struct known_symbol known_symbols[];
extern const size_t known_symbols_count;
extern const struct industry industries[];
extern const size_t industries_count;
extern const struct words english_words; /* a company's first word */
extern const struct words english_forms; /* its legal form */
extern const struct words korean_words;
