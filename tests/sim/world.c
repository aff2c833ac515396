/* SPDX-License-Identifier: Apache-2.0 */
/* One seed, from its first event to its verdict. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/broker.h"
#include "tests/sim/host.h"
#include "tests/sim/oracle.h"

enum { EVENTS_MAX = 2000000 /* a seed takes some ten thousand; more is a loop that gets nowhere */ };

/* Beyond the plan's length: agents come and get ready, are lost and given up, are orphaned twice; faults last. */
#define SLACK_NS (300 * NS_PER_S)

uint64_t sim_clock_read(const struct sim_clock *clock, uint64_t true_ns)
{
	int64_t drifted = (int64_t)((__int128)true_ns * clock->drift_ppb / 1000000000);

	return (uint64_t)((int64_t)true_ns + drifted + clock->offset_ns);
}

uint64_t sim_clock_when(const struct sim_clock *clock, uint64_t local_ns)
{
	int64_t since;
	uint64_t true_ns;

	if (local_ns == CLOCK_NEVER)
		return CLOCK_NEVER;
	since = (int64_t)(local_ns - (uint64_t)clock->offset_ns);
	if (since <= 0)
		return 0;
	true_ns = (uint64_t)((__int128)since * 1000000000 / (1000000000 + clock->drift_ppb));
	true_ns = true_ns > 2 ? true_ns - 2 : 0;
	while (sim_clock_read(clock, true_ns) < local_ns)
		true_ns++;
	return true_ns;
}

void sim_trace(struct sim *sim, const char *format, ...)
{
	char *line = sim->trace[sim->traced++ % SIM_TRACE_LINES];
	int at = snprintf(line, SIM_TRACE_TEXT, "%10.6f  ", (double)sim->now_ns / 1e9);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line + at, SIM_TRACE_TEXT - (size_t)at, format, arguments);
	va_end(arguments);
	if (sim->verbose)
		puts(line);
}

void sim_break(struct sim *sim, const char *format, ...)
{
	va_list arguments;

	if (sim->broken[0])
		return;
	sim->broken_at_ns = sim->now_ns;
	va_start(arguments, format);
	vsnprintf(sim->broken, sizeof(sim->broken), format, arguments);
	va_end(arguments);
	sim_trace(sim, "BROKEN: %s", sim->broken);
}

void sim_must(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "sim: %s: %s\n", what, strerror(-r));
	abort();
}

/* ---- faults ---- */

static void each_agent(struct sim *sim, const struct fault *fault, void (*act)(struct sim_agent *agent))
{
	for (uint32_t i = 0; i < SIM_AGENTS_MAX; i++)
		if ((fault->agents & 1U << i) && sim->agents[i] && !agent_has_exited(sim->agents[i]))
			act(sim->agents[i]);
}

static void join(struct sim *sim, const struct fault *fault)
{
	for (uint32_t i = 0; i < SIM_AGENTS_MAX; i++)
		if ((fault->agents & 1U << i) && !sim->agents[i])
			sim->agents[i] = agent_new(sim, i);
}

static void freeze(struct sim *sim, const struct fault *fault)
{
	for (uint32_t i = 0; i < SIM_AGENTS_MAX; i++)
		if ((fault->agents & 1U << i) && sim->agents[i] && !agent_has_exited(sim->agents[i]))
			agent_freeze(sim->agents[i], sim->now_ns + fault->duration_ns);
}

static void suspend(struct sim *sim, const struct fault *fault)
{
	for (uint32_t i = 0; i < SIM_AGENTS_MAX; i++)
		if ((fault->agents & 1U << i) && sim->agents[i] && !agent_has_exited(sim->agents[i]))
			agent_suspend(sim->agents[i], fault->duration_ns);
}

static _Bool is_the_bosses(const struct fault *fault)
{
	return fault->type == FAULT_BOSS_KILL || fault->type == FAULT_BOSS_FREEZE || fault->type == FAULT_BOSS_FULL;
}

static void disturb(struct sim *sim, const struct fault *fault)
{
	uint64_t until_ns = sim->now_ns + (fault->duration_ns == CLOCK_NEVER ? 0 : fault->duration_ns);

	for (uint32_t i = 0; i < SIM_AGENTS_MAX; i++)
		if (((fault->agents & 1U << i) || is_the_bosses(fault)) && until_ns > sim->disturbed_ns[i])
			sim->disturbed_ns[i] = until_ns;
}

static void strike(struct sim *sim, const struct fault *fault)
{
	disturb(sim, fault);
	sim_trace(sim, "fault: %s, agents %#x, for %.3f s", fault_type_names[fault->type], fault->agents,
	          (double)fault->duration_ns / 1e9);
	switch (fault->type) {
	case FAULT_AGENT_KILL:
		each_agent(sim, fault, agent_kill);
		break;
	case FAULT_AGENT_FREEZE:
		freeze(sim, fault);
		break;
	case FAULT_AGENT_SUSPEND:
		suspend(sim, fault);
		break;
	case FAULT_AGENT_TERM:
		each_agent(sim, fault, agent_terminate);
		break;
	case FAULT_AGENT_FAIL:
		each_agent(sim, fault, agent_fail);
		break;
	case FAULT_AGENT_JOIN:
		join(sim, fault);
		break;
	case FAULT_PARTITION:
		net_partition(sim->net, fault->agents, sim->now_ns + fault->duration_ns, fault->reset);
		break;
	case FAULT_RESET:
		net_reset(sim->net, fault->agents);
		break;
	default:
		boss_fault(sim->boss, fault);
	}
}

/* ---- events ---- */

static void earliest(uint64_t at_ns, int who, uint64_t *next_ns, int *ret_who)
{
	if (at_ns < *next_ns) {
		*next_ns = at_ns;
		*ret_who = who;
	}
}

enum { WHO_FAULT = -4, WHO_NET, WHO_BOSS, WHO_NOBODY /* or an agent's number */ };

static int who_is_next(struct sim *sim, uint32_t fault, uint64_t *ret_ns)
{
	int who = WHO_NOBODY;

	*ret_ns = CLOCK_NEVER;
	if (fault < sim->chance.fault_count)
		earliest(sim->chance.faults[fault].at_ns, WHO_FAULT, ret_ns, &who);
	earliest(net_next_ns(sim->net), WHO_NET, ret_ns, &who);
	earliest(boss_next_ns(sim->boss), WHO_BOSS, ret_ns, &who);
	for (int i = 0; i < SIM_AGENTS_MAX; i++)
		if (sim->agents[i])
			earliest(agent_next_ns(sim->agents[i]), i, ret_ns, &who);
	return who;
}

static void act(struct sim *sim, int who, uint32_t *fault)
{
	switch (who) {
	case WHO_FAULT:
		strike(sim, &sim->chance.faults[(*fault)++]);
		break;
	case WHO_NET:
		net_deliver(sim->net);
		break;
	case WHO_BOSS:
		boss_wake(sim->boss);
		break;
	default:
		agent_wake(sim->agents[who]);
	}
}

static _Bool all_is_over(const struct sim *sim)
{
	if (!boss_is_over(sim->boss))
		return 0;
	for (uint32_t i = 0; i < SIM_AGENTS_MAX; i++)
		if (sim->agents[i] && !agent_is_over(sim->agents[i]))
			return 0;
	return 1;
}

static void run_events(struct sim *sim)
{
	uint64_t until_ns = sim->plan->length_ns + SLACK_NS;
	uint32_t fault = 0;

	while (!sim->broken[0] && !all_is_over(sim)) {
		uint64_t at_ns;
		int who = who_is_next(sim, fault, &at_ns);

		if (who == WHO_NOBODY || at_ns > until_ns) {
			sim_break(sim, "no end: the coordinator is %s",
			          boss_is_over(sim->boss) ? "gone, agents aren't" : "still at it");
			return;
		}
		if (at_ns > sim->now_ns)
			sim->now_ns = at_ns;
		if (++sim->events > EVENTS_MAX) {
			sim_break(sim, "%d events, and time doesn't pass", EVENTS_MAX);
			return;
		}
		act(sim, who, &fault);
	}
}

/* ---- a seed ---- */

static void open_world(struct sim *sim, const struct sim_config *config)
{
	*sim = (struct sim){.verbose = config->verbose, .folder = config->folder, .plans = config->plans};
	chance_make(config->seed, &config->limits, &sim->chance);
	random_seed(&sim->random, config->seed ^ UINT64_C(0x9e3779b97f4a7c15));
	sim->plan = sim_plans_get(config->plans, &sim->chance);
	sim->net = net_new(sim);
	sim->truth = truth_new(sim->plan->plan);
	sim->broker = broker_new(sim->plan->plan);
	sim->oracle = oracle_new(sim);
	sim->boss = boss_new(sim);
	sim_trace(sim, "seed %llu: plan %s, %u agents%s, on loss %d%s", (unsigned long long)config->seed,
	          sim_plans_name(sim->chance.plan), sim->chance.agents, sim->chance.local ? ", children" : "",
	          sim->chance.on_loss, sim->chance.elastic ? ", elastic" : "");
}

static void close_world(struct sim *sim)
{
	for (uint32_t i = 0; i < SIM_AGENTS_MAX; i++)
		agent_free(sim->agents[i]);
	boss_free(sim->boss);
	oracle_free(sim->oracle);
	truth_free(sim->truth);
	broker_free(sim->broker);
	net_free(sim->net);
}

static void tell(const struct sim *sim)
{
	uint64_t first = sim->traced > SIM_TRACE_LINES ? sim->traced - SIM_TRACE_LINES : 0;

	fprintf(stderr, "seed %llu is broken at %.6f s: %s\n", (unsigned long long)sim->chance.seed,
	        (double)sim->broken_at_ns / 1e9, sim->broken);
	for (uint64_t i = first; !sim->verbose && i < sim->traced; i++)
		fprintf(stderr, "  %s\n", sim->trace[i % SIM_TRACE_LINES]);
}

void sim_run(const struct sim_config *config, struct sim_result *ret_result)
{
	struct sim *sim = malloc(sizeof(*sim));

	sim_must(sim ? 0 : -ENOMEM, "world");
	open_world(sim, config);
	boss_start(sim->boss);
	for (uint32_t i = 0; i < sim->chance.agents; i++)
		sim->agents[i] = agent_new(sim, i);
	run_events(sim);
	*ret_result = (struct sim_result){.plan = sim->chance.plan,
	                                  .events = sim->events,
	                                  .virtual_ns = sim->now_ns,
	                                  .resumes = boss_resumes(sim->boss)};
	if (!sim->broken[0])
		oracle_judge(sim->oracle, ret_result);
	ret_result->broken = sim->broken[0] != '\0';
	if (ret_result->broken)
		tell(sim);
	close_world(sim);
	free(sim);
}
