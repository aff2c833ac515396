/* SPDX-License-Identifier: Apache-2.0 */
/* The agent: carries out what its session decides, with a link to the coordinator and a crew of workers. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/allow.h"
#include "agent/drivers/driver.h"
#include "common/base/failure.h"
#include "common/base/log.h"
#include "common/link/key.h"
#include "common/wire/message.h"

struct agent_config {
	const char *const *addresses; /* tried in turn until a coordinator answers */
	uint32_t address_count;
	_Bool insecure;
	const struct link_keys *keys; /* NULL: none */
	_Bool once;
	uint32_t workers;
	uint64_t orphan_after_ns;
	const struct message_hello *hello;
	const struct driver_ops *const *drivers; /* by target_kind */
	const struct allow_rule *allowed;
	uint32_t allowed_count;
	const char *secrets_folder; /* may be NULL */
	const char *spool_folder;   /* for results that wait and find no room in memory; NULL: a temporary one */
	struct log *log;            /* may be NULL */
	int signal_fd;              /* readable when the agent is to end (a signalfd); -1: none */
};

/* Serves runs until it is told to end, or one run with `once`. Blocks. 0: it ended as it should; 1: it was turned away,
 * failed, or was deserted by its coordinator; a negative errno, said in *failure, if it could not go on. */
int agent_run(const struct agent_config *config, struct failure *failure);
