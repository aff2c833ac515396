/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON values that summary.json and report.html are put together from. */
#include "coordinator/report/json_parts.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "coordinator/report/words.h"

static int append_chunk(const char *text, size_t size, void *context)
{
	return buffer_append(context, text, size);
}

int json_append(struct buffer *buffer, json_t *value)
{
	int r;

	if (!value)
		return -ENOMEM;
	/* 15 digits: each of our numbers is a short decimal, and prints as such. */
	r = json_dump_callback(value, append_chunk, buffer, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	json_decref(value);
	return r < 0 ? -ENOMEM : buffer->failed;
}

void json_put(json_t **object, const char *key, json_t *value)
{
	if (!*object) {
		json_decref(value);
	} else if (json_object_set_new(*object, key, value) < 0) {
		json_decref(*object);
		*object = NULL;
	}
}

void json_put_text(json_t **object, const char *key, const char *text)
{
	json_put(object, key, json_text(text));
}

json_t *json_text(const char *text)
{
	cleanup_buffer struct buffer clean = {0};
	json_t *value = json_string(text ? text : "");

	if (value || !text)
		return value;
	words_append_clean(&clean, text);
	text = buffer_text(&clean);
	return text ? json_string(text) : NULL;
}

/* Above 2^53 there is nothing left to round. */
static double rounded(double value, int decimals)
{
	double scaled = value * pow(10, decimals);

	return fabs(scaled) < 9e15 ? round(scaled) / pow(10, decimals) : value;
}

json_t *json_number(double value, int decimals)
{
	return isfinite(value) ? json_real(rounded(value, decimals)) : json_null();
}

json_t *json_whole(uint64_t value)
{
	return value <= INT64_MAX ? json_integer((json_int_t)value) : json_real((double)value);
}

json_t *json_second(int64_t second)
{
	return second < 0 ? json_null() : json_integer(second);
}

json_t *json_pairs(const struct report_texts *texts)
{
	json_t *object = json_object();

	for (uint32_t i = 0; i < texts->count; i++) {
		json_t *name = json_text(texts->items[i].name);

		json_put(&object, name ? json_string_value(name) : "", json_text(texts->items[i].value));
		json_decref(name);
	}
	return object;
}

int json_append_double(struct buffer *buffer, double value, int decimals)
{
	char digits[64];

	if (!isfinite(value))
		return buffer_append_text(buffer, "null");
	value = rounded(value, decimals);
	snprintf(digits, sizeof(digits), "%.15g", value == 0 ? 0 : value);
	return buffer_append_text(buffer, digits);
}

int json_append_doubles(struct buffer *buffer, const double *values, uint32_t count, int decimals)
{
	for (uint32_t i = 0; i < count; i++) {
		buffer_append_byte(buffer, i ? ',' : '[');
		json_append_double(buffer, values[i], decimals);
	}
	return buffer_append_text(buffer, count ? "]" : "[]");
}

int json_append_floats(struct buffer *buffer, const float *values, uint32_t count, int decimals)
{
	for (uint32_t i = 0; i < count; i++) {
		buffer_append_byte(buffer, i ? ',' : '[');
		json_append_double(buffer, (double)values[i], decimals);
	}
	return buffer_append_text(buffer, count ? "]" : "[]");
}

int json_append_flags(struct buffer *buffer, const _Bool *flags, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		buffer_append_byte(buffer, i ? ',' : '[');
		buffer_append_text(buffer, flags[i] ? "true" : "false");
	}
	return buffer_append_text(buffer, count ? "]" : "[]");
}
