/* SPDX-License-Identifier: Apache-2.0 */
/* A data feed: the rows of a CSV file, handed out one an iteration by global index, so that any
 * number of agents hand out what one would have.
 *
 * data:
 *   symbol: { csv: symbols.csv, column: symbol, pick: zipf }      sets {{symbol}}
 *   user:   { csv: users.csv, pick: unique }                      sets {{user.name}}, {{user.id}}: one a column
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/failure.h"
#include "common/base/random.h"
#include "common/plan/template.h"

enum feed_pick { FEED_SEQUENTIAL, FEED_RANDOM, FEED_ZIPF, FEED_UNIQUE, FEED_PICK_COUNT };
extern const char *const feed_pick_names[FEED_PICK_COUNT];

struct feed;

struct feed_config {
	const char *name;
	const char *csv;    /* the path as the plan has it */
	_Bool lines;        /* the file has no columns: each line is a row, {{name}} its text */
	const char *column; /* NULL: every column, as name.column */
	enum feed_pick pick;
	double exponent; /* of zipf: P(row i) ~ 1 / (i + 1)^exponent; default 1 */
};

/* RFC 4180: a header line, quoted fields, CRLF or LF, UTF-8 with or without a byte-order mark. `path` is for
 * errors, which carry the file's line. `names` gets a slot for each column used; without `column` these are those
 * with a name that a template can say (the others are left out). Blanks around a column's name are dropped, lines
 * without a single byte are skipped. With data == NULL the feed has no rows (its columns must then be named:
 * column != NULL, or it sets nothing). 0, -EINVAL or -ENOMEM. */
int feed_new(const struct feed_config *config, const char *path, const void *data, size_t size,
             struct template_names *names, struct failure *failure, struct feed **ret_feed);
struct feed *feed_free(struct feed *feed);

const char *feed_name(const struct feed *feed);
const char *feed_csv(const struct feed *feed);
const char *feed_column(const struct feed *feed); /* NULL: all */
_Bool feed_is_lines(const struct feed *feed);
enum feed_pick feed_pick(const struct feed *feed);
double feed_exponent(const struct feed *feed);
uint64_t feed_rows(const struct feed *feed);
/* The file's bytes, as given to feed_new() (kept: they travel to the agents). */
const void *feed_data(const struct feed *feed, size_t *ret_size);
/* Slots that it sets. */
uint32_t feed_columns(const struct feed *feed);
uint32_t feed_slot(const struct feed *feed, uint32_t column);

/* The row for the global draw `index` (sequential: index mod rows; unique: index; random and zipf: by
 * `random`). 0, or -ENODATA when a unique feed has no row `index`. */
int feed_draw(const struct feed *feed, uint64_t index, struct random *random, uint64_t *ret_row);
/* Puts the row's columns into values[slot]; the texts belong to the feed. */
void feed_set(const struct feed *feed, uint64_t row, struct template_value *values);
