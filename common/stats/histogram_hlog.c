/* SPDX-License-Identifier: Apache-2.0 */
/* HdrHistogram's V2 compressed encoding, as its log files hold it: a header and the counts as
 * ZigZag LEB128 (a run of n > 1 zeros is one -n), deflated, behind a cookie and a length, in base64.
 * All integers are big-endian. */
#include <errno.h>
#include <zlib.h>

#include "common/stats/histogram.h"
#include "common/stats/histogram_internal.h"

/* The low digit of the second byte from the right says ZigZag LEB128. */
#define COOKIE_V2 UINT32_C(0x1c849313)
#define COOKIE_V2_COMPRESSED UINT32_C(0x1c849314)

enum {
	SIGNIFICANT_DIGITS = 3,
	WORD_BYTES_MAX = 9, /* the ninth byte holds 8 bits */
};

static void append_big_endian(struct buffer *buffer, uint64_t value, unsigned int bytes)
{
	while (bytes-- > 0)
		buffer_append_byte(buffer, (uint8_t)(value >> (8 * bytes)));
}

static void append_zigzag(struct buffer *buffer, int64_t value)
{
	uint64_t word = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
	int bytes = 1;

	for (; word >= 0x80 && bytes < WORD_BYTES_MAX; bytes++) {
		buffer_append_byte(buffer, (uint8_t)(word | 0x80));
		word >>= 7;
	}
	buffer_append_byte(buffer, (uint8_t)word);
}

static void append_counts(const struct histogram *histogram, struct buffer *buffer)
{
	struct histogram_cursor cursor = {.histogram = histogram};
	uint32_t next = 0;

	/* An empty histogram still has the counter of the value 0. */
	if (histogram->count == 0)
		append_zigzag(buffer, 0);
	while (histogram_cursor_next(&cursor)) {
		uint32_t zeros = cursor.index - next;

		if (zeros > 0)
			append_zigzag(buffer, zeros > 1 ? -(int64_t)zeros : 0);
		append_zigzag(buffer, cursor.count <= INT64_MAX ? (int64_t)cursor.count : INT64_MAX);
		next = cursor.index + 1;
	}
}

static void append_v2(const struct histogram *histogram, struct buffer *buffer)
{
	cleanup_buffer struct buffer counts = {0};

	append_counts(histogram, &counts);
	append_big_endian(buffer, COOKIE_V2, 4);
	append_big_endian(buffer, counts.size, 4);
	append_big_endian(buffer, 0, 4); /* normalizing index offset */
	append_big_endian(buffer, SIGNIFICANT_DIGITS, 4);
	append_big_endian(buffer, 1, 8); /* lowest discernible value */
	append_big_endian(buffer, HISTOGRAM_HIGHEST_US, 8);
	append_big_endian(buffer, UINT64_C(0x3ff0000000000000), 8); /* integer to double ratio: 1.0 */
	buffer_append(buffer, counts.data, counts.size);
	if (counts.failed)
		buffer->failed = counts.failed;
}

static int deflate_into(struct buffer *buffer, const struct buffer *plain)
{
	uLongf size = compressBound(plain->size);

	if (buffer_reserve(buffer, size) < 0)
		return -ENOMEM;
	if (compress2(buffer->data + buffer->size, &size, plain->data, plain->size, Z_DEFAULT_COMPRESSION) != Z_OK)
		return -ENOMEM;
	buffer->size += size;
	return 0;
}

static void append_base64(struct buffer *buffer, const uint8_t *data, size_t size)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < size; i += 3) {
		size_t left = size - i;
		uint32_t word = (uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
		                (left > 2 ? data[i + 2] : 0);
		char four[4] = {digits[word >> 18], digits[word >> 12 & 63], left > 1 ? digits[word >> 6 & 63] : '=',
		                left > 2 ? digits[word & 63] : '='};

		buffer_append(buffer, four, sizeof(four));
	}
}

int histogram_encode_hlog(const struct histogram *histogram, struct buffer *buffer)
{
	cleanup_buffer struct buffer plain = {0};
	cleanup_buffer struct buffer deflated = {0};
	cleanup_buffer struct buffer whole = {0};

	append_v2(histogram, &plain);
	if (plain.failed || deflate_into(&deflated, &plain) < 0)
		return -ENOMEM;
	append_big_endian(&whole, COOKIE_V2_COMPRESSED, 4);
	append_big_endian(&whole, deflated.size, 4);
	buffer_append(&whole, deflated.data, deflated.size);
	if (whole.failed || buffer_reserve(buffer, whole.size / 3 * 4 + 4) < 0)
		return -ENOMEM;
	append_base64(buffer, whole.data, whole.size);
	return 0;
}
