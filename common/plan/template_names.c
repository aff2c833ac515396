/* SPDX-License-Identifier: Apache-2.0 */
/* The names that templates may use, and their slots. */
#include "common/plan/template_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/names.h"
#include "common/base/text.h"

struct template_names {
	struct names *names;
};

static const char *const builtin_names[] = {"vu", "iteration", "agent", "random", "uuid", "now", "secret"};

enum { BUILTIN_COUNT = sizeof(builtin_names) / sizeof(builtin_names[0]) };

struct template_names *template_names_new(void)
{
	struct template_names *names = calloc(1, sizeof(*names));

	if (names)
		names->names = names_new();
	return names && names->names ? names : template_names_free(names);
}

struct template_names *template_names_free(struct template_names *names)
{
	if (names)
		names_free(names->names);
	free(names);
	return NULL;
}

static _Bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

_Bool template_name_is_valid(const char *name, size_t size)
{
	if (size == 0 || (name[0] >= '0' && name[0] <= '9'))
		return 0;
	for (size_t i = 0; i < size; i++)
		if (!is_letter(name[i]) && !(name[i] >= '0' && name[i] <= '9') && !(name[i] && strchr("_-.", name[i])))
			return 0;
	return 1;
}

static _Bool is_builtin(const char *name)
{
	for (size_t i = 0; i < BUILTIN_COUNT; i++)
		if (strcmp(name, builtin_names[i]) == 0)
			return 1;
	return strncmp(name, "secret.", 7) == 0;
}

int template_names_add(struct template_names *names, const char *name, uint32_t *ret_slot)
{
	size_t size = strlen(name);

	if (!template_name_is_valid(name, size))
		return -EINVAL;
	if (is_builtin(name))
		return -EEXIST;
	return names_intern(names->names, name, size, ret_slot, NULL);
}

uint32_t template_names_count(const struct template_names *names)
{
	return names_count(names->names);
}

uint32_t template_names_find(const struct template_names *names, const char *name)
{
	return names_find(names->names, name, strlen(name));
}

const char *template_names_get(const struct template_names *names, uint32_t slot)
{
	return names_key(names->names, slot, NULL);
}

const char *template_names_nearest(const struct template_names *names, const char *word)
{
	uint32_t count = template_names_count(names);
	const char **candidates cleanup(cleanup_free) = calloc((size_t)count + BUILTIN_COUNT + 1, sizeof(*candidates));

	if (!candidates)
		return NULL;
	for (uint32_t i = 0; i < count; i++)
		candidates[i] = template_names_get(names, i);
	memcpy(candidates + count, builtin_names, sizeof(builtin_names));
	return text_nearest(word, candidates);
}
