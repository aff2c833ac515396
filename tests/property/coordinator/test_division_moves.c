/* SPDX-License-Identifier: Apache-2.0 */
/* For random fleets, after any sequence of losses, leaves, returns and arrivals: each scenario's shares are disjoint
 * and their union is everything, nothing moves that need not, and only those own what may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "coordinator/run/division.h"

enum { SEEDS = 150, STEPS = 14, AGENTS_MAX = 24, INDICES = 240, SCENARIOS = 6 };

static const char text[] =
        "targets:\n"
        "  t: { null: {} }\n"
        "  k: { kafka: { brokers: 'b:9092' } }\n"
        "  db: { postgres: { uri: 'postgresql://h/d', connections: 9 } }\n"
        "scenarios:\n"
        "  open: { executor: constant-arrival-rate, rate: 40, duration: 5s, maxVUs: 60, steps: [ null: {} ] }\n"
        "  few: { executor: constant-arrival-rate, rate: 40, duration: 5s, maxVUs: 5, steps: [ null: {} ] }\n"
        "  users: { executor: constant-vus, vus: 31, duration: 5s, runOn: { zone: eu }, steps: [ null: {} ] }\n"
        "  stock: { executor: constant-arrival-rate, rate: 40, duration: 5s, producers: 7, steps: [ produce: { "
        "target: k, topic: x, size: 10 } ] }\n"
        "  rows: { executor: ramping-vus, startVUs: 3, stages: [ { duration: 5s, target: 20 } ], steps: [ sql: { "
        "target: db, query: 'SELECT 1' } ] }\n"
        "  once: { executor: shared-iterations, vus: 12, iterations: 100, steps: [ null: {} ] }\n";

enum { OPEN, FEW, USERS, STOCK, ROWS, ONCE };

static char *const eu_tag[] = {(char *)"zone", (char *)"eu"};

struct play {
	struct plan *plan;
	struct random random;
	struct text_pair eu;
	struct member members[AGENTS_MAX];
	struct division division;
	uint8_t owners[SCENARIOS][INDICES]; /* by the division before */
	uint64_t seed;
	int step;
};

static void fail_at(const struct play *play, const char *what, unsigned scenario, unsigned index)
{
	fail_msg("seed %llu, step %d, scenario %u, index %u: %s", (unsigned long long)play->seed, play->step, scenario,
	         index, what);
}

static void draw_member(struct play *play, uint32_t agent, _Bool eu)
{
	play->members[agent] = (struct member){.weight = (uint32_t)random_between(&play->random, 1, 3),
	                                       .tags = &play->eu,
	                                       .tag_count = eu,
	                                       .stand = MEMBER_HEIR};
}

static void open_play(struct play *play, struct plan *plan, uint64_t seed)
{
	struct failure failure = {0};
	uint32_t count;

	*play = (struct play){.plan = plan, .seed = seed, .eu = {eu_tag[0], eu_tag[1]}};
	random_seed(&play->random, seed);
	count = (uint32_t)random_between(&play->random, 1, 9);
	for (uint32_t i = 0; i < count; i++)
		draw_member(play, i, i == 0 || random_below(&play->random, 2));
	if (division_make(plan, play->members, count, &failure, &play->division) != 0)
		fail_msg("seed %llu: %s", (unsigned long long)seed, failure.text);
}

/* Who owns each index; AGENTS_MAX: nobody. Two owners are an error at once. */
static void find_owners(const struct play *play, uint8_t owners[SCENARIOS][INDICES])
{
	for (uint32_t s = 0; s < SCENARIOS; s++)
		for (uint32_t k = 0; k < INDICES; k++) {
			owners[s][k] = AGENTS_MAX;
			for (uint32_t i = 0; i < play->division.agent_count; i++) {
				if (!share_owns(&division_of(&play->division, i)[s], k))
					continue;
				if (owners[s][k] != AGENTS_MAX)
					fail_at(play, "two owners", s, k);
				owners[s][k] = (uint8_t)i;
			}
			if (owners[s][k] == AGENTS_MAX)
				fail_at(play, "nobody's", s, k);
		}
}

/* Agents own what their tags and connections allow, and no arrivals without a VU. */
static void check_rules(const struct play *play)
{
	const struct division *division = &play->division;
	uint32_t connections = 0;

	for (uint32_t i = 0; i < division->agent_count; i++) {
		const struct share *shares = division_of(division, i);

		connections += division_connections(division, i)[2];
		if (shares[USERS].count > 0 && play->members[i].tag_count == 0)
			fail_at(play, "an owner without the tag", USERS, i);
		if (shares[ROWS].count > 0 && division_connections(division, i)[2] == 0 &&
		    play->members[i].stand != MEMBER_GONE)
			fail_at(play, "an owner without a connection", ROWS, i);
		for (uint32_t s = OPEN; s <= FEW; s++)
			if (shares[s].count > 0 && share_count(&shares[s], s == OPEN ? 60 : 5) == 0)
				fail_at(play, "arrivals without a VU", s, i);
		for (uint32_t s = 0; s < SCENARIOS; s++)
			if (shares[s].count > 3000)
				fail_at(play, "too many classes", s, shares[s].count);
	}
	assert_true(connections <= 9);
}

/* True if an heir may run the scenario, so that nobody who is gone needs to keep anything. */
static _Bool has_heir(const struct play *play, uint32_t scenario)
{
	for (uint32_t i = 0; i < play->division.agent_count; i++)
		if (play->members[i].stand == MEMBER_HEIR &&
		    division_may_run(&play->plan->scenarios[scenario], &play->members[i]) &&
		    (scenario != ROWS || division_connections(&play->division, i)[2] > 0) &&
		    (scenario != FEW || division_of(&play->division, i)[FEW].count > 0))
			return 1;
	return 0;
}

static _Bool gives_up(const struct play *play, uint32_t scenario, uint32_t agent)
{
	return play->members[agent].stand == MEMBER_GONE ||
	       (play->members[agent].stand == MEMBER_LEAVES && scenario != ONCE);
}

static void check_move(struct play *play)
{
	uint8_t after[SCENARIOS][INDICES];

	find_owners(play, after);
	for (uint32_t s = 0; s < SCENARIOS; s++) {
		_Bool heir = has_heir(play, s);

		for (uint32_t k = 0; k < INDICES; k++) {
			_Bool given_up = gives_up(play, s, play->owners[s][k]);

			if (after[s][k] == play->owners[s][k] ? given_up && heir : !given_up)
				fail_at(play, after[s][k] == play->owners[s][k] ? "not moved" : "moved", s, k);
			if (after[s][k] != play->owners[s][k] && play->members[after[s][k]].stand != MEMBER_HEIR)
				fail_at(play, "moved to one who is no heir", s, k);
		}
	}
	memcpy(play->owners, after, sizeof(after));
}

static void check_admit(struct play *play, uint32_t agent)
{
	uint8_t after[SCENARIOS][INDICES];

	find_owners(play, after);
	for (uint32_t s = 0; s < SCENARIOS; s++)
		for (uint32_t k = 0; k < INDICES; k++) {
			if (after[s][k] == play->owners[s][k])
				continue;
			if (after[s][k] != agent || s == ONCE || play->members[play->owners[s][k]].stand != MEMBER_HEIR)
				fail_at(play, "moved by an admission", s, k);
		}
	memcpy(play->owners, after, sizeof(after));
}

static void lose_some(struct play *play)
{
	for (uint32_t i = 0; i < play->division.agent_count; i++)
		if (play->members[i].stand == MEMBER_HEIR && random_below(&play->random, 5) == 0)
			play->members[i].stand = random_below(&play->random, 3) == 0 ? MEMBER_LEAVES : MEMBER_GONE;
		else if (play->members[i].stand == MEMBER_LEAVES)
			play->members[i].stand = MEMBER_GONE;
	assert_true(division_move(play->plan, play->members, &play->division) >= 0);
	check_move(play);
}

static void admit_one(struct play *play)
{
	uint32_t agent = play->division.agent_count;
	struct division wider;

	if (agent == AGENTS_MAX - 1)
		return;
	if (random_below(&play->random, 3) == 0) { /* one that is back */
		agent = (uint32_t)random_below(&play->random, play->division.agent_count);
		if (play->members[agent].stand != MEMBER_GONE || division_has_any(&play->division, agent))
			return;
		play->members[agent].stand = MEMBER_HEIR;
	} else {
		assert_int_equal(division_copy(&play->division, agent + 1, &wider), 0);
		division_deinit(&play->division);
		play->division = wider;
		draw_member(play, agent, random_below(&play->random, 2));
	}
	assert_true(division_admit(play->plan, play->members, agent, &play->division) >= 0);
	check_admit(play, agent);
}

static struct plan *read_plan(const char *yaml)
{
	struct failures failures = {0};
	struct plan *plan = NULL;

	if (plan_parse(yaml, strlen(yaml), NULL, 0, &failures, &plan) < 0)
		fail_msg("%s", failures.count ? failures.items[0].text : "?");
	failures_deinit(&failures);
	return plan;
}

static void test_any_sequence_of_moves_and_admissions_keeps_the_whole(void **state)
{
	struct plan *plan = read_plan(text);
	struct play play;

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		open_play(&play, plan, seed);
		find_owners(&play, play.owners);
		for (play.step = 0; play.step < STEPS; play.step++) {
			if (random_below(&play.random, 2))
				lose_some(&play);
			else
				admit_one(&play);
			check_rules(&play);
		}
		division_deinit(&play.division);
	}
	plan_free(plan);
}

static void test_an_admitted_agent_has_its_part_by_weight(void **state)
{
	struct plan *plan = read_plan(text);
	struct member members[AGENTS_MAX] = {0};

	(void)state;
	for (uint32_t count = 1; count <= 12; count++)
		for (uint32_t weight = 1; weight <= 4; weight++) {
			struct division division, wider;
			struct failure failure = {0};
			double part = (double)weight / (count + weight);
			uint64_t arrivals, users;

			for (uint32_t i = 0; i <= count; i++)
				members[i] = (struct member){
				        .weight = i == count ? weight : 1, .anywhere = 1, .stand = MEMBER_HEIR};
			if (count > 9)
				plan->targets[2].postgres.connections = count;
			assert_int_equal(division_make(plan, members, count, &failure, &division), 0);
			assert_int_equal(division_copy(&division, count + 1, &wider), 0);
			assert_int_equal(division_admit(plan, members, count, &wider), 1);
			arrivals = share_count(&division_of(&wider, count)[OPEN], 1000000);
			users = share_count(&division_of(&wider, count)[USERS], 31);
			if ((double)arrivals < part * 1000000 * 0.96 || (double)arrivals > part * 1000000 * 1.04)
				fail_msg("%u agents, weight %u: %llu arrivals", count, weight,
				         (unsigned long long)arrivals);
			if ((double)users < part * 31 - 1 || (double)users > part * 31 + 1)
				fail_msg("%u agents, weight %u: %llu users", count, weight, (unsigned long long)users);
			division_deinit(&division);
			division_deinit(&wider);
		}
	plan_free(plan);
}

/* All of 30 agents but one are lost, one by one: the work stays even and the shares small. */
static void test_losses_one_by_one_stay_even_and_small(void **state)
{
	struct plan *plan = read_plan(
	        "scenarios:\n"
	        "  a: { executor: constant-arrival-rate, rate: 40, duration: 5s, maxVUs: 3000, steps: [ null: {} ] }\n"
	        "  b: { executor: constant-vus, vus: 300, duration: 5s, steps: [ null: {} ] }\n");
	struct member members[30];
	struct division division;
	struct failure failure = {0};

	(void)state;
	for (uint32_t i = 0; i < 30; i++)
		members[i] = (struct member){.weight = 1, .stand = MEMBER_HEIR};
	assert_int_equal(division_make(plan, members, 30, &failure, &division), 0);
	for (uint32_t left = 29; left > 0; left--) {
		members[left].stand = MEMBER_GONE;
		assert_int_equal(division_move(plan, members, &division), 1);
		for (uint32_t i = 0; i < left; i++) {
			const struct share *shares = division_of(&division, i);
			double arrivals = (double)share_count(&shares[0], 300000) * left / 300000;
			double users = (double)share_count(&shares[1], 300) / (300.0 / left);

			if (arrivals < 0.9 || arrivals > 1.1 || users < 0.7 || users > 1.35)
				fail_msg("%u left, agent %u: %g of its arrivals, %g of its users", left, i, arrivals,
				         users);
			if (shares[0].count > 1500 || shares[1].count > 1500)
				fail_msg("%u left, agent %u: %u and %u classes", left, i, shares[0].count,
				         shares[1].count);
		}
	}
	division_deinit(&division);
	plan_free(plan);
}

/* Spare rows are given once, and to arrivals that have moved alone. */
static void test_moved_arrivals_have_spare_rows_of_their_own(void **state)
{
	struct plan *plan = read_plan(
	        "data: { user: { csv: u.csv, column: u, pick: unique } }\n"
	        "scenarios:\n"
	        "  a: { executor: constant-arrival-rate, rate: 10, duration: 6s, maxVUs: 60, steps: [ null: { }, null: "
	        "{ group: '{{user}}' } ] }\n"
	        "  b: { executor: constant-arrival-rate, rate: 10, duration: 6s, startAfter: a, maxVUs: 60, steps: [ "
	        "null: { group: '{{user}}' } ] }\n");
	struct member members[3] = {{.weight = 1, .stand = MEMBER_HEIR},
	                            {.weight = 1, .stand = MEMBER_HEIR},
	                            {.weight = 1, .stand = MEMBER_HEIR}};
	struct division before, after;
	struct failure failure = {0};
	struct wire_move *moves;
	uint32_t count;
	uint64_t next = 7;

	(void)state;
	assert_int_equal(division_make(plan, members, 3, &failure, &before), 0);
	assert_int_equal(division_copy(&before, 3, &after), 0);
	members[1].stand = MEMBER_GONE;
	assert_int_equal(division_move(plan, members, &after), 1);
	after.from_ns = 2 * NS_PER_S;
	assert_int_equal(
	        division_spare_moves(plan, &before, &after, (uint64_t[]){0, CLOCK_NEVER}, &next, &moves, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(moves[0].scenario, 0);
	assert_int_equal(moves[0].from_index, 20);
	assert_int_equal(moves[0].first_spare, 7);
	/* of 60 arrivals a third: 20 of the lost agent's, 7 of them before second 2 */
	assert_int_equal(moves[1].scenario, 1);
	assert_int_equal(moves[1].from_index, 0);
	assert_int_equal(moves[1].first_spare, 7 + 13);
	assert_int_equal(next, 7 + 13 + 20);
	for (uint64_t k = 0; k < 60; k++)
		assert_int_equal(share_owns(&moves[0].share, k), share_owns(&division_of(&before, 1)[0], k));
	division_free_moves(moves, count);
	division_deinit(&before);
	division_deinit(&after);
	plan_free(plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_any_sequence_of_moves_and_admissions_keeps_the_whole),
	        cmocka_unit_test(test_an_admitted_agent_has_its_part_by_weight),
	        cmocka_unit_test(test_losses_one_by_one_stay_even_and_small),
	        cmocka_unit_test(test_moved_arrivals_have_spare_rows_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
