/* SPDX-License-Identifier: Apache-2.0 */
/* verifiers.h: threads that read, and news that wait for their answer. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/verifiers.h"

enum { SETUP, VERIFY_A, VERIFY_B, COUNT, PATIENCE_MS = 20000 };

static struct duty duties[COUNT] = {
        [SETUP] = {.kind = DUTY_SETUP, .name = (char *)"setup"},
        [VERIFY_A] = {.kind = DUTY_VERIFIER, .task = DUTY_TASK_VERIFY, .name = (char *)"verify a"},
        [VERIFY_B] = {.kind = DUTY_VERIFIER, .task = DUTY_TASK_VERIFY, .name = (char *)"verify b"},
};
static struct target target = {.name = (char *)"t", .kind = TARGET_KAFKA};
static const struct plan plan = {.duties = duties, .duty_count = COUNT, .targets = &target, .target_count = 1};

/* What the driver does: starts unless it resumes, then as many reports as wanted, then waits for the closing. */
static struct {
	uint32_t reports;
	_Atomic uint32_t made; /* reports, handed over */
	_Atomic uint32_t cancelled;
	_Atomic uint32_t over;
	const char *problem;
	int result;
} script;

static int report_number(struct verify_work *work, uint32_t number)
{
	const struct verify_offset end = {.partition = number, .offset = work->reader};
	int r = work->report(work->context,
	                     &(struct verify_report){.ends = &end, .end_count = 1, .seen = "seen", .seen_size = 4});

	script.made += r == 0;
	return r;
}

static int fake_verify(const struct driver_config *config, struct verify_work *work)
{
	struct pollfd fds[] = {{.fd = work->cancel_fd, .events = POLLIN}, {.fd = work->closing_fd, .events = POLLIN}};
	const struct verify_offset start = {.partition = 3, .offset = 30};
	int r = 0;

	assert_ptr_equal(config->target, &target);
	if (work->resumes)
		assert_true(work->position_count == 1 && work->positions[0].offset == 77);
	else
		r = work->report(work->context, &(struct verify_report){.starts = &start, .start_count = 1});
	for (uint32_t i = 0; r == 0 && i < script.reports; i++)
		r = report_number(work, i);
	if (r == 0)
		poll(fds, 2, -1);
	script.cancelled += r == -ECANCELED || fds[0].revents;
	script.over++;
	memcpy(work->problem, script.problem, strlen(script.problem) + 1);
	return fds[0].revents ? -ECANCELED : r < 0 ? r : script.result;
}

static const struct driver_ops fake = {.kind = TARGET_KAFKA, .verify = fake_verify};
static const struct driver_ops *const table[TARGET_KIND_COUNT] = {[TARGET_KAFKA] = &fake};

static int doorbell;

static int set_up(void **state)
{
	const struct duties_config config = {
	        .plan = &plan, .drivers = table, .agent_name = "agent", .run_id = "", .doorbell = doorbell};

	memset(&script, 0, sizeof(script));
	script.problem = "";
	return verifiers_new(&config, (struct verifiers **)state);
}

static int tear_down(void **state)
{
	*state = verifiers_free(*state);
	return 0;
}

/* The next news, waited for. */
static struct verifier_news await(struct verifiers *verifiers)
{
	struct verifier_news news;

	while (!verifiers_take(verifiers, &news)) {
		uint64_t count;

		assert_int_equal(poll(&(struct pollfd){.fd = doorbell, .events = POLLIN}, 1, PATIENCE_MS), 1);
		assert_int_equal(read(doorbell, &count, sizeof(count)), sizeof(count));
	}
	return news;
}

static void give(struct verifiers *verifiers, uint32_t duty, uint64_t reader)
{
	assert_int_equal(verifiers_set(verifiers, &(struct verifier_order){.duty = duty, .reader = reader}, 1, 0), 0);
}

static void test_verifiers_hand_news_over_one_by_one_as_they_are_acknowledged(void **state)
{
	struct verifiers *verifiers = *state;
	struct verifier_news news;

	script.reports = 2;
	give(verifiers, VERIFY_A, 1);
	news = await(verifiers);
	assert_true(news.duty == VERIFY_A && news.reader == 1 && news.seq == 1 && !news.over);
	assert_int_equal(news.report.start_count, 1);
	assert_true(news.report.starts[0].partition == 3 && news.report.starts[0].offset == 30);
	assert_false(verifiers_take(verifiers, &news));
	assert_int_equal(script.made, 0);
	verifiers_acked(verifiers, VERIFY_A, 1, 1);
	news = await(verifiers);
	assert_true(news.seq == 2 && news.report.start_count == 0 && news.report.end_count == 1);
	assert_memory_equal(news.report.seen, "seen", 4);
	verifiers_acked(verifiers, VERIFY_A, 1, 2);
	assert_int_equal(await(verifiers).report.ends[0].partition, 1);
}

static void test_verifiers_take_no_old_or_foreign_answer_for_theirs(void **state)
{
	struct verifiers *verifiers = *state;
	struct verifier_news news;

	script.reports = 1;
	give(verifiers, VERIFY_A, 5);
	assert_int_equal(await(verifiers).seq, 1);
	verifiers_acked(verifiers, VERIFY_A, 5, 0);
	verifiers_acked(verifiers, VERIFY_A, 5, 2);
	verifiers_acked(verifiers, VERIFY_A, 4, 1);
	verifiers_acked(verifiers, VERIFY_B, 5, 1);
	verifiers_acked(verifiers, 99, 5, 1);
	assert_int_equal(script.made, 0);
	assert_false(verifiers_take(verifiers, &news));
	verifiers_acked(verifiers, VERIFY_A, 5, 1);
	assert_int_equal(await(verifiers).seq, 2);
	verifiers_acked(verifiers, VERIFY_A, 5, 1);
	assert_false(verifiers_take(verifiers, &news));
}

static void test_verifiers_are_over_when_the_load_is(void **state)
{
	const struct verifier_order order = {.duty = VERIFY_A, .reader = 1};
	struct verifiers *verifiers = *state;
	struct verifier_news news;

	give(verifiers, VERIFY_A, 1);
	await(verifiers);
	verifiers_acked(verifiers, VERIFY_A, 1, 1);
	assert_int_equal(verifiers_set(verifiers, &order, 1, 1), 0);
	news = await(verifiers);
	assert_true(news.over && news.seq == 2 && news.report.start_count == 0 && news.report.seen_size == 0);
	assert_string_equal(news.problem, "");
	/* Told again that it has it, it doesn't begin again. */
	assert_int_equal(verifiers_set(verifiers, &order, 1, 1), 0);
	verifiers_acked(verifiers, VERIFY_A, 1, 2);
	assert_int_equal(verifiers_set(verifiers, &order, 1, 1), 0);
	assert_false(verifiers_take(verifiers, &news));
	assert_int_equal(script.over, 1);
}

static void test_verifiers_that_begin_when_the_load_is_over_close_at_once(void **state)
{
	const struct verify_offset position = {.partition = 0, .offset = 77};
	const struct verifier_order order = {
	        .duty = VERIFY_B, .reader = 2, .positions = &position, .position_count = 1, .resumes = 1};
	struct verifier_news news;

	script.problem = "the cluster is gone";
	assert_int_equal(verifiers_set(*state, &order, 1, 1), 0);
	news = await(*state);
	assert_true(news.over && news.seq == 1);
	assert_string_equal(news.problem, "the cluster is gone");
}

static void test_verifiers_say_what_error_ended_them(void **state)
{
	const struct verifier_order order = {.duty = VERIFY_A, .reader = 1};
	struct verifier_news news;

	script.result = -ENOMEM;
	assert_int_equal(verifiers_set(*state, &order, 1, 1), 0);
	assert_false(await(*state).over);
	verifiers_acked(*state, VERIFY_A, 1, 1);
	news = await(*state);
	assert_true(news.over);
	assert_string_equal(news.problem, strerrordesc_np(ENOMEM));
}

static void test_verifiers_taken_away_are_cancelled_and_say_nothing_more(void **state)
{
	struct verifiers *verifiers = *state;
	struct verifier_news news;

	/* One waits for an answer, the other one for the closing. */
	assert_int_equal(verifiers_set(verifiers,
	                               (struct verifier_order[]){{.duty = VERIFY_A, .reader = 1},
	                                                         {.duty = VERIFY_B, .reader = 1}},
	                               2, 0),
	                 0);
	news = await(verifiers);
	await(verifiers);
	verifiers_acked(verifiers, news.duty, 1, 1);
	assert_int_equal(verifiers_set(verifiers, NULL, 0, 0), 0);
	assert_false(verifiers_take(verifiers, &news));
	tear_down(state);
	assert_true(script.cancelled == 2 && script.over == 2);
}

static void test_verifiers_given_once_more_begin_anew(void **state)
{
	struct verifiers *verifiers = *state;
	struct verifier_news news;

	give(verifiers, VERIFY_A, 1);
	await(verifiers);
	give(verifiers, VERIFY_A, 3);
	news = await(verifiers);
	assert_true(news.reader == 3 && news.seq == 1);
	tear_down(state);
	assert_int_equal(script.over, 2);
}

static void test_verifiers_pass_over_duties_that_are_none(void **state)
{
	struct verifier_news news;

	give(*state, SETUP, 1);
	give(*state, COUNT, 1);
	tear_down(state);
	assert_int_equal(script.over, 0);
	set_up(state);
	assert_false(verifiers_take(*state, &news));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_verifiers_hand_news_over_one_by_one_as_they_are_acknowledged,
	                                        set_up, tear_down),
	        cmocka_unit_test_setup_teardown(test_verifiers_take_no_old_or_foreign_answer_for_theirs, set_up,
	                                        tear_down),
	        cmocka_unit_test_setup_teardown(test_verifiers_are_over_when_the_load_is, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(test_verifiers_that_begin_when_the_load_is_over_close_at_once, set_up,
	                                        tear_down),
	        cmocka_unit_test_setup_teardown(test_verifiers_say_what_error_ended_them, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(test_verifiers_taken_away_are_cancelled_and_say_nothing_more, set_up,
	                                        tear_down),
	        cmocka_unit_test_setup_teardown(test_verifiers_given_once_more_begin_anew, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(test_verifiers_pass_over_duties_that_are_none, set_up, tear_down),
	};

	doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return doorbell < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
