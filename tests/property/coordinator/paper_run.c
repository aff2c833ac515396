/* SPDX-License-Identifier: Apache-2.0 */
/* A made-up run whose shares move. */
#include "paper_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"

#define S NS_PER_S

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static _Bool chance(struct random *random, unsigned percent)
{
	return random_below(random, 100) < percent;
}

/* ---- the plan ---- */

static size_t write_scenario(char *text, size_t size, uint32_t index, const struct paper_scenario *scenario)
{
	char steps[96] = "null: { latency: 1ms } } ]";

	if (scenario->producers)
		snprintf(steps, sizeof(steps), "produce: { target: kafka, topic: t, size: 9 } } ], producers: %u",
		         scenario->producers);
	return (size_t)snprintf(text, size,
	                        "  s%u: { executor: constant-arrival-rate, rate: %llu, duration: %llums, "
	                        "startTime: %llums, steps: [ { %s }\n",
	                        index, (unsigned long long)scenario->rate,
	                        (unsigned long long)(scenario->length_ns / NS_PER_MS),
	                        (unsigned long long)(scenario->start_ns / NS_PER_MS), steps);
}

static void make_scenarios(struct paper_run *run, struct random *random)
{
	size_t size = (size_t)snprintf(run->plan, sizeof(run->plan),
	                               "name: epochs\ntargets: { kafka: { kafka: { brokers: \"127.0.0.1:1\" } } }\n"
	                               "scenarios:\n");

	run->scenario_count = (uint32_t)random_between(random, 1, PAPER_SCENARIOS_MAX);
	for (uint32_t i = 0; i < run->scenario_count; i++) {
		struct paper_scenario *scenario = &run->scenarios[i];

		scenario->start_ns = random_below(random, 5) * S / 2;
		scenario->length_ns = random_between(random, 4, 24) * S / 2;
		scenario->rate = random_between(random, 3, 60) * 2;
		scenario->producers = chance(random, 30) ? (uint32_t)random_between(random, 2, 9) : 0;
		scenario->arrivals = scenario->rate * scenario->length_ns / S;
		size += write_scenario(run->plan + size, sizeof(run->plan) - size, i, scenario);
	}
	assert_true(size < sizeof(run->plan));
}

static uint64_t arrival_ns(const struct paper_scenario *scenario, uint64_t index)
{
	return scenario->start_ns + index * S / scenario->rate;
}

static _Bool owns(const struct paper_run *run, uint32_t epoch, uint32_t agent, uint32_t scenario, uint64_t index)
{
	uint32_t producers = run->scenarios[scenario].producers;

	return share_owns(&run->shares[epoch][agent][scenario], producers ? index % producers : index);
}

/* The end of the last schedule, were it not for the cut. */
static uint64_t planned_end_ns(const struct paper_run *run)
{
	uint64_t end_ns = 0;

	for (uint32_t i = 0; i < run->scenario_count; i++)
		if (run->scenarios[i].start_ns + run->scenarios[i].length_ns > end_ns)
			end_ns = run->scenarios[i].start_ns + run->scenarios[i].length_ns;
	return end_ns;
}

static uint64_t seconds_up(uint64_t ns)
{
	return (ns + S - 1) / S;
}

/* ---- epochs ---- */

static void make_first_division(struct paper_run *run, struct random *random)
{
	for (uint32_t i = 0; i < run->scenario_count; i++) {
		struct share all = {0}, shares[PAPER_AGENTS_MAX];
		uint32_t weights[PAPER_AGENTS_MAX];

		assert_int_equal(share_all(&all), 0);
		for (uint32_t k = 0; k < run->first_agents; k++)
			weights[k] = (uint32_t)random_between(random, 1, 4);
		assert_int_equal(share_divide(&all, weights, run->first_agents, shares), 0);
		for (uint32_t k = 0; k < run->first_agents; k++)
			run->shares[0][k][i] = shares[k];
		share_deinit(&all);
	}
}

/* Divides one agent's share among itself, perhaps, and others. */
static void move_share(struct paper_run *run, struct random *random, uint32_t epoch, uint32_t scenario)
{
	struct share(*shares)[PAPER_SCENARIOS_MAX] = run->shares[epoch];
	uint32_t owner = (uint32_t)random_below(random, run->agent_count);
	uint32_t others[PAPER_AGENTS_MAX], weights[PAPER_AGENTS_MAX], count = 0;
	struct share parts[PAPER_AGENTS_MAX], whole = shares[owner][scenario];

	for (uint32_t i = 0; i < run->agent_count; i++)
		if (i != owner && chance(random, 60))
			others[count++] = i;
	if (count == 0 || chance(random, 40))
		others[count++] = owner;
	for (uint32_t i = 0; i < count; i++)
		weights[i] = (uint32_t)random_between(random, 1, 3);
	shares[owner][scenario] = (struct share){0};
	assert_int_equal(share_divide(&whole, weights, count, parts), 0);
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(share_add(&shares[others[i]][scenario], &parts[i]), 0);
		share_deinit(&parts[i]);
	}
	share_deinit(&whole);
}

static void make_epochs(struct paper_run *run, struct random *random)
{
	uint64_t end_s = seconds_up(planned_end_ns(run));

	make_first_division(run, random);
	run->epoch_count = (uint32_t)random_between(random, 1, PAPER_EPOCHS_MAX);
	for (uint32_t e = 1; e < run->epoch_count; e++) {
		run->from_s[e] = random_between(random, run->from_s[e - 1], end_s);
		for (uint32_t i = 0; i < run->agent_count; i++)
			for (uint32_t k = 0; k < run->scenario_count; k++)
				assert_int_equal(share_copy(&run->shares[e][i][k], &run->shares[e - 1][i][k]), 0);
		for (uint32_t moves = (uint32_t)random_between(random, 1, 3); moves > 0; moves--)
			move_share(run, random, e, (uint32_t)random_below(random, run->scenario_count));
	}
}

static uint32_t in_force(const struct paper_run *run, uint64_t second)
{
	uint32_t epoch = 0;

	while (epoch + 1 < run->epoch_count && run->from_s[epoch + 1] <= second)
		epoch++;
	return epoch;
}

/* ---- agents ---- */

static void hear(struct paper_run *run, struct random *random, struct paper_agent *agent)
{
	uint32_t known = in_force(run, agent->first);

	for (uint32_t e = 0; e < run->epoch_count; e++) {
		uint64_t late = chance(random, 60) ? 0 : random_between(random, 1, 4);

		if (e < known)
			agent->effective[e] = UINT64_MAX;
		else if (e == known)
			agent->effective[e] = agent->first;
		else
			agent->effective[e] = chance(random, 10) ? UINT64_MAX : run->from_s[e] + late;
	}
}

/* The epoch that it ran by. */
static uint32_t ran_by(const struct paper_run *run, const struct paper_agent *agent, uint64_t second)
{
	uint32_t epoch = in_force(run, agent->first);

	for (uint32_t e = 0; e < run->epoch_count; e++)
		if (agent->effective[e] <= second && e > epoch)
			epoch = e;
	return epoch;
}

static void end_agent(struct paper_run *run, struct random *random, struct paper_agent *agent)
{
	uint64_t end_ns = lesser(planned_end_ns(run), run->cut_ns), whole_ns = agent->first * S;

	/* Of an early end each hears at its own time. */
	agent->end_ns = run->cut_ns == UINT64_MAX ? end_ns : end_ns + random_below(random, S);
	if (end_ns <= whole_ns)
		agent->fate = PAPER_DONE;
	if (agent->fate == PAPER_DIED || agent->fate == PAPER_LEFT)
		agent->end_ns = random_between(random, whole_ns, end_ns);
	agent->past = seconds_up(agent->end_ns);
	if (agent->fate == PAPER_DIED || agent->fate == PAPER_CUT_OFF)
		agent->past = random_between(random, agent->first, agent->end_ns / S);
	if (agent->past < agent->first)
		agent->past = agent->first;
}

/* A run of seconds without news of an epoch. */
static void sleep_through(struct paper_run *run, struct random *random, struct paper_agent *agent)
{
	uint64_t from = agent->first + 1 + random_below(random, PAPER_SECONDS_MAX), past = from;

	while (past + 1 < agent->past && past < from + 3 && ran_by(run, agent, past) == ran_by(run, agent, from - 1))
		past++;
	if (from < past) {
		agent->hole = from;
		agent->hole_past = past;
	}
}

static void make_agents(struct paper_run *run, struct random *random)
{
	uint64_t end_s = seconds_up(planned_end_ns(run));

	for (uint32_t i = 0; i < run->agent_count; i++) {
		struct paper_agent *agent = &run->agents[i];

		agent->fate = chance(random, 40) ? PAPER_DONE : (enum paper_fate)random_below(random, PAPER_FATE_COUNT);
		agent->first = i < run->first_agents ? 0 : random_below(random, end_s);
		hear(run, random, agent);
		end_agent(run, random, agent);
		if (chance(random, 20))
			sleep_through(run, random, agent);
	}
}

static _Bool tells_all(const struct paper_agent *agent)
{
	return agent->fate != PAPER_DIED && agent->fate != PAPER_CUT_OFF;
}

/* Until when it is known what the agent did. */
static uint64_t known_ns(const struct paper_agent *agent)
{
	return lesser(agent->past * S, tells_all(agent) ? agent->end_ns : UINT64_MAX);
}

static _Bool is_held(const struct paper_agent *agent, uint64_t at_ns)
{
	return at_ns >= agent->first * S && at_ns < known_ns(agent);
}

static _Bool ran(const struct paper_run *run, uint32_t index, uint32_t scenario, uint64_t arrival, uint64_t at_ns)
{
	const struct paper_agent *agent = &run->agents[index];

	return is_held(agent, at_ns) && owns(run, ran_by(run, agent, at_ns / S), index, scenario, arrival);
}

static uint64_t until_ns(const struct paper_run *run, uint32_t index)
{
	const struct paper_agent *agent = &run->agents[index];

	if (run->cut_ns == UINT64_MAX)
		return UINT64_MAX;
	return tells_all(agent) && agent->end_ns > run->cut_ns ? agent->end_ns : run->cut_ns;
}

static uint32_t due_to(const struct paper_run *run, uint32_t scenario, uint64_t arrival, uint64_t at_ns)
{
	uint32_t epoch = in_force(run, at_ns / S), agent = 0;

	while (!owns(run, epoch, agent, scenario, arrival))
		agent++;
	assert_true(agent < run->agent_count);
	return agent;
}

static _Bool has_run(const struct paper_run *run, uint32_t scenario)
{
	return run->scenarios[scenario].start_ns < run->cut_ns;
}

/* What an agent's newest held snapshot says: of `count` arrivals that it had by then. */
static void tell(struct paper_agent *agent, uint32_t scenario, uint64_t count, uint64_t after, struct random *random)
{
	struct wire_scenario *told = &agent->told[scenario];

	if (!tells_all(agent) && agent->first < agent->past) {
		agent->queued[scenario] = random_below(random, lesser(count, 5) + 1);
		if (chance(random, 30))
			agent->early[scenario] = random_below(random, lesser(after, 4) + 1);
	}
	count += agent->early[scenario] - agent->queued[scenario];
	told->tally.dropped[DROP_NO_VU] = chance(random, 30) ? random_below(random, count + 1) : 0;
	told->tally.started = count - told->tally.dropped[DROP_NO_VU];
	if (!tells_all(agent))
		agent->running[scenario] = random_below(random, lesser(told->tally.started, 5) + 1);
	told->running = agent->running[scenario];
	count = told->tally.started - told->running;
	told->tally.interrupted = chance(random, 30) ? random_below(random, count + 1) : 0;
	count -= told->tally.interrupted;
	told->tally.failed = chance(random, 30) ? random_below(random, count + 1) : 0;
	told->tally.succeeded = count - told->tally.failed;
}

static void make_accounts(struct paper_run *run, struct random *random)
{
	for (uint32_t i = 0; i < run->agent_count; i++)
		for (uint32_t k = 0; k < run->scenario_count; k++) {
			const struct paper_scenario *scenario = &run->scenarios[k];
			uint64_t count = 0, after = 0;

			for (uint64_t a = 0; a < scenario->arrivals && has_run(run, k); a++) {
				uint64_t at_ns = arrival_ns(scenario, a);

				count += ran(run, i, k, a, at_ns);
				after += at_ns >= known_ns(&run->agents[i]) && at_ns < until_ns(run, i) &&
				         due_to(run, k, a, at_ns) == i;
			}
			tell(&run->agents[i], k, count, after, random);
		}
}

void paper_run_make(struct paper_run *run, struct random *random)
{
	*run = (struct paper_run){.cut_ns = UINT64_MAX};
	run->first_agents = (uint32_t)random_between(random, 1, 5);
	run->agent_count = run->first_agents + (uint32_t)random_below(random, PAPER_AGENTS_MAX + 1 - 5);
	make_scenarios(run, random);
	if (chance(random, 25))
		run->cut_ns = random_between(random, 1, planned_end_ns(run) - 1);
	make_epochs(run, random);
	make_agents(run, random);
	make_accounts(run, random);
}

void paper_run_deinit(struct paper_run *run)
{
	for (uint32_t e = 0; e < run->epoch_count; e++)
		for (uint32_t i = 0; i < run->agent_count; i++)
			for (uint32_t k = 0; k < run->scenario_count; k++)
				share_deinit(&run->shares[e][i][k]);
}

/* ---- the truth ---- */

/* Who ran it as it was planned: whom it was due to, or else the first of those that did. */
static uint32_t find_right_one(const struct paper_run *run, uint32_t scenario, uint64_t arrival, uint64_t at_ns,
                               uint32_t due)
{
	if (ran_by(run, &run->agents[due], at_ns / S) == in_force(run, at_ns / S))
		return due;
	for (uint32_t i = 0; i < run->agent_count; i++)
		if (ran(run, i, scenario, arrival, at_ns))
			return i;
	return UINT32_MAX;
}

static void count_arrival(const struct paper_run *run, uint32_t scenario, uint64_t arrival,
                          uint64_t overlap[PAPER_AGENTS_MAX], struct paper_truth *truth)
{
	uint64_t at_ns = arrival_ns(&run->scenarios[scenario], arrival);
	uint32_t due = due_to(run, scenario, arrival, at_ns), right = UINT32_MAX;
	_Bool planned = at_ns < until_ns(run, due);

	if (planned && is_held(&run->agents[due], at_ns))
		right = find_right_one(run, scenario, arrival, at_ns, due);
	truth->planned += planned;
	truth->unknown += planned && right == UINT32_MAX;
	for (uint32_t i = 0; i < run->agent_count; i++)
		overlap[i] += i != right && ran(run, i, scenario, arrival, at_ns);
}

static uint64_t told_count(const struct paper_agent *agent, uint32_t scenario)
{
	const struct wire_scenario *told = &agent->told[scenario];

	return told->tally.started + tally_dropped(&told->tally) - told->running;
}

static void count_scenario(const struct paper_run *run, uint32_t scenario, struct paper_truth *truth)
{
	uint64_t overlap[PAPER_AGENTS_MAX] = {0};

	for (uint64_t a = 0; a < run->scenarios[scenario].arrivals && has_run(run, scenario); a++)
		count_arrival(run, scenario, a, overlap, truth);
	for (uint32_t i = 0; i < run->agent_count; i++) {
		const struct paper_agent *agent = &run->agents[i];
		uint64_t told = told_count(agent, scenario), untold = overlap[i] > told ? overlap[i] - told : 0;

		truth->told += told;
		truth->overlap += overlap[i] - untold;
		truth->unknown += agent->queued[scenario] + agent->running[scenario] - agent->early[scenario] - untold;
	}
}

static _Bool owes(const struct paper_run *run, uint32_t agent, uint64_t second)
{
	uint32_t epoch = in_force(run, second);

	for (uint32_t k = 0; k < run->scenario_count; k++) {
		const struct paper_scenario *scenario = &run->scenarios[k];
		uint64_t end_ns = lesser(scenario->start_ns + scenario->length_ns, run->cut_ns);

		if (!has_run(run, k) || second * S >= end_ns)
			continue;
		for (uint64_t a = 0; a < scenario->arrivals; a++)
			if (owns(run, epoch, agent, k, a))
				return 1;
	}
	return 0;
}

static _Bool has_snapshot(const struct paper_agent *agent, uint64_t second)
{
	return second >= agent->first && second < agent->past && (second < agent->hole || second >= agent->hole_past);
}

static void count_seconds(const struct paper_run *run, struct paper_truth *truth)
{
	for (uint32_t i = 0; i < run->agent_count; i++)
		for (uint64_t second = 0; second < PAPER_SECONDS_MAX; second++) {
			const struct paper_agent *agent = &run->agents[i];
			_Bool held = has_snapshot(agent, second);

			if (held && ran_by(run, agent, second) != in_force(run, second))
				truth->disputed[second] = 1;
			if (!owes(run, i, second))
				continue;
			truth->due++;
			truth->held += held;
			truth->missing[second] |= !held;
		}
}

struct paper_truth paper_run_truth(const struct paper_run *run)
{
	struct paper_truth truth = {0};

	for (uint32_t k = 0; k < run->scenario_count; k++)
		count_scenario(run, k, &truth);
	count_seconds(run, &truth);
	return truth;
}

/* ---- the journal ---- */

static void put(struct journal *journal, const struct journal_record *record)
{
	assert_int_equal(journal_append(journal, record, NULL), 0);
}

static void put_state(struct journal *journal, enum run_state state)
{
	put(journal, &(struct journal_record){.type = JOURNAL_STATE, .state = {.state = state}});
}

static void put_agent(struct journal *journal, uint32_t index)
{
	char name[32];
	struct journal_record record = {.type = JOURNAL_AGENT};

	snprintf(name, sizeof(name), "agent-%u", index + 1);
	record.agent.incarnation.bytes[0] = (uint8_t)(index + 1);
	record.agent.hello = (struct message_hello){.version = (char *)"",
	                                            .name = name,
	                                            .host = name,
	                                            .cpu = (char *)"",
	                                            .kernel = (char *)"",
	                                            .cores = 1,
	                                            .weight = 1};
	put(journal, &record);
}

static void put_division(struct journal *journal, const struct paper_run *run, uint32_t epoch, uint32_t agents)
{
	struct share shares[PAPER_AGENTS_MAX * PAPER_SCENARIOS_MAX];

	for (uint32_t i = 0; i < agents; i++)
		for (uint32_t k = 0; k < run->scenario_count; k++)
			shares[i * run->scenario_count + k] = run->shares[epoch][i][k];
	put(journal, &(struct journal_record){.type = JOURNAL_DIVISION,
	                                      .division = {.epoch = epoch + 1,
	                                                   .from_ns = run->from_s[epoch] * S,
	                                                   .agent_count = agents,
	                                                   .scenario_count = run->scenario_count,
	                                                   .shares = shares}});
}

/* The whole account rides in the last snapshot: those before it tell of nothing yet. */
static void put_snapshot(struct journal *journal, const struct paper_run *run, uint32_t index, uint64_t second,
                         uint64_t seq)
{
	const struct paper_agent *agent = &run->agents[index];
	struct wire_scenario changes[PAPER_SCENARIOS_MAX] = {0};
	struct journal_accepted accepted = {
	        .agent = index, .seq = seq, .second = second, .epoch = ran_by(run, agent, second) + 1};

	if (second + 1 == agent->past)
		memcpy(changes, agent->told, sizeof(changes));
	put(journal, &(struct journal_record){.type = JOURNAL_DELTAS,
	                                      .deltas = {.accepted = &accepted,
	                                                 .accepted_count = 1,
	                                                 .scenario_count = run->scenario_count,
	                                                 .changes = changes}});
}

static void put_snapshots(struct journal *journal, const struct paper_run *run, uint32_t index)
{
	const struct paper_agent *agent = &run->agents[index];
	uint64_t seq = 0;

	for (uint64_t second = agent->first; second < agent->past; second++)
		if (has_snapshot(agent, second))
			put_snapshot(journal, run, index, second, ++seq);
}

static void put_fate(struct journal *journal, const struct paper_run *run, uint32_t index)
{
	const struct paper_agent *agent = &run->agents[index];

	if (agent->fate == PAPER_LEFT)
		put(journal, &(struct journal_record){.type = JOURNAL_LEAVE, .leave = {index, agent->end_ns}});
	if (!tells_all(agent) || agent->fate == PAPER_RETURNED)
		put(journal, &(struct journal_record){
		                     .type = JOURNAL_LOST,
		                     .lost = {.agent = index, .at_ns = agent->past * S, .reason = (char *)"silent"}});
	if (agent->fate == PAPER_RETURNED)
		put(journal, &(struct journal_record){.type = JOURNAL_BACK, .back = {index, agent->end_ns}});
	if (tells_all(agent))
		put(journal,
		    &(struct journal_record){.type = JOURNAL_DONE, .done = {.agent = index, .end_ns = agent->end_ns}});
}

static void put_resume(struct journal *journal)
{
	struct journal_child child = {.pid = 1234, .started = 5678};

	put(journal, &(struct journal_record){.type = JOURNAL_CHILDREN, .children = {&child, 1}});
	put(journal, &(struct journal_record){.type = JOURNAL_RESUME, .resume = {1700000099000000000}});
}

static void put_beginning(struct journal *journal, const struct paper_run *run)
{
	put(journal, &(struct journal_record){.type = JOURNAL_RUN,
	                                      .run = {.id = (char *)"00000000-0000-4000-8000-000000000000",
	                                              .name = (char *)"epochs",
	                                              .version = (char *)"0.1.0",
	                                              .plan_sha256 = (char *)"00",
	                                              .plan = (char *)run->plan,
	                                              .plan_size = strlen(run->plan),
	                                              .created_unix_ns = 1700000000000000000}});
	for (uint32_t i = 0; i < run->first_agents; i++)
		put_agent(journal, i);
	put_division(journal, run, 0, run->first_agents);
	put(journal, &(struct journal_record){.type = JOURNAL_START, .start = {.t0_unix_ns = 1700000000000000000}});
	put_state(journal, RUN_RUNNING);
	for (uint32_t i = run->first_agents; i < run->agent_count; i++)
		put_agent(journal, i);
	for (uint32_t e = 1; e < run->epoch_count; e++)
		put_division(journal, run, e, run->agent_count);
}

void paper_run_write(const struct paper_run *run, const char *folder, _Bool resumed)
{
	struct journal *journal = NULL;

	assert_int_equal(journal_create(folder, 0, NULL, &journal), 0);
	put_beginning(journal, run);
	if (run->cut_ns != UINT64_MAX)
		put(journal, &(struct journal_record){
		                     .type = JOURNAL_STOP,
		                     .stop = {.cause = STOP_THRESHOLD, .at_ns = run->cut_ns, .text = (char *)"cut"}});
	for (uint32_t i = 0; i < run->agent_count; i++) {
		if (resumed)
			put_resume(journal);
		put_snapshots(journal, run, i);
		put_fate(journal, run, i);
	}
	put_state(journal, RUN_DRAINING);
	if (resumed)
		put_resume(journal);
	put_state(journal, RUN_REPORTING);
	journal_close(journal);
}
