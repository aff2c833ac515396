/* SPDX-License-Identifier: Apache-2.0 */
/* What each message holds, as tables: one row a field, read by the encoder, the decoder, message_deinit() and a test of
 * the docs. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/failure.h"
#include "common/wire/message.h"

struct record;

enum field_type {
	FIELD_NUMBER,      /* uint32_t or uint64_t; min..max is its value */
	FIELD_BOOL,        /* _Bool */
	FIELD_TEXT,        /* char *; min..max bytes without the NUL */
	FIELD_KEPT_TEXT,   /* const char * into the message's `owned` */
	FIELD_FIXED_TEXT,  /* char [max + 1] */
	FIELD_BYTES,       /* uint8_t * or char * and a size_t; min..max bytes; a NUL is put after them */
	FIELD_KEPT_BYTES,  /* const uint8_t * and a size_t, into the message's `owned` */
	FIELD_FIXED_BYTES, /* uint8_t [max] */
	FIELD_METRIC,      /* enum metric_id; travels as the metric's name */
	FIELD_RECORD,      /* a struct in place */
	FIELD_RECORDS,     /* an array of structs and its uint32_t count; min..max of them */
};

struct field {
	const char *name; /* as it travels */
	enum field_type type;
	size_t offset;
	size_t size;         /* of the member */
	size_t count_offset; /* of the member that holds the size or count */
	uint64_t min, max;
	const struct record *of; /* FIELD_RECORD, FIELD_RECORDS */
};

enum record_form {
	RECORD_MAP,   /* a map; unknown names are passed over */
	RECORD_TUPLE, /* a list, for what there is much of; further elements are passed over */
	RECORD_BARE,  /* its one field alone */
};

struct record {
	enum record_form form;
	size_t size; /* of the struct */
	const struct field *fields;
	uint32_t count;
	/* What no row can say: NULL if it holds, else what is wrong. */
	const char *(*problem)(const void *record);
	/* Fills in what does not travel. */
	void (*decoded)(void *record);
};

enum {
	RECORD_FIELDS_MAX = 32, /* in a record */
	ENVELOPE_FIELDS = 3,    /* run id, incarnation, epoch */
};

/* By message_type: the envelope's ENVELOPE_FIELDS rows, then the message's own; all are members of struct message. */
extern const struct record message_records[MESSAGE_TYPE_COUNT];

/* Where a field's member lies in its struct, and how many bytes or records it has. */
static inline void *field_member(const struct field *field, void *record)
{
	return (uint8_t *)record + field->offset;
}

static inline const void *field_member_const(const struct field *field, const void *record)
{
	return (const uint8_t *)record + field->offset;
}

static inline uint64_t field_count(const struct field *field, const void *record)
{
	const uint8_t *member = (const uint8_t *)record + field->count_offset;

	return field->type == FIELD_RECORDS ? *(const uint32_t *)(const void *)member
	                                    : *(const size_t *)(const void *)member;
}

static inline _Bool field_allows(const struct field *field, uint64_t value)
{
	return value >= field->min && value <= field->max;
}

/* A frame of a message in parts. Its data is read in place. */
#define PART_TYPE "part"
struct part {
	uint64_t id;
	uint32_t index;
	uint32_t count;
	const uint8_t *data;
	size_t size;
};
extern const struct record part_record;

/* The metric of a name on the wire, or METRIC_COUNT; errors are series too, and what the coordinator derives isn't
 * sent. */
enum metric_id wire_metric_find(const uint8_t *name, size_t size);
/* NULL for one that isn't sent. */
const char *wire_metric_name(enum metric_id metric);

/* Appends {"t": type, ...}. -EINVAL (a value out of its bounds), -EMSGSIZE, -ENOMEM; `buffer` is then as it was. */
int codec_write(const char *type, const struct record *record, const void *from, struct buffer *buffer);

/* Reads what codec_write() wrote. Kept texts and bytes go to `kept`, which has as many bytes as `data`; with NULL kept
 * bytes point into `data`. On -EBADMSG and -ENOMEM what was begun stays in *into, for record_deinit(). */
int codec_read(const uint8_t *data, size_t size, const char *type, const struct record *record, uint8_t *kept,
               struct failure *failure, void *into);
/* Releases what a record's fields own. */
void record_deinit(const struct record *record, void *from);
