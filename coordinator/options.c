/* SPDX-License-Identifier: Apache-2.0 */
/* Command-line options by table. */
#include "coordinator/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"

enum { ROWS_MAX = 64, VARIABLE_MAX = 128 };

static const struct option_row *find_name(const struct option_row *rows, const char *name, size_t length)
{
	for (; rows->name; rows++)
		if (strlen(rows->name) == length && memcmp(rows->name, name, length) == 0)
			return rows;
	return NULL;
}

static const struct option_row *find_letter(const struct option_row *rows, char letter)
{
	for (; rows->name; rows++)
		if (rows->letter == letter)
			return rows;
	return NULL;
}

static int unknown_option(const struct option_row *rows, const char *word, struct failure *failure)
{
	const char *names[ROWS_MAX + 2];
	size_t count = 0;
	const char *nearest;

	for (; rows->name && count < ROWS_MAX; rows++)
		names[count++] = rows->name;
	names[count++] = "help";
	names[count] = NULL;
	nearest = word[0] == '-' && word[1] == '-' ? text_nearest(word + 2, names) : NULL;
	if (nearest)
		return failure_set(failure, -EINVAL, "unknown option %s (did you mean --%s?)", word, nearest);
	return failure_set(failure, -EINVAL, "unknown option %s", word);
}

static void variable_of(const struct option_row *row, char variable[VARIABLE_MAX])
{
	int length = snprintf(variable, VARIABLE_MAX, "STAMPEDE_%s", row->name);

	for (int i = 0; i < length && i < VARIABLE_MAX; i++)
		variable[i] = variable[i] == '-' ? '_' : (char)toupper((unsigned char)variable[i]);
}

static int apply_environment(const struct option_row *rows, void *context, struct failure *failure)
{
	char variable[VARIABLE_MAX];
	char reason[FAILURE_TEXT_MAX];

	for (; rows->name; rows++) {
		variable_of(rows, variable);
		const char *value = rows->repeatable ? NULL : getenv(variable);

		if (!value || !*value || (!rows->argument && strcmp(value, "0") == 0))
			continue;
		if (rows->set(context, value, failure) < 0) {
			snprintf(reason, sizeof(reason), "%s", failure->text);
			return failure_set(failure, -EINVAL, "%s=%s: %s", variable, value, reason);
		}
	}
	return 0;
}

static int set_option(const struct option_row *row, void *context, const char *word, const char *value,
		      struct failure *failure)
{
	char reason[FAILURE_TEXT_MAX];

	if (row->set(context, value, failure) == 0)
		return 0;
	snprintf(reason, sizeof(reason), "%s", failure->text);
	return failure_set(failure, -EINVAL, "%s%s%s: %s", word, row->argument ? " " : "",
			   row->argument && value ? value : "", reason);
}

/* argv[*at] is an option: applies it and steps over its value. */
static int take_option(const struct option_row *rows, void *context, int argc, char **argv, int *at,
		       struct failure *failure)
{
	const char *word = argv[*at];
	const char *value = NULL;
	const struct option_row *row;

	if (word[1] == '-') {
		const char *equals = strchr(word, '=');

		row = find_name(rows, word + 2, equals ? (size_t)(equals - word - 2) : strlen(word + 2));
		value = equals ? equals + 1 : NULL;
	} else {
		row = find_letter(rows, word[1]);
		value = word[2] ? word + 2 : NULL;
	}
	if (!row || (word[1] != '-' && value && !row->argument))
		return unknown_option(rows, word, failure);
	if (value && !row->argument)
		return failure_set(failure, -EINVAL, "--%s takes no value", row->name);
	if (row->argument && !value) {
		if (*at + 1 >= argc)
			return failure_set(failure, -EINVAL, "--%s needs a value: %s", row->name, row->argument);
		value = argv[++*at];
	}
	return set_option(row, context, word, value, failure);
}

int options_parse(const struct option_row *rows, void *context, int argc, char **argv, struct positionals *ret_positionals,
		  _Bool *ret_help, struct failure *failure)
{
	_Bool only_positionals = 0;
	int count = 0;
	int r = apply_environment(rows, context, failure);

	*ret_help = 0;
	for (int at = 1; r == 0 && at < argc; at++) {
		if (!only_positionals && (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0)) {
			*ret_help = 1;
			return 0;
		}
		if (!only_positionals && strcmp(argv[at], "--") == 0)
			only_positionals = 1;
		else if (!only_positionals && argv[at][0] == '-' && argv[at][1])
			r = take_option(rows, context, argc, argv, &at, failure);
		else
			argv[1 + count++] = argv[at];
	}
	*ret_positionals = (struct positionals){argv + 1, count};
	return r;
}

int options_split_pair(const char *text, char **ret_name, const char **ret_value, struct failure *failure)
{
	const char *equals = strchr(text, '=');

	if (!equals || equals == text)
		return failure_set(failure, -EINVAL, "expected NAME=VALUE");
	*ret_name = strndup(text, (size_t)(equals - text));
	if (!*ret_name)
		return failure_set(failure, -ENOMEM, "no memory");
	*ret_value = equals + 1;
	return 0;
}
