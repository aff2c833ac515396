/* SPDX-License-Identifier: Apache-2.0 */
/* What each message carries. */
#include "common/stats/stamp.h"

#include <errno.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/stats/sequences.h"

enum {
	MAGIC_SIZE = 3,
	VERSION = 1,
	VERSION_AT = 3,
	TAG_AT = 4,
	TAG_SIZE = 8,
	STREAM_AT = 12,
	SEQUENCE_AT = 20,
	INTENDED_AT = 28,
	CRC_AT = 36,
};

static const uint8_t magic[MAGIC_SIZE] = {'S', 'T', 'P'};

static void put_u64(uint8_t *at, uint64_t value)
{
	for (size_t i = 0; i < 8; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get_u64(const uint8_t *at)
{
	uint64_t value = 0;

	for (size_t i = 0; i < 8; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

static void put_u32(uint8_t *at, uint32_t value)
{
	for (size_t i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get_u32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int stamp_tag(const char *uuid, uint8_t ret_tag[8])
{
	uint8_t tag[TAG_SIZE];

	for (size_t i = 0; i < TAG_SIZE; i++, uuid += 2) {
		int high, low;

		/* 8-4-4 digits are the first eight bytes. */
		if ((i == 4 || i == 6) && *uuid++ != '-')
			return -EINVAL;
		high = hex_digit(uuid[0]);
		low = high < 0 ? -1 : hex_digit(uuid[1]);
		if (low < 0)
			return -EINVAL;
		tag[i] = (uint8_t)(high << 4 | low);
	}
	if (*uuid != '-')
		return -EINVAL;
	memcpy(ret_tag, tag, TAG_SIZE);
	return 0;
}

void stamper_init(struct stamper *stamper, const uint8_t tag[8], uint64_t stream)
{
	memcpy(stamper->head, magic, MAGIC_SIZE);
	stamper->head[VERSION_AT] = VERSION;
	memcpy(stamper->head + TAG_AT, tag, TAG_SIZE);
	put_u64(stamper->head + STREAM_AT, stream);
	stamper->crc = hash_crc32_short(0, stamper->head, sizeof(stamper->head));
}

void stamp_write(const struct stamper *stamper, uint64_t sequence, int64_t intended_ns, uint8_t *ret_bytes)
{
	memcpy(ret_bytes, stamper->head, sizeof(stamper->head));
	put_u64(ret_bytes + SEQUENCE_AT, sequence);
	put_u64(ret_bytes + INTENDED_AT, (uint64_t)intended_ns);
	put_u32(ret_bytes + CRC_AT, hash_crc32_short(stamper->crc, ret_bytes + SEQUENCE_AT, CRC_AT - SEQUENCE_AT));
}

int stamp_read(const uint8_t *bytes, size_t size, const uint8_t tag[8], struct stamp *ret_stamp)
{
	if (size < STAMP_SIZE || memcmp(bytes, magic, MAGIC_SIZE) != 0)
		return STAMP_FOREIGN;
	if (get_u32(bytes + CRC_AT) != hash_crc32_short(0, bytes, CRC_AT))
		return STAMP_DAMAGED;
	if (bytes[VERSION_AT] != VERSION || memcmp(bytes + TAG_AT, tag, TAG_SIZE) != 0)
		return STAMP_OTHER_RUN;
	/* Nobody wrote such a number. */
	if (get_u64(bytes + SEQUENCE_AT) >= SEQUENCES_MAX)
		return STAMP_DAMAGED;
	ret_stamp->stream = get_u64(bytes + STREAM_AT);
	ret_stamp->sequence = get_u64(bytes + SEQUENCE_AT);
	ret_stamp->intended_ns = (int64_t)get_u64(bytes + INTENDED_AT);
	return 0;
}
