/* SPDX-License-Identifier: Apache-2.0 */
/* Fills a template in: on the path of every operation, so without printf, locks or allocations of its own. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/plan/template.h"
#include "common/plan/template_parts.h"

enum { NUMBER_SIZE = 20 }; /* digits of the longest 64-bit number, or with a sign of the longest signed one */

static int append_number(struct buffer *buffer, uint64_t number, _Bool negative)
{
	char text[NUMBER_SIZE + 1], *at = text + sizeof(text);

	do
		*--at = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	if (negative)
		*--at = '-';
	return buffer_append(buffer, at, (size_t)(text + sizeof(text) - at));
}

static int append_random(struct buffer *buffer, const struct part *part, struct random *random)
{
	/* In unsigned arithmetic: the span of two signed numbers may take 64 bits. */
	uint64_t number = (uint64_t)part->low + random_between(random, 0, part->span);
	_Bool negative = number > INT64_MAX;

	return append_number(buffer, negative ? -number : number, negative);
}

static int append_uuid(struct buffer *buffer, struct random *random)
{
	uint8_t bytes[16];
	char text[37];

	random_fill(random, bytes, sizeof(bytes));
	text_format_uuid(bytes, text);
	return buffer_append(buffer, text, 36);
}

static char *put_digits(char *at, uint64_t number, int digits)
{
	for (int i = digits; i-- > 0; number /= 10)
		at[i] = (char)('0' + number % 10);
	return at + digits;
}

/* Howard Hinnant, "chrono-compatible low-level date algorithms": civil_from_days, for days since 1970. (gmtime_r
 * takes a lock that all threads share.) */
static char *put_date(char *at, uint64_t days)
{
	uint64_t shifted = days + 719468, era = shifted / 146097, day_of_era = shifted % 146097;
	uint64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	uint64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint64_t month_from_march = (5 * day_of_year + 2) / 153;
	uint64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;

	at = put_digits(at, year_of_era + era * 400 + (month <= 2), 4);
	*at++ = '-';
	at = put_digits(at, month, 2);
	*at++ = '-';
	return put_digits(at, day_of_year - (153 * month_from_march + 2) / 5 + 1, 2);
}

void template_format_iso(uint64_t unix_ms, char ret_text[ISO_SIZE])
{
	uint64_t of_day_ms = unix_ms % 86400000;
	char *at = put_date(ret_text, unix_ms / 86400000);

	*at++ = 'T';
	at = put_digits(at, of_day_ms / 3600000, 2);
	*at++ = ':';
	at = put_digits(at, of_day_ms / 60000 % 60, 2);
	*at++ = ':';
	at = put_digits(at, of_day_ms / 1000 % 60, 2);
	*at++ = '.';
	at = put_digits(at, of_day_ms % 1000, 3);
	*at = 'Z';
}

static uint64_t now_ms(void)
{
	return (uint64_t)clock_wall_ns() / NS_PER_MS;
}

static int append_iso(struct buffer *buffer)
{
	char text[ISO_SIZE];

	template_format_iso(now_ms(), text);
	return buffer_append(buffer, text, ISO_SIZE);
}

static int append_value(struct buffer *buffer, const struct part *part, const struct template_scope *scope)
{
	const struct template_value *value;

	if (part->slot >= scope->value_count || !scope->values[part->slot].text)
		return -ENOKEY;
	value = &scope->values[part->slot];
	return buffer_append(buffer, value->text, value->size);
}

static int append_secret(struct buffer *buffer, const struct part *part, const struct template_scope *scope)
{
	const char *secret = scope->secret ? scope->secret(scope->secret_context, part->text) : NULL;

	return secret ? buffer_append_text(buffer, secret) : -ENOKEY;
}

static int append_part(struct buffer *buffer, const struct part *part, const struct template_scope *scope)
{
	switch (part->kind) {
	case PART_TEXT:
		return buffer_append(buffer, part->text, part->size);
	case PART_VALUE:
		return append_value(buffer, part, scope);
	case PART_VU:
		return append_number(buffer, scope->vu, 0);
	case PART_ITERATION:
		return append_number(buffer, scope->iteration, 0);
	case PART_AGENT:
		return buffer_append_text(buffer, scope->agent ? scope->agent : "");
	case PART_RANDOM:
		assert(scope->random);
		return append_random(buffer, part, scope->random);
	case PART_UUID:
		assert(scope->random);
		return append_uuid(buffer, scope->random);
	case PART_NOW:
		return append_number(buffer, now_ms(), 0);
	case PART_NOW_ISO:
		return append_iso(buffer);
	case PART_SECRET:
		return append_secret(buffer, part, scope);
	}
	return -EINVAL;
}

int template_render(const struct template *template, const struct template_scope *scope, struct buffer *buffer,
                    const char **ret_missing)
{
	size_t size = buffer->size;

	for (uint32_t i = 0; i < template->count; i++) {
		int r = append_part(buffer, &template->parts[i], scope);

		if (r < 0) {
			buffer->size = size;
			if (r == -ENOKEY && ret_missing)
				*ret_missing = template->parts[i].text;
			return r;
		}
	}
	return 0;
}
