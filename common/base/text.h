/* SPDX-License-Identifier: Apache-2.0 */
/* Text for people: columns on a terminal, and the word that was probably meant. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Columns that UTF-8 text takes on a terminal: CJK and emoji two, combining marks none; a byte
 * that is not UTF-8 and a control character count as one. */
size_t text_width(const char *text);
/* The longest prefix of text (in bytes, whole characters) that fits `columns`. */
size_t text_fit(const char *text, size_t columns);
/* True if all of it is well-formed UTF-8. */
_Bool text_is_utf8(const char *text, size_t size);
/* The candidate nearest to `word` (Damerau-Levenshtein, case-blind) if it is near enough to have
 * been meant (distance at most 1 + length/4 and less than length), or NULL. The first of equals wins.
 * `candidates` ends with NULL. */
const char *text_nearest(const char *word, const char *const *candidates);
/* A random (version 4) UUID from 16 random bytes: 36 characters and a NUL. */
void text_format_uuid(const uint8_t bytes[16], char ret_uuid[37]);
/* Lower-case hex with a NUL: 2 * size + 1 bytes. */
void text_format_hex(const void *data, size_t size, char *ret_hex);
