/* SPDX-License-Identifier: Apache-2.0 */
/* Durations, sizes and numbers as people write them in plans and on command lines. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* All parsers take the whole text (nothing before or after), and leave their output alone on failure:
 * -EINVAL where the text is nothing of the kind, -ERANGE where it is too large. */

/* "150us", "30s", "1h30m", "0.5s"; units d h m s ms us ns, each at most once and in this order; a bare
 * "0" is allowed, any other bare number is not; whole ns. -ERANGE: over 10 years. */
int units_parse_duration(const char *text, uint64_t *ret_ns);
/* "10KiB", "1MB", "512B", "512" (bytes); KB MB GB are powers of 1000, KiB MiB GiB of 1024
 * (and TB, TiB). A fraction must give whole bytes ("1.5KiB"). */
int units_parse_size(const char *text, uint64_t *ret_bytes);
/* Decimal digits, with '_' allowed between digits ("1_000_000"). */
int units_parse_count(const char *text, uint64_t *ret_count);
/* "5%" or "0.05", in 0..1. */
int units_parse_share(const char *text, double *ret_share);
/* "1.5s", "250ms", "30m", "1h30m", "1m0.5s": exact, and read by units_parse_duration() again.
 * Returns buffer. */
char *units_format_duration(uint64_t ns, char *buffer, size_t size);
/* "1.5 MiB". Returns buffer. */
char *units_format_size(uint64_t bytes, char *buffer, size_t size);
/* 1234567 -> "1,234,567". Returns buffer. */
char *units_format_count(uint64_t count, char *buffer, size_t size);
