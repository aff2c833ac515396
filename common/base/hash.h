/* SPDX-License-Identifier: Apache-2.0 */
/* Checksums and digests. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { SHA256_HEX_SIZE = 65 };

/* Lower-case hex of SHA-256 with its NUL. */
void hash_sha256_hex(const void *data, size_t size, char ret_hex[SHA256_HEX_SIZE]);
/* CRC-32 (IEEE 802.3, as zlib computes it). */
uint32_t hash_crc32(const void *data, size_t size);
/* The same, made for a few dozen bytes; goes on from `crc`, which is 0 at the beginning. */
uint32_t hash_crc32_short(uint32_t crc, const void *data, size_t size);
/* A fast 64-bit hash for tables (not for storage: may change). */
uint64_t hash_bytes(const void *data, size_t size);
