/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32 of short runs of bytes, eight at a time by tables (Kounavis and Berry 2005, "slicing-by-8"). zlib's own takes
 * five times as long for 40 bytes, as it is made for long ones.
 *
 * CRC is linear: what a byte adds is the sum (xor) of what its bits add. So of each table the eight entries of single
 * bits stand here, and the compiler makes the others. */
#include "common/base/hash.h"

#define BIT(n, bit, value) (((n) >> (bit)) & 1 ? (value) : 0U)
#define ENTRY(n, a, b, c, d, e, f, g, h)                                                                               \
	(BIT(n, 0, a) ^ BIT(n, 1, b) ^ BIT(n, 2, c) ^ BIT(n, 3, d) ^ BIT(n, 4, e) ^ BIT(n, 5, f) ^ BIT(n, 6, g) ^      \
	 BIT(n, 7, h))
#define FOUR(n, ...)                                                                                                   \
	ENTRY((n), __VA_ARGS__), ENTRY((n) + 1, __VA_ARGS__), ENTRY((n) + 2, __VA_ARGS__), ENTRY((n) + 3, __VA_ARGS__)
#define SIXTEEN(n, ...)                                                                                                \
	FOUR((n), __VA_ARGS__), FOUR((n) + 4, __VA_ARGS__), FOUR((n) + 8, __VA_ARGS__), FOUR((n) + 12, __VA_ARGS__)
#define SIXTY_FOUR(n, ...)                                                                                             \
	SIXTEEN((n), __VA_ARGS__), SIXTEEN((n) + 16, __VA_ARGS__), SIXTEEN((n) + 32, __VA_ARGS__),                     \
	        SIXTEEN((n) + 48, __VA_ARGS__)
#define TABLE(...)                                                                                                     \
	{                                                                                                              \
		SIXTY_FOUR(0U, __VA_ARGS__), SIXTY_FOUR(64U, __VA_ARGS__), SIXTY_FOUR(128U, __VA_ARGS__),              \
		        SIXTY_FOUR(192U, __VA_ARGS__)                                                                  \
	}

/* tables[k][n]: what byte n adds when k more bytes follow it. */
static const uint32_t tables[8][256] = {
        TABLE(0x77073096, 0xee0e612c, 0x076dc419, 0x0edb8832, 0x1db71064, 0x3b6e20c8, 0x76dc4190, 0xedb88320),
        TABLE(0x191b3141, 0x32366282, 0x646cc504, 0xc8d98a08, 0x4ac21251, 0x958424a2, 0xf0794f05, 0x3b83984b),
        TABLE(0x01c26a37, 0x0384d46e, 0x0709a8dc, 0x0e1351b8, 0x1c26a370, 0x384d46e0, 0x709a8dc0, 0xe1351b80),
        TABLE(0xb8bc6765, 0xaa09c88b, 0x8f629757, 0xc5b428ef, 0x5019579f, 0xa032af3e, 0x9b14583d, 0xed59b63b),
        TABLE(0x3d6029b0, 0x7ac05360, 0xf580a6c0, 0x30704bc1, 0x60e09782, 0xc1c12f04, 0x58f35849, 0xb1e6b092),
        TABLE(0xcb5cd3a5, 0x4dc8a10b, 0x9b914216, 0xec53826d, 0x03d6029b, 0x07ac0536, 0x0f580a6c, 0x1eb014d8),
        TABLE(0xa6770bb4, 0x979f1129, 0xf44f2413, 0x33ef4e67, 0x67de9cce, 0xcfbd399c, 0x440b7579, 0x8816eaf2),
        TABLE(0xccaa009e, 0x4225077d, 0x844a0efa, 0xd3e51bb5, 0x7cbb312b, 0xf9766256, 0x299dc2ed, 0x533b85da),
};

static uint32_t load(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint32_t four(uint32_t word, size_t after)
{
	return tables[after + 3][word & 0xff] ^ tables[after + 2][word >> 8 & 0xff] ^
	       tables[after + 1][word >> 16 & 0xff] ^ tables[after][word >> 24];
}

uint32_t hash_crc32_short(uint32_t crc, const void *data, size_t size)
{
	const uint8_t *at = data;

	crc = ~crc;
	for (; size >= 8; at += 8, size -= 8)
		crc = four(crc ^ load(at), 4) ^ four(load(at + 4), 0);
	for (; size >= 4; at += 4, size -= 4)
		crc = four(crc ^ load(at), 0);
	for (; size > 0; at++, size--)
		crc = crc >> 8 ^ tables[0][(crc ^ *at) & 0xff];
	return ~crc;
}
