/* SPDX-License-Identifier: Apache-2.0 */
/* The status of groups: the figures that a team called so, and each limit by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/stats/group_status.h"

struct named {
	const char *name;
	struct group_figures figures;
	enum group_status status;
};

static void check(const struct group_status_limits *limits, const struct named *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		enum group_status status = group_status_judge(limits, &cases[i].figures);

		if (status != cases[i].status)
			fail_msg("%s: %s", cases[i].name, group_status_names[status]);
	}
}

static void test_defaults_say_what_the_team_said_of_its_symbols(void **state)
{
	static const struct named cases[] = {
	        {"AAPL", {.count = 8, .mean = 4.1, .max = 5.7}, GROUP_NORMAL},
	        {"GOOGL", {.count = 7, .mean = 3.4, .max = 7.7}, GROUP_NORMAL},
	        {"TSLA", {.count = 10, .mean = 4.5, .max = 22}, GROUP_VARIABLE},
	        {"NVDA", {.count = 11, .mean = 50, .max = 1007, .slow = 1}, GROUP_UNSTABLE},
	        {"NFLX", {.count = 8, .mean = 66, .max = 1006, .slow = 1}, GROUP_TIMEOUTS},
	        {"GOOGL of the API", {.count = 15, .failed = 3, .mean = 259, .max = 457}, GROUP_NORMAL},
	        {"TSLA of the API", {.count = 11, .failed = 3, .mean = 271, .max = 530}, GROUP_VARIABLE},
	        {"META of the database", {.count = 3, .failed = 2, .mean = 344, .max = 344}, GROUP_UNSTABLE},
	};

	(void)state;
	check(&group_status_defaults, cases, sizeof(cases) / sizeof(*cases));
}

static void test_each_limit_is_one_by_itself(void **state)
{
	static const struct group_status_limits limits = {.levels = {[GROUP_VARIABLE] = {.max_over_mean = 2},
	                                                             [GROUP_UNSTABLE] = {.success = 0.5},
	                                                             [GROUP_TIMEOUTS] = {.slow = 0.5}}};
	static const struct named cases[] = {
	        {"nothing", {0}, GROUP_NORMAL},
	        {"at the ratio", {.count = 10, .mean = 1, .max = 2}, GROUP_NORMAL},
	        {"above the ratio", {.count = 10, .mean = 1, .max = 2.1}, GROUP_VARIABLE},
	        {"at the success", {.count = 10, .failed = 5}, GROUP_NORMAL},
	        {"below the success", {.count = 10, .failed = 6}, GROUP_UNSTABLE},
	        {"below the share", {.count = 10, .slow = 4}, GROUP_NORMAL},
	        {"at the share", {.count = 10, .slow = 5}, GROUP_TIMEOUTS},
	        {"the worst of all", {.count = 10, .failed = 9, .slow = 9, .mean = 1, .max = 9}, GROUP_TIMEOUTS},
	};

	(void)state;
	check(&limits, cases, sizeof(cases) / sizeof(*cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_defaults_say_what_the_team_said_of_its_symbols),
	        cmocka_unit_test(test_each_limit_is_one_by_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
