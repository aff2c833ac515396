/* SPDX-License-Identifier: Apache-2.0 */
/* Cells by series id: one second's deltas of an agent, or of the whole fleet. Clearing is cheap:
 * memory is kept for the next second. */
#pragma once

#include <stdint.h>

#include "common/stats/cell.h"

struct cells;

struct cells *cells_new(void); /* NULL without memory */
struct cells *cells_free(struct cells *cells);
/* The cell of this series, made empty if there was none since the last clear. NULL without memory
 * or if the id was used with another kind. The pointer holds until cells_free(). */
struct cell *cells_get(struct cells *cells, uint32_t series_id, enum metric_kind kind);
/* Ids touched since the last clear, in the order of their first touch. */
uint32_t cells_count(const struct cells *cells);
uint32_t cells_id(const struct cells *cells, uint32_t index);
const struct cell *cells_at(const struct cells *cells, uint32_t index);
/* Empties all, keeps the memory. */
void cells_clear(struct cells *cells);
