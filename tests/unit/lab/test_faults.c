/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the API's answers go wrong. */
#include "deploy/lab/faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { DRAWS = 100000 };

static void draw(double errors, int counts[FAULT_COUNT])
{
	struct random random;

	random_seed(&random, 1);
	for (int i = 0; i < DRAWS; i++)
		counts[fault_draw(&random, errors)]++;
}

static void test_faults_come_in_the_share_asked_for(void **state)
{
	static const double shares[] = {0, 0.005, 0.29, 1};

	(void)state;
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		int counts[FAULT_COUNT] = {0};
		int wrong;

		draw(shares[i], counts);
		wrong = DRAWS - counts[FAULT_NONE];
		/* Five standard deviations at most are 800 of 100,000; of nothing and of all, none. */
		assert_true(wrong >= DRAWS * shares[i] - 800 && wrong <= DRAWS * shares[i] + 800);
		if (shares[i] == 0)
			assert_int_equal(wrong, 0);
		if (shares[i] == 1)
			assert_int_equal(wrong, DRAWS);
	}
}

static void test_faults_are_split_as_the_report_saw_them(void **state)
{
	int counts[FAULT_COUNT] = {0};

	(void)state;
	draw(1, counts);
	assert_in_range(counts[FAULT_RATE_LIMITED], 44200, 45800);
	assert_in_range(counts[FAULT_LATE], 29200, 30800);
	assert_in_range(counts[FAULT_SERVER], 14200, 15800);
	assert_in_range(counts[FAULT_AUTH], 9200, 10800);
}

static void test_faults_have_their_statuses(void **state)
{
	(void)state;
	assert_int_equal(fault_status(FAULT_NONE), 0);
	assert_int_equal(fault_status(FAULT_RATE_LIMITED), 429);
	assert_int_equal(fault_status(FAULT_LATE), 0);
	assert_int_equal(fault_status(FAULT_SERVER), 500);
	assert_int_equal(fault_status(FAULT_AUTH), 401);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_faults_come_in_the_share_asked_for),
	        cmocka_unit_test(test_faults_are_split_as_the_report_saw_them),
	        cmocka_unit_test(test_faults_have_their_statuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
