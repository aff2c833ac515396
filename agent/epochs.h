/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent was assigned in the epochs of a run, each with its workers' portions. Kept as long as the run: workers
 * read the portions. Pure. */
#pragma once

#include <stdint.h>

#include "agent/portion.h"
#include "common/base/failure.h"
#include "common/wire/message.h"

struct epoch {
	struct epoch *next;
	uint32_t number;
	uint64_t effective_ns; /* since T0; 0: from the start */
	struct share *shares;
	uint32_t share_count;
	uint32_t *connections; /* by target; NULL: none */
	uint32_t connection_count;
	struct wire_move *moves;
	uint32_t move_count;
	struct wire_extra *extras;
	uint32_t extra_count;
	struct portion *portions; /* one a worker; NULL before epoch_divide() */
	uint32_t worker_count;
};

/* Copies what the assignment says, but the plan and the files. 0 or -ENOMEM. */
int epoch_new(const struct message_assign *assignment, uint32_t number, uint64_t effective_ns,
              struct epoch **ret_epoch);
/* Not those that follow. Accepts NULL. */
struct epoch *epoch_free(struct epoch *epoch);
/* Divides it among the workers, after the epoch that holds until then (NULL for the first). -EINVAL if it doesn't fit
 * the plan, or another negative errno, said. */
int epoch_divide(struct epoch *epoch, const struct epoch *before, const struct plan *plan, uint32_t workers,
                 struct failure *failure);
/* True if no worker has anything to run. */
_Bool epoch_is_empty(const struct epoch *epoch);
