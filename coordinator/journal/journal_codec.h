/* SPDX-License-Identifier: Apache-2.0 */
/* A journal's records as bytes: between journal.c and its codec alone.
 *
 * A payload is a type byte and the type's fields: varints, signed numbers as zigzag varints, texts and bytes with a
 * varint length. Every record can be read by itself. */
#pragma once

#include "common/base/buffer.h"
#include "coordinator/journal/journal.h"

/* What the first accepted snapshot of a record leans on: mostly all of them are of the first epoch. */
extern const struct journal_accepted journal_first_accepted;

/* Appends the payload. buffer->failed tells of no memory. */
void journal_record_encode(const struct journal_record *record, struct buffer *buffer);
/* Decodes exactly `size` bytes. Deltas point into `data`. -EBADMSG on anything that journal_record_encode() cannot have
 * written, -ENOMEM; nothing is kept then. */
int journal_record_decode(const uint8_t *data, size_t size, struct journal_record *ret_record);
