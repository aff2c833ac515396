/* SPDX-License-Identifier: Apache-2.0 */
/* Writes YAML that document_parse() reads to the same values. Internal to common/plan/. */
#pragma once

#include "common/base/buffer.h"
#include "common/plan/option.h"
#include "common/plan/reading.h"

struct writing {
	const struct plan *plan;
	struct buffer *buffer;
	int depth;
	_Bool item; /* the next key starts an item of a list: "- " stands before it */
};

/* "key:" on a line of its own; what follows it is nested until writing_end(). */
void writing_begin(struct writing *writing, const char *key);
void writing_end(struct writing *writing);
/* An item of a list: the keys until writing_item_end() belong to it. */
void writing_item(struct writing *writing);
void writing_item_end(struct writing *writing);
/* "key: value" where the value needs no quotes. */
void writing_raw(struct writing *writing, const char *key, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* "key: "text"" with ${ kept from being replaced. A key is quoted where it must be. */
void writing_text(struct writing *writing, const char *key, const char *text);
/* "- "text"", in a list of texts. */
void writing_element(struct writing *writing, const char *text);
/* A duration in its greatest whole unit, which reads back exactly. Returns `buffer`. */
const char *writing_format_duration(uint64_t ns, char *buffer, size_t size);
/* The shortest decimal that reads back to the same double. Returns `buffer`. */
const char *writing_format_number(double number, char *buffer, size_t size);

/* The sections of duties. */
void write_duties(struct writing *writing);

void options_write(struct writing *writing, const struct option_map *map, const void *base);
