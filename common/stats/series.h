/* SPDX-License-Identifier: Apache-2.0 */
/* What a metric is counted under, and a table that gives each its id. */
#pragma once

#include <stdint.h>

#include "common/stats/metrics.h"

/* Texts are "" where a part does not apply, never NULL. Recorded at the leaf only (the deepest
 * scenario, step, group and label that apply); rows above are summed up in the report. */
struct series {
	enum metric_id metric;
	_Bool warmup; /* the parallel series of warm-up operations */
	const char *scenario;
	const char *step;
	const char *group;
	const char *label;
};

struct series_table;

struct series_table *series_table_new(void); /* NULL without memory */
struct series_table *series_table_free(struct series_table *table);
/* The id of this series (ids are 0, 1, 2, ...), added with its texts copied if it is new.
 * 0, -ENOMEM, or -EOVERFLOW above LIMIT_SERIES. */
int series_table_intern(struct series_table *table, const struct series *series, uint32_t *ret_id, _Bool *ret_added);
/* The id or UINT32_MAX. */
uint32_t series_table_find(const struct series_table *table, const struct series *series);
uint32_t series_table_count(const struct series_table *table);
/* Valid until the table is freed. */
const struct series *series_table_get(const struct series_table *table, uint32_t id);
