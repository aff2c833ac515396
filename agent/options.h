/* SPDX-License-Identifier: Apache-2.0 */
/* stampede-agent's command line: flags, then STAMPEDE_<NAME> from the environment, then the defaults. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "agent/allow.h"
#include "common/base/failure.h"
#include "common/base/limits.h"
#include "common/wire/message.h"

enum { OPTIONS_ADDRESSES_MAX = 16, OPTIONS_ALLOWED_MAX = 64 };

/* Texts point into argv or the environment. */
struct options {
	const char *addresses[OPTIONS_ADDRESSES_MAX];
	uint32_t address_count;
	const char *name; /* NULL: the host's */
	uint32_t weight;
	uint32_t workers;                  /* 0: one a core */
	struct text_pair tags[LIMIT_TAGS]; /* name and value in memory of their own */
	uint32_t tag_count;
	struct allow_rule allowed[OPTIONS_ALLOWED_MAX];
	uint32_t allowed_count;
	uint64_t orphan_after_ns;
	const char *key, *server_key; /* both or NULL */
	const char *spool;            /* a folder, or NULL */
	_Bool insecure;
	_Bool once;
	_Bool help;
	_Bool version;
};

/* 0, or -EINVAL or -ENOMEM with the reason. Deinit in any case. */
int options_parse(struct options *options, int argc, char **argv, struct failure *failure);
void options_deinit(struct options *options);
void options_print_help(FILE *file);
