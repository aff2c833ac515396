/* SPDX-License-Identifier: Apache-2.0 */
/* Cells by series id.
 *
 * An id's cell is made at its first use and stays for good; whether it counts is told by its
 * generation, which a clear moves on. So a clear empties those that were touched and no other. */
#include "common/stats/cells.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/limits.h"

enum { CHUNK = 64 }; /* cells are allocated so many at a time, and never move */

struct slot {
	struct cell *cell; /* NULL: this id was never used */
	uint64_t generation;
};

struct cells {
	uint64_t generation;
	struct slot *slots; /* by series id */
	size_t slot_capacity;
	uint32_t *touched;
	size_t touched_count;
	size_t touched_capacity;
	struct cell **chunks;
	size_t chunk_count;
	size_t chunk_capacity;
	size_t used; /* cells of all chunks */
};

struct cells *cells_new(void)
{
	struct cells *cells = calloc(1, sizeof(*cells));

	if (cells)
		cells->generation = 1;
	return cells;
}

struct cells *cells_free(struct cells *cells)
{
	if (!cells)
		return NULL;
	for (size_t i = 0; i < cells->used; i++)
		cell_deinit(&cells->chunks[i / CHUNK][i % CHUNK]);
	for (size_t i = 0; i < cells->chunk_count; i++)
		free(cells->chunks[i]);
	free(cells->chunks);
	free(cells->touched);
	free(cells->slots);
	free(cells);
	return NULL;
}

static int reserve_slot(struct cells *cells, uint32_t series_id)
{
	size_t before = cells->slot_capacity;

	if (series_id >= LIMIT_SERIES)
		return -EOVERFLOW;
	if (array_reserve(&cells->slots, &cells->slot_capacity, series_id, sizeof(*cells->slots)) < 0)
		return -ENOMEM;
	memset(cells->slots + before, 0, (cells->slot_capacity - before) * sizeof(*cells->slots));
	return 0;
}

static struct cell *make_cell(struct cells *cells, enum metric_kind kind)
{
	struct cell *cell;

	if (cells->used == cells->chunk_count * CHUNK) {
		if (array_reserve(&cells->chunks, &cells->chunk_capacity, cells->chunk_count, sizeof(*cells->chunks)) <
		    0)
			return NULL;
		cell = malloc(CHUNK * sizeof(*cell));
		if (!cell)
			return NULL;
		cells->chunks[cells->chunk_count++] = cell;
	}
	cell = &cells->chunks[cells->used / CHUNK][cells->used % CHUNK];
	if (cell_init(cell, kind) < 0)
		return NULL;
	cells->used++;
	return cell;
}

/* The first use of this id since the last clear. */
static struct cell *touch(struct cells *cells, uint32_t series_id, enum metric_kind kind)
{
	struct slot *slot;

	if (series_id >= cells->slot_capacity && reserve_slot(cells, series_id) < 0)
		return NULL;
	slot = &cells->slots[series_id];
	if (slot->cell && slot->cell->kind != kind)
		return NULL;
	if (array_reserve(&cells->touched, &cells->touched_capacity, cells->touched_count, sizeof(*cells->touched)) < 0)
		return NULL;
	if (!slot->cell)
		slot->cell = make_cell(cells, kind);
	if (!slot->cell)
		return NULL;
	slot->generation = cells->generation;
	cells->touched[cells->touched_count++] = series_id;
	return slot->cell;
}

struct cell *cells_get(struct cells *cells, uint32_t series_id, enum metric_kind kind)
{
	const struct slot *slot;

	if (series_id >= cells->slot_capacity)
		return touch(cells, series_id, kind);
	slot = &cells->slots[series_id];
	if (slot->generation != cells->generation)
		return touch(cells, series_id, kind);
	return slot->cell->kind == kind ? slot->cell : NULL;
}

uint32_t cells_count(const struct cells *cells)
{
	return (uint32_t)cells->touched_count;
}

uint32_t cells_id(const struct cells *cells, uint32_t index)
{
	return cells->touched[index];
}

const struct cell *cells_at(const struct cells *cells, uint32_t index)
{
	return cells->slots[cells->touched[index]].cell;
}

void cells_clear(struct cells *cells)
{
	for (size_t i = 0; i < cells->touched_count; i++)
		cell_reset(cells->slots[cells->touched[i]].cell);
	cells->touched_count = 0;
	cells->generation++;
}
