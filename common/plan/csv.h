/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 4180, field by field and in place: CRLF or LF, quoted fields, an optional byte-order mark. Lines without a
 * single byte are skipped (an empty value in the only column is written ""). */
#pragma once

#include <stddef.h>

#include "common/base/buffer.h"
#include "common/base/failure.h"

/* Zero-initialise, then set file, data and size. */
struct csv {
	const char *file; /* for errors */
	const char *data;
	size_t size;
	size_t at;
	size_t line_start;
	int line; /* of `at`, from 1 once reading has begun */
	_Bool in_record;
};

struct csv_field {
	const char *text; /* without the quotes around it */
	size_t size;
	_Bool doubled; /* it holds quotes, each written as two: csv_unescape() makes them one */
	_Bool last;    /* of its record */
	int line, column;
};

/* The next field: 1, 0 at the end, or -EINVAL with the place in *failure: an unterminated quote, a quote or text where
 * none may be, a NUL or what is not UTF-8, a field over LIMIT_FEED_FIELD_BYTES. */
int csv_next(struct csv *csv, struct failure *failure, struct csv_field *ret_field);
/* Appends the field's value. */
int csv_unescape(const struct csv_field *field, struct buffer *buffer);
