/* SPDX-License-Identifier: Apache-2.0 */
/* Series and their ids. The four texts are interned first, for thousands of series share a scenario
 * and a step; a series is then a key of six numbers, whose id among all such keys is the series'. */
#include "common/stats/series.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"
#include "common/base/limits.h"
#include "common/base/names.h"

enum { CHUNK = 256 }; /* series are allocated so many at a time, and never move */

struct key {
	uint32_t metric;
	uint32_t warmup;
	uint32_t texts[4]; /* scenario, step, group, label */
};

struct series_table {
	struct names *texts;
	struct names *keys;
	struct series **chunks;
	size_t chunk_count;
	size_t chunk_capacity;
};

DEFINE_CLEANUP(struct series_table *, series_table_free)

struct series_table *series_table_new(void)
{
	cleanup(series_table_freep) struct series_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->texts = names_new();
	table->keys = names_new();
	if (!table->texts || !table->keys)
		return NULL;
	return steal(table);
}

struct series_table *series_table_free(struct series_table *table)
{
	if (!table)
		return NULL;
	for (size_t i = 0; i < table->chunk_count; i++)
		free(table->chunks[i]);
	free(table->chunks);
	names_free(table->keys);
	names_free(table->texts);
	free(table);
	return NULL;
}

static struct key begin_key(const struct series *series)
{
	return (struct key){.metric = (uint32_t)series->metric, .warmup = series->warmup};
}

static void list_texts(const struct series *series, const char *ret_texts[4])
{
	ret_texts[0] = series->scenario;
	ret_texts[1] = series->step;
	ret_texts[2] = series->group;
	ret_texts[3] = series->label;
}

/* False if one of the texts is in no series. */
static _Bool find_key(const struct series_table *table, const struct series *series, struct key *ret_key)
{
	struct key key = begin_key(series);
	const char *texts[4];

	list_texts(series, texts);
	for (size_t i = 0; i < 4; i++) {
		key.texts[i] = names_find(table->texts, texts[i], strlen(texts[i]));
		if (key.texts[i] == NAMES_NONE)
			return 0;
	}
	*ret_key = key;
	return 1;
}

static int make_key(struct series_table *table, const struct series *series, struct key *ret_key)
{
	struct key key = begin_key(series);
	const char *texts[4];

	list_texts(series, texts);
	for (size_t i = 0; i < 4; i++) {
		int r = names_intern(table->texts, texts[i], strlen(texts[i]), &key.texts[i], NULL);

		if (r < 0)
			return r;
	}
	*ret_key = key;
	return 0;
}

static int reserve_series(struct series_table *table, uint32_t id)
{
	struct series *chunk;
	int r;

	if (id / CHUNK < table->chunk_count)
		return 0;
	r = array_reserve(&table->chunks, &table->chunk_capacity, table->chunk_count, sizeof(*table->chunks));
	if (r < 0)
		return r;
	chunk = malloc(CHUNK * sizeof(*chunk));
	if (!chunk)
		return -ENOMEM;
	table->chunks[table->chunk_count++] = chunk;
	return 0;
}

static int add(struct series_table *table, const struct series *series, uint32_t *ret_id)
{
	uint32_t id = names_count(table->keys);
	struct key key;
	int r;

	if (id >= LIMIT_SERIES)
		return -EOVERFLOW;
	r = reserve_series(table, id);
	if (r < 0)
		return r;
	r = make_key(table, series, &key);
	if (r < 0)
		return r;
	r = names_intern(table->keys, &key, sizeof(key), &id, NULL);
	if (r < 0)
		return r;
	table->chunks[id / CHUNK][id % CHUNK] = (struct series){
	        .metric = series->metric,
	        .warmup = series->warmup,
	        .scenario = names_key(table->texts, key.texts[0], NULL),
	        .step = names_key(table->texts, key.texts[1], NULL),
	        .group = names_key(table->texts, key.texts[2], NULL),
	        .label = names_key(table->texts, key.texts[3], NULL),
	};
	*ret_id = id;
	return 0;
}

int series_table_intern(struct series_table *table, const struct series *series, uint32_t *ret_id, _Bool *ret_added)
{
	uint32_t id = series_table_find(table, series);
	_Bool added = id == UINT32_MAX;

	if (added) {
		int r = add(table, series, &id);

		if (r < 0)
			return r;
	}
	*ret_id = id;
	if (ret_added)
		*ret_added = added;
	return 0;
}

uint32_t series_table_find(const struct series_table *table, const struct series *series)
{
	struct key key;

	if (!find_key(table, series, &key))
		return UINT32_MAX;
	return names_find(table->keys, &key, sizeof(key));
}

uint32_t series_table_count(const struct series_table *table)
{
	return names_count(table->keys);
}

const struct series *series_table_get(const struct series_table *table, uint32_t id)
{
	return &table->chunks[id / CHUNK][id % CHUNK];
}
