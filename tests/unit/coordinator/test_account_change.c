/* SPDX-License-Identifier: Apache-2.0 */
/* What a snapshot changes in an account: there and back, in few bytes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/random.h"
#include "coordinator/journal/account_change.h"

static _Bool same(const struct wire_scenario *a, const struct wire_scenario *b)
{
	return memcmp(&a->tally, &b->tally, sizeof(a->tally)) == 0 && a->running == b->running &&
	       a->end_ns == b->end_ns && a->finished == b->finished;
}

/* The change from one account to another as bytes; applied to the first it gives the second. */
static size_t hold(const struct wire_scenario *before, const struct wire_scenario *after)
{
	struct buffer buffer cleanup(buffer_deinit) = {0};
	struct wire_scenario change = account_change(before, after), read, account = *before;
	struct reader reader;

	account_change_put(&change, &buffer);
	assert_int_equal(buffer.failed, 0);
	reader = (struct reader){.data = buffer.data, .size = buffer.size};
	read = account_change_get(&reader);
	assert_int_equal(reader.failed, 0);
	assert_int_equal(reader.at, buffer.size);
	assert_true(same(&read, &change));
	account_apply(&account, &read);
	assert_true(same(&account, after));
	return buffer.size;
}

static void test_a_change_leads_from_one_account_to_the_other(void **state)
{
	const struct wire_scenario empty = {0};
	const struct wire_scenario steady = {
	        .tally = {.planned = 1000, .started = 1000, .succeeded = 998, .operations = 998}, .running = 2};
	struct wire_scenario later = steady, ended;

	(void)state;
	assert_int_equal(hold(&empty, &empty), 1);
	assert_int_equal(hold(&steady, &steady), 1);
	later.tally.planned = later.tally.started = 2000;
	later.tally.succeeded = later.tally.operations = 1998;
	assert_true(hold(&steady, &later) <= 5);
	ended = later;
	ended.tally.succeeded = 1990;
	ended.tally.failed = 8;
	ended.tally.interrupted = 2;
	ended.running = 0;
	ended.end_ns = UINT64_C(8000000000);
	ended.finished = 1;
	hold(&later, &ended);
	hold(&ended, &empty);
}

static void test_any_two_accounts_have_a_change_between_them(void **state)
{
	struct random random;

	(void)state;
	random_seed(&random, 7);
	for (int i = 0; i < 2000; i++) {
		struct wire_scenario accounts[2] = {0};

		for (int k = 0; k < 2; k++) {
			uint64_t *numbers = (uint64_t *)&accounts[k].tally;

			for (size_t n = 0; n < sizeof(struct tally) / sizeof(*numbers); n++)
				numbers[n] = random_next(&random) >> random_below(&random, 64);
			accounts[k].running = random_next(&random) >> random_below(&random, 64);
			accounts[k].end_ns = random_next(&random) >> random_below(&random, 64);
			accounts[k].finished = random_next(&random) & 1;
		}
		hold(&accounts[0], &accounts[1]);
	}
}

static void test_bytes_that_no_change_is_written_as_are_refused(void **state)
{
	static const struct {
		uint8_t bytes[4];
		size_t size;
	} cases[] = {
	        {{0}, 0},             /* nothing */
	        {{0x01}, 1},          /* a field is said, and isn't there */
	        {{0x01, 0x00}, 2},    /* a field is said that does not differ */
	        {{0x80, 0x80, 1}, 3}, /* a field that there is not */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reader reader = {.data = cases[i].bytes, .size = cases[i].size};

		account_change_get(&reader);
		assert_int_equal(reader.failed, -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_change_leads_from_one_account_to_the_other),
	        cmocka_unit_test(test_any_two_accounts_have_a_change_between_them),
	        cmocka_unit_test(test_bytes_that_no_change_is_written_as_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
