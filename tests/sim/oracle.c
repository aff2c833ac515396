/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold, watched while a seed runs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/wire/codec.h"
#include "coordinator/journal/journal.h"
#include "tests/sim/host.h"
#include "tests/sim/oracle_state.h"

enum { WINDOW = 8 /* snapshots that an agent may have under way */ };

struct oracle *oracle_new(struct sim *sim)
{
	struct oracle *oracle = calloc(1, sizeof(*oracle));

	sim_must(oracle ? 0 : -ENOMEM, "oracle");
	oracle->sim = sim;
	oracle->agent_count = 0;
	for (uint32_t i = 0; i < SIM_AGENTS_MAX; i++)
		oracle->watched[i].number = UINT32_MAX;
	for (uint32_t i = 0; i < SIM_DUTIES_MAX; i++)
		oracle->verified[i].process = UINT32_MAX;
	return oracle;
}

static void free_epochs(struct oracle *oracle)
{
	uint32_t scenarios = oracle->sim->plan->plan->scenario_count;

	for (size_t i = 0; i < oracle->epoch_count; i++) {
		for (size_t k = 0; k < (size_t)oracle->epochs[i].agent_count * scenarios; k++)
			share_deinit(&oracle->epochs[i].indices[k]);
		free(oracle->epochs[i].indices);
	}
	free(oracle->epochs);
}

struct oracle *oracle_free(struct oracle *oracle)
{
	if (!oracle)
		return NULL;
	free_epochs(oracle);
	for (uint32_t i = 0; i < SIM_AGENTS_MAX; i++) {
		for (size_t k = 0; k < oracle->watched[i].made_count; k++)
			free(oracle->watched[i].made[k].bytes);
		free(oracle->watched[i].made);
	}
	free(oracle);
	return NULL;
}

/* ---- agents ---- */

void oracle_made(struct oracle *oracle, uint32_t process, const struct message_snapshot *snapshot)
{
	struct watched *watched = &oracle->watched[process];
	struct message message = {.type = MESSAGE_SNAPSHOT, .snapshot = *snapshot};
	struct buffer bytes = {0};
	struct made *made;

	sim_must(array_reserve(&watched->made, &watched->made_capacity, watched->made_count, sizeof(*watched->made)),
	         "snapshots");
	sim_must(codec_encode(&message, &bytes), "snapshot");
	made = &watched->made[watched->made_count++];
	*made = (struct made){.bytes = bytes.data,
	                      .size = bytes.size,
	                      .second = snapshot->second,
	                      .epoch = snapshot->epoch,
	                      .last = snapshot->last};
	oracle->snapshots++;
	if (snapshot->seq != watched->made_count)
		sim_break(oracle->sim, "agent %u made snapshot %llu after %zu", process,
		          (unsigned long long)snapshot->seq, watched->made_count - 1);
}

void oracle_agent_sends(struct oracle *oracle, uint32_t process, uint64_t seq, uint64_t acknowledged)
{
	struct watched *watched = &oracle->watched[process];

	if (seq > watched->made_count)
		sim_break(oracle->sim, "agent %u sends snapshot %llu, which it has not made", process,
		          (unsigned long long)seq);
	if (seq > acknowledged + WINDOW)
		sim_break(oracle->sim, "agent %u sends snapshot %llu with %llu acknowledged", process,
		          (unsigned long long)seq, (unsigned long long)acknowledged);
	if (acknowledged > watched->durable)
		sim_break(oracle->sim, "agent %u forgot up to %llu, and %llu are journaled", process,
		          (unsigned long long)acknowledged, (unsigned long long)watched->durable);
}

void oracle_excuse(struct oracle *oracle)
{
	oracle->excused = 1;
}

void oracle_clock_jumps(struct oracle *oracle)
{
	oracle->jumped = 1;
}

void oracle_held(struct oracle *oracle, uint32_t process, uint64_t accepted)
{
	if (accepted > oracle->watched[process].durable + WINDOW)
		sim_break(oracle->sim, "the coordinator holds %llu snapshots of agent %u",
		          (unsigned long long)(accepted - oracle->watched[process].durable), process);
}

void oracle_start(struct oracle *oracle, uint32_t process, uint32_t values)
{
	const struct plan *plan = oracle->sim->plan->plan;
	uint32_t wanted = 0;

	for (uint32_t i = 0; i < plan->duty_count; i++)
		wanted += plan->duties[i].kind == DUTY_SETUP ? plan->duties[i].null.values.count : 0;
	if (values != wanted)
		sim_break(oracle->sim, "agent %u starts with %u of the setups' %u values", process, values, wanted);
}

void oracle_t0(struct oracle *oracle, uint64_t true_ns)
{
	oracle->t0_ns = true_ns;
}

/* ---- the coordinator's messages ---- */

static void check_durable(struct oracle *oracle, uint32_t process, uint64_t seq, const char *what)
{
	const struct watched *watched = &oracle->watched[process];

	if (seq > watched->durable)
		sim_break(oracle->sim, "agent %u is told by %s that %llu is durable, and %llu is", process, what,
		          (unsigned long long)seq, (unsigned long long)watched->durable);
	/* An agent whose last snapshot is acknowledged goes: that it is done must be known by then. */
	if (seq > 0 && seq <= watched->made_count && watched->made[seq - 1].last && !watched->done)
		sim_break(oracle->sim, "agent %u's last snapshot is acknowledged before it is journaled as done",
		          process);
}

static void check_start(struct oracle *oracle, uint32_t process, const struct message_start *start)
{
	const struct watched *watched = &oracle->watched[process];

	if (!oracle->started || !watched->told)
		sim_break(oracle->sim, "T0 leaves before it is journaled");
	else if (start->t0_agent_ns != (uint64_t)((int64_t)boss_t0_ns(oracle->sim->boss) + watched->told_offset_ns))
		sim_break(oracle->sim, "agent %u is told another T0 than is journaled", process);
	oracle->start_sent = 1;
}

void oracle_boss_sends(struct oracle *oracle, const struct message *message)
{
	uint32_t process = agent_of(&message->incarnation);

	if (process == UINT32_MAX) {
		sim_break(oracle->sim, "a %s goes to nobody", message_type_names[message->type]);
		return;
	}
	switch (message->type) {
	case MESSAGE_ACK:
		check_durable(oracle, process, message->ack.seq, "ack");
		break;
	case MESSAGE_WELCOME:
		check_durable(oracle, process, message->welcome.durable_seq, "welcome");
		break;
	case MESSAGE_ASSIGN:
		if (oracle->state < RUN_ASSIGNED && 0)
			sim_break(oracle->sim, "a share leaves before its division is journaled");
		if (message->epoch > oracle->epoch)
			sim_break(oracle->sim, "epoch %u leaves, and %u is journaled", message->epoch, oracle->epoch);
		break;
	case MESSAGE_DUTY:
		oracle_closing(oracle, &message->duty);
		break;
	case MESSAGE_SEEN_ACK:
		oracle_seen_ack(oracle, &message->seen_ack);
		break;
	case MESSAGE_START:
		check_start(oracle, process, &message->start);
		break;
	default:
		break;
	}
}
