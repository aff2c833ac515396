/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent was assigned in the epochs of a run. */
#include "agent/epochs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"

DEFINE_CLEANUP(struct epoch *, epoch_free)

static int copy_shares(struct epoch *epoch, const struct message_assign *assignment)
{
	int r = 0;

	epoch->shares = calloc(assignment->share_count + 1, sizeof(*epoch->shares));
	if (!epoch->shares)
		return -ENOMEM;
	for (; r == 0 && epoch->share_count < assignment->share_count; epoch->share_count++)
		r = share_copy(&epoch->shares[epoch->share_count], &assignment->shares[epoch->share_count]);
	return r;
}

static int copy_moves(struct epoch *epoch, const struct message_assign *assignment)
{
	int r = 0;

	epoch->moves = calloc(assignment->move_count + 1, sizeof(*epoch->moves));
	if (!epoch->moves)
		return -ENOMEM;
	for (; r == 0 && epoch->move_count < assignment->move_count; epoch->move_count++) {
		struct wire_move *move = &epoch->moves[epoch->move_count];

		*move = assignment->moves[epoch->move_count];
		move->share = (struct share){0};
		r = share_copy(&move->share, &assignment->moves[epoch->move_count].share);
	}
	return r;
}

/* NULL without memory. */
static void *copy_items(const void *items, size_t count, size_t item_size)
{
	void *copy = calloc(count + 1, item_size);

	if (copy && count > 0)
		memcpy(copy, items, count * item_size);
	return copy;
}

int epoch_new(const struct message_assign *assignment, uint32_t number, uint64_t effective_ns, struct epoch **ret_epoch)
{
	cleanup(epoch_freep) struct epoch *epoch = calloc(1, sizeof(*epoch));
	int r;

	if (!epoch)
		return -ENOMEM;
	epoch->number = number;
	epoch->effective_ns = effective_ns;
	r = copy_shares(epoch, assignment);
	if (r == 0)
		r = copy_moves(epoch, assignment);
	if (r < 0)
		return r;
	epoch->connections =
	        copy_items(assignment->connections, assignment->connection_count, sizeof(*epoch->connections));
	epoch->connection_count = assignment->connection_count;
	epoch->extras = copy_items(assignment->extras, assignment->extra_count, sizeof(*epoch->extras));
	epoch->extra_count = assignment->extra_count;
	if (!epoch->connections || !epoch->extras)
		return -ENOMEM;
	*ret_epoch = steal(epoch);
	return 0;
}

struct epoch *epoch_free(struct epoch *epoch)
{
	if (!epoch)
		return NULL;
	for (uint32_t i = 0; i < epoch->share_count; i++)
		share_deinit(&epoch->shares[i]);
	for (uint32_t i = 0; i < epoch->move_count; i++)
		share_deinit(&epoch->moves[i].share);
	for (uint32_t i = 0; i < epoch->worker_count; i++)
		portion_deinit(&epoch->portions[i]);
	free(epoch->shares);
	free(epoch->connections);
	free(epoch->moves);
	free(epoch->extras);
	free(epoch->portions);
	free(epoch);
	return NULL;
}

static int check(const struct epoch *epoch, const struct plan *plan, struct failure *failure)
{
	if (epoch->share_count != plan->scenario_count)
		return failure_set(failure, -EINVAL, "the plan has %u scenarios, and shares came for %u",
		                   plan->scenario_count, epoch->share_count);
	if (epoch->connection_count > 0 && epoch->connection_count != plan->target_count)
		return failure_set(failure, -EINVAL, "the plan has %u targets, and connections came for %u",
		                   plan->target_count, epoch->connection_count);
	for (uint32_t i = 0; i < epoch->extra_count; i++) {
		if (epoch->extras[i].scenario >= plan->scenario_count)
			return failure_set(failure, -EINVAL, "iterations came for scenario %u, which the plan hasn't",
			                   epoch->extras[i].scenario);
	}
	return 0;
}

/* Those that are new since the epoch before; `extras` has room for all. */
static uint32_t list_extras(const struct epoch *epoch, const struct epoch *before, struct wire_extra *extras)
{
	uint32_t count = 0;

	for (uint32_t i = 0; before && i < epoch->extra_count; i++) {
		if (epoch->extras[i].epoch > before->number)
			extras[count++] = epoch->extras[i];
	}
	return count;
}

int epoch_divide(struct epoch *epoch, const struct epoch *before, const struct plan *plan, uint32_t workers,
                 struct failure *failure)
{
	cleanup(cleanup_free) struct wire_extra *extras = calloc(epoch->extra_count + 1, sizeof(*extras));
	struct portion_config config = {
	        .plan = plan,
	        .shares = epoch->shares,
	        .connections = epoch->connection_count > 0 ? epoch->connections : NULL,
	        .moves = epoch->moves,
	        .move_count = epoch->move_count,
	        .extras = extras,
	        .workers = workers,
	        .before = before ? before->portions : NULL,
	};
	int r = check(epoch, plan, failure);

	if (r < 0)
		return r;
	epoch->portions = calloc(workers + 1, sizeof(*epoch->portions));
	r = extras && epoch->portions ? 0 : -ENOMEM;
	if (r == 0) {
		config.extra_count = list_extras(epoch, before, extras);
		r = portion_divide(&config, epoch->portions);
	}
	if (r < 0)
		return failure_set(failure, r, "cannot divide the share: %s", strerrordesc_np(-r));
	epoch->worker_count = workers;
	return 0;
}

_Bool epoch_is_empty(const struct epoch *epoch)
{
	for (uint32_t i = 0; i < epoch->worker_count; i++) {
		if (!portion_is_empty(&epoch->portions[i]))
			return 0;
	}
	return 1;
}
