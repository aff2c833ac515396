/* SPDX-License-Identifier: Apache-2.0 */
/* Checksums and digests. */
#include "common/base/hash.h"

#include <sodium.h>
#include <string.h>
#include <zlib.h>

#include "common/base/text.h"

void hash_sha256_hex(const void *data, size_t size, char ret_hex[SHA256_HEX_SIZE])
{
	unsigned char digest[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(digest, data, size);
	text_format_hex(digest, sizeof(digest), ret_hex);
}

uint32_t hash_crc32(const void *data, size_t size)
{
	return (uint32_t)crc32_z(0, size > 0 ? data : (const unsigned char *)"", size);
}

/* Folds the 128-bit product of two words: each bit of both reaches every bit of the result. */
static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t hash_bytes(const void *data, size_t size)
{
	static const uint64_t odd[2] = {UINT64_C(0xa0761d6478bd642f), UINT64_C(0xe7037ed1a0b428db)};
	const unsigned char *at = data;
	uint64_t hash = odd[0] ^ size;
	uint64_t word;

	for (; size >= 8; at += 8, size -= 8) {
		memcpy(&word, at, 8);
		hash = mix(hash ^ word, odd[1]);
	}
	word = 0;
	if (size > 0)
		memcpy(&word, at, size);
	return mix(mix(hash ^ word, odd[1]) ^ odd[0], odd[1]);
}
