/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to journal_decode*.c: fields of a journal's records. What can't be read sets reader->failed and is 0, "" or
 * empty; it is checked once at the end of a record. No count is believed that the bytes left could not hold. */
#pragma once

#include "common/base/buffer.h"
#include "coordinator/journal/journal.h"

/* The first reason stays, and is returned. */
int journal_fail(struct reader *reader, int code);

int64_t journal_get_signed(struct reader *reader);
/* `from` and the difference that follows; wraps. */
uint64_t journal_get_difference(struct reader *reader, uint64_t from);
double journal_get_double(struct reader *reader);
uint32_t journal_get_u32(struct reader *reader);
uint32_t journal_get_below(struct reader *reader, uint32_t limit);
_Bool journal_get_bool(struct reader *reader);
/* A count of items of at least `item_bytes` each. */
uint32_t journal_get_count(struct reader *reader, size_t item_bytes);
/* Zeroed room for as many items; NULL (and failed) without memory. */
void *journal_get_room(struct reader *reader, size_t count, size_t item_size);
/* The same for items of at least a byte each; NULL (and failed) if the bytes left can't hold them. */
void *journal_get_table(struct reader *reader, uint64_t count, size_t item_size);
/* The caller's; NULL without memory. A NUL in a text is refused. */
char *journal_get_text(struct reader *reader);
char *journal_get_bytes(struct reader *reader, size_t *ret_size);

/* ---- journal_decode_many.c: records with much in them ---- */

void journal_get_division(struct reader *reader, struct journal_record *record);
void journal_get_deltas(struct reader *reader, struct journal_record *record);
