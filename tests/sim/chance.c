/* SPDX-License-Identifier: Apache-2.0 */
/* What a seed decides beforehand: the plan, the fleet, the network, and what goes wrong when. */
#include <string.h>

#include "tests/sim/sim.h"

const char *const fault_type_names[FAULT_TYPE_COUNT] = {
        [FAULT_AGENT_KILL] = "kill -9",
        [FAULT_AGENT_FREEZE] = "SIGSTOP",
        [FAULT_AGENT_TERM] = "SIGTERM",
        [FAULT_AGENT_JOIN] = "one more process",
        [FAULT_AGENT_FAIL] = "its crew fails",
        [FAULT_AGENT_SUSPEND] = "its host sleeps",
        [FAULT_BOSS_KILL] = "kill -9 of the coordinator",
        [FAULT_BOSS_FREEZE] = "SIGSTOP of the coordinator",
        [FAULT_BOSS_FULL] = "no room on the coordinator's disk",
        [FAULT_BOSS_INTERRUPT] = "SIGINT of the coordinator",
        [FAULT_PARTITION] = "partition",
        [FAULT_RESET] = "connections reset",
};

const char *const fault_type_words[FAULT_TYPE_COUNT] = {
        [FAULT_AGENT_KILL] = "kill",         [FAULT_AGENT_FREEZE] = "freeze", [FAULT_AGENT_TERM] = "term",
        [FAULT_AGENT_JOIN] = "join",         [FAULT_AGENT_FAIL] = "fail",     [FAULT_BOSS_KILL] = "boss-kill",
        [FAULT_BOSS_FREEZE] = "boss-freeze", [FAULT_BOSS_FULL] = "boss-full", [FAULT_BOSS_INTERRUPT] = "interrupt",
        [FAULT_PARTITION] = "partition",     [FAULT_RESET] = "reset",         [FAULT_AGENT_SUSPEND] = "suspend",
};

static _Bool one_in(struct random *random, uint64_t n)
{
	return random_below(random, n) == 0;
}

static uint64_t between_ms(struct random *random, uint64_t low, uint64_t high)
{
	return random_between(random, low * NS_PER_MS, high * NS_PER_MS);
}

static uint32_t some_agents(struct random *random, uint32_t count)
{
	uint32_t processes = (uint32_t)random_below(random, UINT64_C(1) << count);

	return processes ? processes : 1U << random_below(random, count);
}

static struct fault *add(struct chance *chance, struct random *random, enum fault_type type)
{
	struct fault *fault = &chance->faults[chance->fault_count];

	if (chance->fault_count == FAULTS_MAX)
		return NULL;
	chance->fault_count++;
	*fault = (struct fault){.at_ns = between_ms(random, 0, 14000), .type = type};
	fault->agents = 1U << random_below(random, chance->agents);
	return fault;
}

static void add_network_faults(struct chance *chance, struct random *random)
{
	uint64_t partitions = one_in(random, 3) ? 1 + random_below(random, 3) : 0;
	uint64_t resets = one_in(random, 3) ? 1 + random_below(random, 4) : 0;
	struct fault *fault;

	while (partitions-- && (fault = add(chance, random, FAULT_PARTITION))) {
		fault->agents = some_agents(random, chance->agents);
		fault->duration_ns =
		        one_in(random, 4) ? between_ms(random, 5000, 40000) : between_ms(random, 200, 5000);
		fault->reset = one_in(random, 2);
	}
	while (resets-- && (fault = add(chance, random, FAULT_RESET)))
		fault->agents = some_agents(random, chance->agents);
}

static void add_boss_faults(struct chance *chance, struct random *random)
{
	uint64_t kills = one_in(random, 2) ? 1 + random_below(random, 3) : 0;
	struct fault *fault;

	while (kills-- && (fault = add(chance, random, FAULT_BOSS_KILL))) {
		fault->at_ns = between_ms(random, 0, 22000);
		fault->duration_ns = between_ms(random, 50, one_in(random, 3) ? 20000 : 4000);
		fault->effects = (uint32_t)random_below(random, 30);
		fault->tear = one_in(random, 2);
		fault->reboot = !chance->local && one_in(random, 3);
		if (one_in(random, 16))
			fault->duration_ns = CLOCK_NEVER;
	}
	if (one_in(random, 8) && (fault = add(chance, random, FAULT_BOSS_FREEZE)))
		fault->duration_ns = between_ms(random, 100, 6000);
	if (one_in(random, 12) && (fault = add(chance, random, FAULT_BOSS_FULL)))
		fault->duration_ns = between_ms(random, 500, 4000);
	for (int i = 0; one_in(random, 20) && i < 2; i++)
		add(chance, random, FAULT_BOSS_INTERRUPT);
}

static void add_agent_faults(struct chance *chance, struct random *random)
{
	uint64_t kills = one_in(random, 3) ? 1 + random_below(random, 2) : 0;
	uint64_t freezes = one_in(random, 4) ? 1 + random_below(random, 2) : 0;
	uint64_t leaves = one_in(random, 5) ? 1 + random_below(random, 2) : 0;
	struct fault *fault;

	while (kills--)
		add(chance, random, FAULT_AGENT_KILL);
	while (freezes-- && (fault = add(chance, random, FAULT_AGENT_FREEZE)))
		fault->duration_ns = between_ms(random, 50, 8000);
	while (leaves--)
		add(chance, random, FAULT_AGENT_TERM);
	if (one_in(random, 40))
		add(chance, random, FAULT_AGENT_FAIL);
	if (one_in(random, 12) && (fault = add(chance, random, FAULT_AGENT_SUSPEND)))
		fault->duration_ns = between_ms(random, 20, 6000);
	for (uint32_t i = 0; i < chance->joiners && (fault = add(chance, random, FAULT_AGENT_JOIN)); i++)
		fault->agents = 1U << (chance->agents + i);
}

/* A seed in which the fleet changes again and again while the coordinator dies: what one epoch or one life leaves
 * behind meets the next. */
static void choose_storm(struct chance *chance, struct random *random)
{
	static const enum fault_type types[] = {FAULT_AGENT_KILL, FAULT_AGENT_TERM, FAULT_AGENT_FREEZE,
	                                        FAULT_AGENT_KILL};
	uint64_t kills = random_between(random, 1, 3);
	struct fault *fault;

	chance->agents = (uint32_t)random_between(random, 3, 6);
	chance->on_loss = ON_AGENT_LOSS_REDISTRIBUTE;
	chance->elastic = one_in(random, 2);
	for (uint32_t i = 0; i + 1 < chance->agents && (fault = add(chance, random, types[random_below(random, 4)]));
	     i++) {
		fault->at_ns = between_ms(random, 300, 6500);
		fault->duration_ns = between_ms(random, 2000, 6000);
		fault->agents = 1U << i;
	}
	while (kills-- && (fault = add(chance, random, FAULT_BOSS_KILL))) {
		fault->at_ns = between_ms(random, 300, 8000);
		fault->duration_ns = between_ms(random, 20, 1500);
		fault->effects = (uint32_t)random_below(random, 30);
		fault->tear = one_in(random, 2);
	}
}

static void leave_out(struct chance *chance, uint32_t without)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < chance->fault_count; i++)
		if (!(without & 1U << chance->faults[i].type))
			chance->faults[kept++] = chance->faults[i];
	chance->fault_count = kept;
}

static void sort_faults(struct chance *chance)
{
	for (uint32_t i = 1; i < chance->fault_count; i++)
		for (uint32_t k = i; k > 0 && chance->faults[k].at_ns < chance->faults[k - 1].at_ns; k--) {
			struct fault kept = chance->faults[k];

			chance->faults[k] = chance->faults[k - 1];
			chance->faults[k - 1] = kept;
		}
}

static void choose_network(struct chance *chance, struct random *random)
{
	chance->delay_ns = random_between(random, 20 * NS_PER_US, one_in(random, 3) ? 60 * NS_PER_MS : 2 * NS_PER_MS);
	chance->jitter_ns = random_between(random, 0, one_in(random, 4) ? 200 * NS_PER_MS : 5 * NS_PER_MS);
	if (one_in(random, 2))
		return;
	chance->drop = one_in(random, 2) ? random_unit(random) * 0.15 : 0;
	chance->repeat = one_in(random, 2) ? random_unit(random) * 0.15 : 0;
	chance->reorder = one_in(random, 2) ? random_unit(random) * 0.3 : 0;
}

void chance_make(uint64_t seed, const struct chance_limits *limits, struct chance *ret_chance)
{
	struct chance chance = {.seed = seed, .clean = limits->clean};
	struct random random;

	random_seed(&random, seed);
	chance.plan = (uint32_t)random_below(&random, sim_plans_count());
	if (limits->plan >= 0)
		chance.plan = (uint32_t)limits->plan;
	chance.agents = (uint32_t)random_between(&random, 1, 6);
	chance.on_loss = one_in(&random, 8)   ? ON_AGENT_LOSS_FAIL
	                 : one_in(&random, 2) ? ON_AGENT_LOSS_CONTINUE
	                                      : ON_AGENT_LOSS_REDISTRIBUTE;
	chance.elastic = one_in(&random, 3);
	chance.local = one_in(&random, 3);
	chance.wait_ns = between_ms(&random, 5000, 20000);
	chance.spool_bytes = one_in(&random, 3) ? random_between(&random, 4000, 60000) : 1U << 20;
	chance.spool_disk_bytes = one_in(&random, 5) ? random_between(&random, 2000, 30000) : 1U << 20;
	chance.disk_fails = one_in(&random, 20) ? random_unit(&random) * 0.2 : 0;
	chance.orphan_after_ns = between_ms(&random, 30000, 60000);
	choose_network(&chance, &random);
	if (!chance.local && chance.agents <= 6 && one_in(&random, 3))
		chance.joiners = (uint32_t)random_between(&random, 1, 2);
	if (!limits->clean && one_in(&random, 4)) {
		chance.joiners = 0;
		choose_storm(&chance, &random);
		chance.joiners = !chance.local && chance.elastic ? (uint32_t)random_below(&random, 3) : 0;
	}
	if (!limits->clean) {
		add_network_faults(&chance, &random);
		add_boss_faults(&chance, &random);
		add_agent_faults(&chance, &random);
		sort_faults(&chance);
		leave_out(&chance, limits->without);
	} else {
		chance.drop = chance.repeat = chance.reorder = 0;
		chance.joiners = 0;
	}
	*ret_chance = chance;
}
