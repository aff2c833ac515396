/* SPDX-License-Identifier: Apache-2.0 */
/* Words and digits for people. */
#include "common/base/text.h"

#include <string.h>

enum { NEAREST_MAX = 64 }; /* bytes; nobody mistypes a longer key of ours */

static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Damerau-Levenshtein (optimal string alignment): insert, delete, replace, swap two neighbours. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	uint8_t rows[3][NEAREST_MAX + 1];
	uint8_t *before = rows[0], *last = rows[1], *now = rows[2];

	for (size_t j = 0; j <= b_length; j++)
		last[j] = (uint8_t)j;
	for (size_t i = 1; i <= a_length; i++) {
		uint8_t *spare = before;

		now[0] = (uint8_t)i;
		for (size_t j = 1; j <= b_length; j++) {
			_Bool same = lower(a[i - 1]) == lower(b[j - 1]);
			size_t cost = least(least(now[j - 1], last[j]) + 1, last[j - 1] + !same);

			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
				cost = least(cost, before[j - 2] + 1);
			now[j] = (uint8_t)cost;
		}
		before = last;
		last = now;
		now = spare;
	}
	return last[b_length];
}

const char *text_nearest(const char *word, const char *const *candidates)
{
	size_t length = strlen(word);
	size_t best = 1 + length / 4;
	const char *nearest = NULL;

	if (length == 0 || length > NEAREST_MAX)
		return NULL;
	for (; *candidates; candidates++) {
		size_t candidate_length = strlen(*candidates);
		size_t apart;

		if (candidate_length > NEAREST_MAX)
			continue;
		apart = distance(word, length, *candidates, candidate_length);
		if (apart > best || (apart == best && nearest) || (apart > 0 && apart >= length))
			continue;
		nearest = *candidates;
		best = apart;
	}
	return nearest;
}

void text_format_hex(const void *data, size_t size, char *ret_hex)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = data;

	for (size_t i = 0; i < size; i++) {
		ret_hex[2 * i] = digits[bytes[i] >> 4];
		ret_hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret_hex[2 * size] = '\0';
}

/* RFC 4122, 4.4: version 4 in the high half of byte 6, variant 10 in the top bits of byte 8. */
void text_format_uuid(const uint8_t bytes[16], char ret_uuid[37])
{
	static const uint8_t groups[] = {4, 2, 2, 2, 6};
	uint8_t uuid[16];
	size_t from = 0;
	size_t at = 0;

	memcpy(uuid, bytes, sizeof(uuid));
	uuid[6] = (uuid[6] & 0x0f) | 0x40;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
	for (size_t i = 0; i < sizeof(groups); i++) {
		text_format_hex(uuid + from, groups[i], ret_uuid + at);
		from += groups[i];
		at += 2u * groups[i];
		ret_uuid[at++] = i + 1 < sizeof(groups) ? '-' : '\0';
	}
}
