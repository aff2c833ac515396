/* SPDX-License-Identifier: Apache-2.0 */
/* The groups that one worker's operations belong to, as small numbers. */
#include "agent/groups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/limits.h"
#include "common/base/names.h"
#include "common/base/text.h"

enum { GROUPS_RESERVED = 2 }; /* GROUP_NONE and GROUP_OTHER */

struct groups {
	const struct plan *plan;
	uint32_t *step_numbers; /* of each scenario's step 0, and the number of all steps */
	struct names **names;   /* by step number; NULL: no group seen yet */
	uint64_t folded;
};

DEFINE_CLEANUP(struct groups *, groups_free)

int groups_new(const struct plan *plan, struct groups **ret_groups)
{
	cleanup(groups_freep) struct groups *groups = calloc(1, sizeof(*groups));
	uint32_t count = 0;

	if (!groups)
		return -ENOMEM;
	groups->plan = plan;
	groups->step_numbers = calloc(plan->scenario_count + 1, sizeof(*groups->step_numbers));
	if (!groups->step_numbers)
		return -ENOMEM;
	for (uint32_t i = 0; i < plan->scenario_count; i++) {
		groups->step_numbers[i] = count;
		count += plan->scenarios[i].step_count;
	}
	groups->step_numbers[plan->scenario_count] = count;
	groups->names = calloc(count + 1, sizeof(struct names *));
	if (!groups->names)
		return -ENOMEM;
	*ret_groups = steal(groups);
	return 0;
}

struct groups *groups_free(struct groups *groups)
{
	if (!groups)
		return NULL;
	if (groups->names) {
		for (uint32_t i = 0; i < groups->step_numbers[groups->plan->scenario_count]; i++)
			names_free(groups->names[i]);
	}
	free(groups->names);
	free(groups->step_numbers);
	free(groups);
	return NULL;
}

uint32_t groups_step_number(const struct groups *groups, uint32_t scenario, uint32_t step)
{
	return groups->step_numbers[scenario] + step;
}

/* A new table, in which the two reserved numbers are taken. */
static struct names *names_of_step(struct groups *groups, uint32_t number)
{
	struct names *names = groups->names[number];
	uint32_t id;

	if (names)
		return names;
	names = names_new();
	if (!names)
		return NULL;
	if (names_intern(names, "", 0, &id, NULL) < 0 ||
	    names_intern(names, GROUP_OTHER_TEXT, strlen(GROUP_OTHER_TEXT), &id, NULL) < 0)
		return names_free(names);
	groups->names[number] = names;
	return names;
}

/* The longest whole-character prefix of at most LIMIT_LABEL_BYTES, its NUL included. */
static size_t cut(const char *text, size_t size)
{
	if (size < LIMIT_LABEL_BYTES)
		return size;
	size = LIMIT_LABEL_BYTES - 1;
	while (size > 0 && ((unsigned char)text[size] & 0xC0) == 0x80)
		size--;
	return size;
}

static void make_printable(char *text, size_t size)
{
	_Bool utf8 = text_is_utf8(text, size);

	for (size_t i = 0; i < size; i++) {
		if ((unsigned char)text[i] < ' ' || (!utf8 && (unsigned char)text[i] >= 0x80))
			text[i] = '?';
	}
}

int groups_intern(struct groups *groups, uint32_t scenario, uint32_t step, const char *text, size_t size,
                  uint32_t *ret_group)
{
	struct names *names = names_of_step(groups, groups_step_number(groups, scenario, step));
	char clean[LIMIT_LABEL_BYTES];
	uint32_t id;

	if (!names)
		return -ENOMEM;
	size = cut(text, size);
	id = names_find(names, text, size);
	if (id == NAMES_NONE) {
		memcpy(clean, text, size);
		make_printable(clean, size);
		id = names_find(names, clean, size);
	}
	if (id != NAMES_NONE) {
		groups->folded += id == GROUP_OTHER;
		*ret_group = id;
		return 0;
	}
	if (names_count(names) - GROUPS_RESERVED >= groups->plan->max_groups) {
		groups->folded++;
		*ret_group = GROUP_OTHER;
		return 0;
	}
	return names_intern(names, clean, size, ret_group, NULL);
}

const char *groups_text(const struct groups *groups, uint32_t scenario, uint32_t step, uint32_t group)
{
	size_t size;

	if (group == GROUP_NONE)
		return "";
	if (group == GROUP_OTHER)
		return GROUP_OTHER_TEXT;
	return names_key(groups->names[groups_step_number(groups, scenario, step)], group, &size);
}

uint64_t groups_folded(const struct groups *groups)
{
	return groups->folded;
}
