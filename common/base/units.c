/* SPDX-License-Identifier: Apache-2.0 */
/* Durations, sizes and numbers as people write them: the reading side. All in integers, so that
 * "0.1s" is 100,000,000 ns and nothing beside it. */
#include "common/base/units.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"

#define DURATION_MAX_NS (UINT64_C(10) * 366 * 24 * 3600 * NS_PER_S) /* 10 years */

enum { FRACTION_DIGITS = 18 }; /* more cannot matter: a day has 8.64e13 ns */

struct unit {
	const char *name;
	uint64_t scale;
};

/* From the largest to the smallest; a duration's parts go the same way ("1h30m", not "30m1h"). */
static const struct unit durations[] = {
        {"d", 24 * 3600 * NS_PER_S},
        {"h", 3600 * NS_PER_S},
        {"m", 60 * NS_PER_S},
        {"s", NS_PER_S},
        {"ms", NS_PER_MS},
        {"us", NS_PER_US},
        {"ns", 1},
        {NULL, 0},
};

static const struct unit sizes[] = {
        {"B", 1},
        {"KB", 1000},
        {"MB", 1000 * 1000},
        {"GB", 1000 * 1000 * 1000},
        {"TB", UINT64_C(1000) * 1000 * 1000 * 1000},
        {"KiB", 1024},
        {"MiB", 1024 * 1024},
        {"GiB", 1024 * 1024 * 1024},
        {"TiB", UINT64_C(1024) * 1024 * 1024 * 1024},
        {NULL, 0},
};

/* A decimal number: whole + fraction / 10^digits. */
struct decimal {
	uint64_t whole;
	uint64_t fraction;
	uint64_t divisor; /* 10^digits */
};

static _Bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads digits, and if there is a point, digits after it as well. Moves *at past them. */
static int read_decimal(const char **at, struct decimal *ret_decimal)
{
	struct decimal decimal = {.divisor = 1};
	const char *text = *at;
	_Bool over = 0;

	if (!is_digit(*text))
		return -EINVAL;
	for (; is_digit(*text); text++)
		over |= __builtin_mul_overflow(decimal.whole, 10, &decimal.whole) ||
		        __builtin_add_overflow(decimal.whole, (uint64_t)(*text - '0'), &decimal.whole);
	if (*text == '.') {
		int digits = 0;

		if (!is_digit(*++text))
			return -EINVAL;
		for (; is_digit(*text); text++) {
			if (++digits > FRACTION_DIGITS)
				return -EINVAL;
			decimal.fraction = decimal.fraction * 10 + (uint64_t)(*text - '0');
			decimal.divisor *= 10;
		}
	}
	*at = text;
	*ret_decimal = decimal;
	return over ? -ERANGE : 0;
}

/* decimal * scale, which must be a whole number. */
static int apply_scale(const struct decimal *decimal, uint64_t scale, uint64_t *ret_value)
{
	unsigned __int128 part = (unsigned __int128)decimal->fraction * scale;
	uint64_t value;

	if (part % decimal->divisor != 0)
		return -EINVAL;
	if (__builtin_mul_overflow(decimal->whole, scale, &value) ||
	    __builtin_add_overflow(value, (uint64_t)(part / decimal->divisor), &value))
		return -ERANGE;
	*ret_value = value;
	return 0;
}

/* The unit whose name is the whole run of letters at text. */
static const struct unit *find_unit(const struct unit *units, const char *text, size_t length)
{
	for (; units->name; units++)
		if (strlen(units->name) == length && memcmp(units->name, text, length) == 0)
			return units;
	return NULL;
}

static size_t letters(const char *text)
{
	size_t length = 0;

	while ((text[length] >= 'a' && text[length] <= 'z') || (text[length] >= 'A' && text[length] <= 'Z'))
		length++;
	return length;
}

int units_parse_duration(const char *text, uint64_t *ret_ns)
{
	const struct unit *units = durations;
	_Bool over = 0;
	uint64_t total = 0;

	if (strcmp(text, "0") == 0) {
		*ret_ns = 0;
		return 0;
	}
	do {
		const struct unit *unit;
		struct decimal decimal;
		uint64_t part = 0;
		size_t length;
		int r = read_decimal(&text, &decimal);

		if (r == -EINVAL)
			return r;
		over |= r == -ERANGE;
		length = letters(text);
		unit = find_unit(units, text, length);
		if (!unit)
			return -EINVAL;
		units = unit + 1;
		text += length;
		r = apply_scale(&decimal, unit->scale, &part);
		if (r == -EINVAL)
			return r;
		over |= r == -ERANGE || __builtin_add_overflow(total, part, &total);
	} while (*text);
	/* A text that is no duration is called that even where a part of it is too large as well. */
	if (over || total > DURATION_MAX_NS)
		return -ERANGE;
	*ret_ns = total;
	return 0;
}

int units_parse_size(const char *text, uint64_t *ret_bytes)
{
	static const struct unit bytes = {"", 1};
	const struct unit *unit = &bytes;
	struct decimal decimal;
	int over = read_decimal(&text, &decimal);

	if (over == -EINVAL)
		return over;
	if (*text) {
		unit = find_unit(sizes, text, strlen(text));
		if (!unit)
			return -EINVAL;
	}
	return over ? over : apply_scale(&decimal, unit->scale, ret_bytes);
}

int units_parse_count(const char *text, uint64_t *ret_count)
{
	uint64_t count = 0;
	_Bool over = 0;

	if (!is_digit(*text))
		return -EINVAL;
	for (; *text; text++) {
		if (*text == '_' && is_digit(text[1]))
			continue;
		if (!is_digit(*text))
			return -EINVAL;
		over |= __builtin_mul_overflow(count, 10, &count) ||
		        __builtin_add_overflow(count, (uint64_t)(*text - '0'), &count);
	}
	if (over)
		return -ERANGE;
	*ret_count = count;
	return 0;
}

int units_parse_share(const char *text, double *ret_share)
{
	struct decimal decimal;
	double value;
	_Bool percent;
	int r = read_decimal(&text, &decimal);

	if (r < 0)
		return r;
	percent = strcmp(text, "%") == 0;
	if (*text && !percent)
		return -EINVAL;
	/* One division of two exact numbers gives the nearest double, as strtod() would. */
	value = ((double)decimal.whole * (double)decimal.divisor + (double)decimal.fraction) /
	        ((double)decimal.divisor * (percent ? 100 : 1));
	if (value > 1)
		return -ERANGE;
	*ret_share = value;
	return 0;
}
