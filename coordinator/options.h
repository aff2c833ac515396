/* SPDX-License-Identifier: Apache-2.0 */
/* Command-line options by table: flags first, then STAMPEDE_<NAME> from the environment. */
#pragma once

#include <stddef.h>

#include "common/base/failure.h"

/* A row of a command's options; the table ends with a row without a name. */
struct option_row {
	const char *name;     /* "expect-agents"; its variable is STAMPEDE_EXPECT_AGENTS */
	char letter;          /* 0: none */
	const char *argument; /* "N" as help shows it; NULL: a flag */
	const char *help;
	_Bool repeatable; /* may be given several times; not read from the environment */
	int (*set)(void *context, const char *value, struct failure *failure); /* -EINVAL with the reason */
};

/* What stands on the command line besides options. */
struct positionals {
	char **items;
	int count;
};

/* Applies the environment (a flag's variable is 1 or 0; an empty one is none), then argv (argv[0] is the command's
 * name). Options may stand before and after positionals. -EINVAL with the reason and, for an unknown option, what was
 * probably meant. ret_help: --help stands somewhere; nothing else is then done, and ret_positionals is left alone. */
int options_parse(const struct option_row *rows, void *context, int argc, char **argv,
                  struct positionals *ret_positionals, _Bool *ret_help, struct failure *failure);

/* "NAME=VALUE" taken apart; *ret_value points into text. -EINVAL. */
int options_split_pair(const char *text, char **ret_name, const char **ret_value, struct failure *failure);
