/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent says of itself and its host in its hello. */
#pragma once

#include <stdint.h>

#include "agent/drivers/driver.h"
#include "common/wire/message.h"

struct facts_config {
	const char *version;
	const char *name; /* NULL: the host's name */
	uint32_t workers; /* 0: the cores that this process may use */
	uint32_t weight;
	const struct text_pair *tags; /* copied */
	uint32_t tag_count;
	const struct driver_ops *const *drivers; /* for the libraries' versions; by target_kind */
};

/* Fills in a hello, last_seq apart; facts_deinit() releases it. 0 or -ENOMEM. */
int facts_gather(const struct facts_config *config, struct message_hello *ret_hello);
void facts_deinit(struct message_hello *hello);
/* Cores that this process may use, by its affinity. */
uint32_t facts_cores(void);
