/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's series, from those of its workers, with the groups and error texts of each step bounded for the whole
 * agent. Pure. */
#pragma once

#include <stdint.h>

#include "common/stats/series.h"

struct series_map;

/* At most max_groups groups a step. 0 or -ENOMEM. */
int series_map_new(uint32_t max_groups, struct series_map **ret_map);
struct series_map *series_map_free(struct series_map *map);
/* The agent's id of a worker's series, made if it is new. *ret_folded: its group was one too many and is "(other)"
 * here; an error text too many becomes "class||other". 0, -ENOMEM or -EOVERFLOW (above LIMIT_SERIES). */
int series_map_find(struct series_map *map, const struct series *theirs, uint32_t *ret_id, _Bool *ret_folded);
/* The agent's series; ids in the order they were made. */
const struct series_table *series_map_table(const struct series_map *map);
