/* SPDX-License-Identifier: Apache-2.0 */
/* The agents of a run: their names, how they are found, what pointers to them are worth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "coordinator/run/roster.h"

static struct incarnation incarnation_of(uint32_t number)
{
	struct incarnation incarnation = {0};

	memcpy(incarnation.bytes, &number, sizeof(number));
	return incarnation;
}

static struct roster_agent *add(struct roster *roster, uint32_t number, const char *name)
{
	struct incarnation incarnation = incarnation_of(number);
	struct message_hello hello = {.name = strdup(name), .host = strdup("host"), .weight = 3};
	struct roster_agent *agent = NULL;

	assert_int_equal(roster_add(roster, &incarnation, &hello, &agent), 0);
	/* moved out: the caller has nothing left to free */
	assert_null(hello.name);
	assert_null(hello.host);
	return agent;
}

static int open_roster(void **state)
{
	*state = roster_new();
	return *state ? 0 : -1;
}

static int close_roster(void **state)
{
	roster_free(*state);
	return 0;
}

static void test_a_name_that_is_taken_gets_the_next_free_number(void **state)
{
	static const struct {
		const char *wanted, *given;
	} cases[] = {
	        {"a", "a"},   {"b", "b"},       {"a", "a-2"}, {"a", "a-3"}, {"b-2", "b-2"},
	        {"b", "b-3"}, {"a-2", "a-2-2"}, {"", ""},     {"", "-2"},
	};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct roster_agent *agent = add(*state, i, cases[i].wanted);

		assert_string_equal(agent->name, cases[i].given);
		assert_string_equal(agent->hello.name, cases[i].wanted);
	}
}

static void test_agents_are_numbered_in_the_order_of_arrival_and_found_by_incarnation(void **state)
{
	struct incarnation absent = incarnation_of(99);

	add(*state, 7, "x");
	add(*state, 3, "x");
	add(*state, 5, "y");
	assert_int_equal(roster_count(*state), 3);
	for (uint32_t i = 0; i < 3; i++) {
		struct incarnation incarnation = incarnation_of((uint32_t[]){7, 3, 5}[i]);

		assert_int_equal(roster_find(*state, &incarnation), i);
		assert_memory_equal(&roster_get(*state, i)->incarnation, &incarnation, sizeof(incarnation));
	}
	assert_int_equal(roster_find(*state, &absent), UINT32_MAX);
}

static void test_a_new_agent_has_come_and_nothing_is_known_of_it(void **state)
{
	const struct roster_agent *agent = add(*state, 1, "a");

	assert_int_equal(agent->state, AGENT_CAME);
	assert_int_equal(clock_offset_count(agent->clock), 0);
	assert_int_equal(agent->acked_seq, 0);
	assert_int_equal(agent->hello.weight, 3);
	assert_false(agent->done_told);
}

static void test_pointers_to_agents_hold_while_others_come(void **state)
{
	struct roster_agent *first = add(*state, 0, "first");

	for (uint32_t i = 1; i < 200; i++)
		add(*state, i, "other");
	assert_ptr_equal(roster_get(*state, 0), first);
	assert_string_equal(first->name, "first");
	assert_string_equal(roster_get(*state, 199)->name, "other-199");
}

static void test_an_agent_that_is_taken_out_leaves_its_number_and_its_name_to_others(void **state)
{
	struct incarnation gone = incarnation_of(1), last = incarnation_of(2);

	add(*state, 0, "a");
	add(*state, 1, "b");
	add(*state, 2, "c");
	roster_get(*state, 1)->gone = 1;
	assert_int_equal(roster_sweep(*state), 0);
	assert_int_equal(roster_count(*state), 2);
	assert_int_equal(roster_find(*state, &gone), UINT32_MAX);
	assert_int_equal(roster_find(*state, &last), 1);
	assert_string_equal(roster_get(*state, 1)->name, "c");
	assert_string_equal(add(*state, 1, "b")->name, "b");
	assert_int_equal(roster_find(*state, &gone), 2);
	assert_string_equal(add(*state, 3, "a")->name, "a-2");
	for (uint32_t i = 0; i < 4; i++)
		roster_get(*state, i)->gone = 1;
	assert_int_equal(roster_sweep(*state), 0);
	assert_int_equal(roster_count(*state), 0);
}

static void test_counting_by_state_follows_the_states(void **state)
{
	for (uint32_t i = 0; i < 4; i++)
		add(*state, i, "a")->state = i < 3 ? AGENT_RUNNING : AGENT_LOST;
	assert_int_equal(roster_count_in(*state, AGENT_RUNNING), 3);
	assert_int_equal(roster_count_in(*state, AGENT_LOST), 1);
	assert_int_equal(roster_count_in(*state, AGENT_DONE), 0);
	roster_get(*state, 0)->state = AGENT_DONE;
	assert_int_equal(roster_count_in(*state, AGENT_RUNNING), 2);
	assert_int_equal(roster_count_in(*state, AGENT_DONE), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_a_name_that_is_taken_gets_the_next_free_number, open_roster,
	                                        close_roster),
	        cmocka_unit_test_setup_teardown(
	                test_agents_are_numbered_in_the_order_of_arrival_and_found_by_incarnation, open_roster,
	                close_roster),
	        cmocka_unit_test_setup_teardown(test_a_new_agent_has_come_and_nothing_is_known_of_it, open_roster,
	                                        close_roster),
	        cmocka_unit_test_setup_teardown(test_pointers_to_agents_hold_while_others_come, open_roster,
	                                        close_roster),
	        cmocka_unit_test_setup_teardown(
	                test_an_agent_that_is_taken_out_leaves_its_number_and_its_name_to_others, open_roster,
	                close_roster),
	        cmocka_unit_test_setup_teardown(test_counting_by_state_follows_the_states, open_roster, close_roster),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
