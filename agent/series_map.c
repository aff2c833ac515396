/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's series, from those of its workers. */
#include "agent/series_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/groups.h"
#include "common/base/array.h"
#include "common/base/buffer.h"
#include "common/base/cleanup.h"
#include "common/base/limits.h"
#include "common/base/names.h"
#include "common/stats/error_class.h"

/* What is known of one step, over all scenarios. */
struct seen {
	uint32_t groups;
	uint32_t errors;
};

struct series_map {
	uint32_t max_groups;
	struct series_table *series;
	struct names *steps; /* "scenario\x1fstep" */
	struct seen *seen;   /* by its number in `steps` */
	size_t seen_capacity;
	struct names *groups; /* "scenario\x1fstep\x1fgroup" */
	struct names *errors; /* "scenario\x1fstep\x1flabel" */
	struct buffer key;
};

DEFINE_CLEANUP(struct series_map *, series_map_free)

int series_map_new(uint32_t max_groups, struct series_map **ret_map)
{
	cleanup(series_map_freep) struct series_map *map = calloc(1, sizeof(*map));

	if (!map)
		return -ENOMEM;
	map->max_groups = max_groups;
	map->series = series_table_new();
	map->steps = names_new();
	map->groups = names_new();
	map->errors = names_new();
	if (!map->series || !map->steps || !map->groups || !map->errors)
		return -ENOMEM;
	*ret_map = steal(map);
	return 0;
}

struct series_map *series_map_free(struct series_map *map)
{
	if (!map)
		return NULL;
	series_table_free(map->series);
	names_free(map->steps);
	names_free(map->groups);
	names_free(map->errors);
	free(map->seen);
	buffer_deinit(&map->key);
	free(map);
	return NULL;
}

/* Sets the key to the texts, parted. */
static int set_key(struct series_map *map, const struct series *series, const char *last)
{
	struct buffer *key = &map->key;

	buffer_clear(key);
	buffer_append_text(key, series->scenario);
	buffer_append_byte(key, 0x1f);
	buffer_append_text(key, series->step);
	if (last) {
		buffer_append_byte(key, 0x1f);
		buffer_append_text(key, last);
	}
	return key->failed;
}

static int find_step(struct series_map *map, const struct series *series, struct seen **ret_seen)
{
	uint32_t id = 0;
	_Bool added = 0;
	int r = set_key(map, series, NULL);

	if (r == 0)
		r = names_intern(map->steps, map->key.data, map->key.size, &id, &added);
	if (r == 0)
		r = array_reserve(&map->seen, &map->seen_capacity, id, sizeof(*map->seen));
	if (r < 0)
		return r;
	if (added)
		map->seen[id] = (struct seen){0};
	*ret_seen = &map->seen[id];
	return 0;
}

/* Whether one more `text` of a step fits its limit: 1 yes (or it is known), 0 no. */
static int admit(struct series_map *map, struct names *names, const struct series *series, const char *text,
                 uint32_t limit, uint32_t *count)
{
	uint32_t id;
	int r = set_key(map, series, text);

	if (r < 0)
		return r;
	if (names_find(names, map->key.data, map->key.size) != NAMES_NONE)
		return 1;
	if (*count >= limit)
		return 0;
	r = names_intern(names, map->key.data, map->key.size, &id, NULL);
	if (r < 0)
		return r;
	++*count;
	return 1;
}

/* Folds a series' group and error text where its step has too many. */
static int bound_series(struct series_map *map, struct series *series, char label[ERROR_LABEL_SIZE], _Bool *ret_folded)
{
	struct seen *seen;
	int r = find_step(map, series, &seen);

	*ret_folded = 0;
	if (r < 0)
		return r;
	if (series->group[0] && strcmp(series->group, GROUP_OTHER_TEXT) != 0) {
		r = admit(map, map->groups, series, series->group, map->max_groups, &seen->groups);
		if (r < 0)
			return r;
		*ret_folded = r == 0;
		if (*ret_folded)
			series->group = GROUP_OTHER_TEXT;
	}
	if (series->metric == METRIC_ERRORS) {
		enum error_class class = ERROR_NONE;
		const char *code;
		const char *text;
		size_t code_size;

		r = admit(map, map->errors, series, series->label, LIMIT_ERROR_TEXTS, &seen->errors);
		if (r < 0)
			return r;
		if (r == 0 && error_label_parse(series->label, &class, &code, &code_size, &text) == 0) {
			error_label_format(class, "", "other", label);
			series->label = label;
		}
	}
	return 0;
}

int series_map_find(struct series_map *map, const struct series *theirs, uint32_t *ret_id, _Bool *ret_folded)
{
	struct series series = *theirs;
	char label[ERROR_LABEL_SIZE];
	int r = bound_series(map, &series, label, ret_folded);

	return r < 0 ? r : series_table_intern(map->series, &series, ret_id, NULL);
}

const struct series_table *series_map_table(const struct series_map *map)
{
	return map->series;
}
