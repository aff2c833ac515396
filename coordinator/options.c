/* SPDX-License-Identifier: Apache-2.0 */
/* Command-line options by table. */
#include "coordinator/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/text.h"

enum {
	ROWS_MAX = 64,
	VARIABLE_MAX = 128,
	SHOWN_MAX = 100, /* bytes of a wrong value in an error */
};

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

/* `length` bytes of `word` name it. */
static int unknown_option(const struct option_row *rows, const char *word, int length, struct failure *failure)
{
	const char *names[ROWS_MAX + 2];
	char name[VARIABLE_MAX];
	const char *nearest;
	size_t count = 0;

	for (; rows->name && count < ROWS_MAX; rows++)
		names[count++] = rows->name;
	names[count++] = "help";
	names[count] = NULL;
	snprintf(name, sizeof(name), "%.*s", length, word);
	nearest = name[0] == '-' && name[1] == '-' ? text_nearest(name + 2, names) : NULL;
	if (nearest)
		return failure_set(failure, -EINVAL, "unknown option %s (did you mean --%s?)", name, nearest);
	return failure_set(failure, -EINVAL, "unknown option %s", name);
}

static void variable_of(const struct option_row *row, char variable[VARIABLE_MAX])
{
	int length = snprintf(variable, VARIABLE_MAX, "STAMPEDE_%s", row->name);

	for (int i = 0; i < length && i < VARIABLE_MAX; i++)
		variable[i] = variable[i] == '-' ? '_' : (char)toupper((unsigned char)variable[i]);
}

/* A flag's variable: 1 sets it, 0 is as if it weren't there. */
static int read_switch(const char *value, _Bool *ret_on, struct failure *failure)
{
	static const char *const words[] = {"0", "1", "false", "true", "no", "yes", "off", "on"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(value, words[i]) == 0) {
			*ret_on = i % 2;
			return 0;
		}
	return failure_set(failure, -EINVAL, "expected 1 or 0");
}

static int apply_variable(const struct option_row *row, void *context, const char *value, struct failure *failure)
{
	_Bool on = 1;
	int r = row->argument ? 0 : read_switch(value, &on, failure);

	return r == 0 && on ? row->set(context, value, failure) : r;
}

static int apply_environment(const struct option_row *rows, void *context, struct failure *failure)
{
	char variable[VARIABLE_MAX];
	char reason[FAILURE_TEXT_MAX];

	for (; rows->name; rows++) {
		variable_of(rows, variable);
		const char *value = rows->repeatable ? NULL : getenv(variable);

		if (!value || !*value || apply_variable(rows, context, value, failure) == 0)
			continue;
		snprintf(reason, sizeof(reason), "%s", failure->text);
		return failure_set(failure, -EINVAL, "%s=%.*s: %s", variable, SHOWN_MAX, value, reason);
	}
	return 0;
}

/* `word` as it was typed, without "=value". */
static int set_option(const struct option_row *row, void *context, const char *word, int word_length, const char *value,
                      struct failure *failure)
{
	char reason[FAILURE_TEXT_MAX];

	if (row->set(context, value, failure) == 0)
		return 0;
	snprintf(reason, sizeof(reason), "%s", failure->text);
	if (!row->argument)
		return failure_set(failure, -EINVAL, "%.*s: %s", word_length, word, reason);
	return failure_set(failure, -EINVAL, "%.*s %.*s: %s", word_length, word, SHOWN_MAX, *value ? value : "\"\"",
	                   reason);
}

/* argv[*at] is an option: applies it and steps over its value. */
static int take_option(const struct option_row *rows, void *context, int argc, char **argv, int *at,
                       struct failure *failure)
{
	const char *word = argv[*at];
	const char *equals = strchr(word, '=');
	const char *value = NULL;
	const struct option_row *row;
	int length;

	if (word[1] == '-') {
		length = equals ? (int)(equals - word) : (int)strlen(word);
		row = find_name(rows, word + 2, (size_t)length - 2);
		value = equals ? equals + 1 : NULL;
	} else {
		length = 2;
		row = find_letter(rows, word[1]);
		value = word[2] ? word + 2 : NULL;
	}
	if (!row || (word[1] != '-' && value && !row->argument))
		return unknown_option(rows, word, word[1] == '-' ? length : (int)strlen(word), failure);
	if (value && !row->argument)
		return failure_set(failure, -EINVAL, "--%s takes no value", row->name);
	if (row->argument && !value) {
		if (*at + 1 >= argc)
			return failure_set(failure, -EINVAL, "--%s needs a value: %s", row->name, row->argument);
		value = argv[++*at];
	}
	return set_option(row, context, word, length, value, failure);
}

static _Bool asks_for_help(int argc, char **argv)
{
	for (int at = 1; at < argc && strcmp(argv[at], "--") != 0; at++)
		if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0)
			return 1;
	return 0;
}

int options_parse(const struct option_row *rows, void *context, int argc, char **argv,
                  struct positionals *ret_positionals, _Bool *ret_help, struct failure *failure)
{
	_Bool only_positionals = 0;
	int count = 0;
	int r;

	*ret_help = asks_for_help(argc, argv);
	if (*ret_help)
		return 0;
	r = apply_environment(rows, context, failure);
	for (int at = 1; r == 0 && at < argc; at++) {
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
