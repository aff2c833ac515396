/* SPDX-License-Identifier: Apache-2.0 */
/* The line a second: what it says, that it fits, and that it goes away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/stats/cell.h"
#include "coordinator/progress.h"

#define CLEAR "\r\033[K"

enum { FAILED_ID, RESPONSE_ID, DURATION_ID };

struct screen {
	FILE *file;
	struct progress *progress;
	char text[1024];
};

static void name_series(struct progress *progress, uint32_t id, enum metric_id metric)
{
	assert_int_equal(
	        progress_record(progress, &(struct journal_record){.type = JOURNAL_SERIES,
	                                                           .series = {.id = id, .series = {.metric = metric}}}),
	        0);
}

static void open_screen(struct screen *screen, uint64_t planned_ns, _Bool colour)
{
	*screen = (struct screen){.file = tmpfile()};
	assert_non_null(screen->file);
	assert_int_equal(
	        progress_new(
	                &(struct progress_config){.file = screen->file, .planned_ns = planned_ns, .colour = colour},
	                &screen->progress),
	        0);
	name_series(screen->progress, FAILED_ID, METRIC_HTTP_REQ_FAILED);
	name_series(screen->progress, RESPONSE_ID, METRIC_HTTP_REQ_RESPONSE_TIME);
	name_series(screen->progress, DURATION_ID, METRIC_HTTP_REQ_DURATION);
}

static void close_screen(struct screen *screen)
{
	progress_free(screen->progress);
	fclose(screen->file);
}

/* What was written since the last look. */
static const char *look(struct screen *screen)
{
	long end = ftell(screen->file);

	rewind(screen->file);
	size_t size = fread(screen->text, 1, sizeof(screen->text) - 1, screen->file);
	screen->text[size] = '\0';
	assert_int_equal(size, end);
	rewind(screen->file);
	assert_int_equal(ftruncate(fileno(screen->file), 0), 0);
	return screen->text;
}

static void add(struct screen *screen, uint64_t second, uint32_t id, const struct cell *cell)
{
	struct buffer buffer cleanup(buffer_deinit) = {0};
	struct journal_delta delta = {.second = second, .series_id = id};

	cell_encode(cell, &buffer);
	delta.data = buffer.data;
	delta.size = buffer.size;
	assert_int_equal(progress_record(screen->progress,
	                                 &(struct journal_record){.type = JOURNAL_DELTAS,
	                                                          .deltas = {.deltas = &delta, .delta_count = 1}}),
	                 0);
}

static void operate(struct screen *screen, uint64_t second, uint64_t operations, uint64_t failed)
{
	add(screen, second, FAILED_ID, &(struct cell){.kind = METRIC_RATE, .rate = {failed, operations}});
}

static void respond(struct screen *screen, uint64_t second, uint32_t id, uint64_t us)
{
	struct cell cell;

	assert_int_equal(cell_init(&cell, METRIC_LATENCY), 0);
	assert_int_equal(cell_record_latency(&cell, &(struct bucket_edges){0}, us), 0);
	add(screen, second, id, &cell);
	cell_deinit(&cell);
}

static void draw(struct screen *screen, uint64_t since_t0_ns, uint32_t there, uint32_t all)
{
	progress_draw(screen->progress, since_t0_ns, &(struct progress_agents){.there = there, .all = all});
}

static void test_the_line_shows_the_second_that_has_come_in(void **state)
{
	struct screen screen;

	(void)state;
	open_screen(&screen, 90 * NS_PER_S, 0);
	operate(&screen, 3, 1000, 1);
	operate(&screen, 3, 500, 1); /* of another agent */
	operate(&screen, 4, 7, 0);
	respond(&screen, 3, RESPONSE_ID, 2000);
	respond(&screen, 3, DURATION_ID, 900000); /* not what is shown */
	draw(&screen, 5 * NS_PER_S + 10, 2, 3);
	assert_string_equal(look(&screen), CLEAR "5s/1m30s  agents 2/3  1,500 op/s  p95 2.0 ms  failed 2");
	draw(&screen, 6 * NS_PER_S, 3, 3);
	assert_string_equal(look(&screen), CLEAR "6s/1m30s  agents 3/3  7 op/s  p95 0.0 ms  failed 2");
	close_screen(&screen);
}

static void test_the_line_says_when_only_reading_is_left(void **state)
{
	struct screen screen;

	(void)state;
	open_screen(&screen, 90 * NS_PER_S, 0);
	progress_draw(screen.progress, 95 * NS_PER_S, &(struct progress_agents){.there = 2, .all = 3, .verifying = 1});
	assert_string_equal(look(&screen), CLEAR "1m35s/1m30s  agents 2/3  verifying  failed 0");
	close_screen(&screen);
}

static void test_nothing_is_drawn_before_a_second_has_come_in(void **state)
{
	struct screen screen;

	(void)state;
	open_screen(&screen, 0, 0);
	draw(&screen, NS_PER_S, 1, 1);
	progress_clear(screen.progress);
	assert_string_equal(look(&screen), "");
	draw(&screen, 2 * NS_PER_S, 1, 1);
	assert_string_equal(look(&screen), CLEAR "2s  agents 1/1  0 op/s  p95 0.0 ms  failed 0");
	close_screen(&screen);
}

static void test_a_late_second_adds_to_the_failures_but_replaces_no_newer_one(void **state)
{
	struct screen screen;

	(void)state;
	open_screen(&screen, 0, 0);
	operate(&screen, 100, 50, 0);
	operate(&screen, 4, 9, 9); /* 96 seconds late: its place is that of second 100 */
	draw(&screen, 102 * NS_PER_S, 1, 1);
	assert_string_equal(look(&screen), CLEAR "1m42s  agents 1/1  50 op/s  p95 0.0 ms  failed 9");
	close_screen(&screen);
}

static void test_the_line_fits_into_80_columns_whatever_it_says(void **state)
{
	struct screen screen;

	(void)state;
	for (int colour = 0; colour < 2; colour++) {
		open_screen(&screen, UINT64_C(315359999) * NS_PER_S, colour);
		operate(&screen, 300000000, 18446744073709551, 18446744073709551);
		respond(&screen, 300000000, RESPONSE_ID, UINT64_C(3600000000));
		draw(&screen, UINT64_C(300000002) * NS_PER_S, 20000, 20000);
		size_t length = strlen(look(&screen));
		size_t escapes = strlen(CLEAR) + (colour ? strlen("\033[31m\033[0m") : 0);

		assert_int_equal(length - escapes, 79);
		close_screen(&screen);
	}
}

static void test_the_line_names_the_agents_that_are_silent_and_for_how_long(void **state)
{
	const struct run_missing missing[] = {{.name = "local-2", .lost = 1, .silent_ns = 12 * NS_PER_S + 5},
	                                      {.name = "local-3", .silent_ns = NS_PER_S, .lacking_s = 4},
	                                      {.name = "local-4", .silent_ns = 3 * NS_PER_S}};
	struct screen screen;

	(void)state;
	open_screen(&screen, 90 * NS_PER_S, 0);
	operate(&screen, 3, 600, 0);
	progress_draw(screen.progress, 5 * NS_PER_S, &(struct progress_agents){4, 5, missing, 3});
	assert_string_equal(look(&screen),
	                    CLEAR "5s/1m30s  2 of 5 agents silent: local-2 12 s, local-4 3 s  600 op/s  failed 0");
	progress_draw(screen.progress, 5 * NS_PER_S, &(struct progress_agents){5, 5, &missing[1], 1});
	assert_string_equal(look(&screen), CLEAR "5s/1m30s  1 of 5 agents behind: local-3 4 s  600 op/s  failed 0");
	close_screen(&screen);
}

static void test_a_line_of_many_silent_agents_fits_and_says_that_there_are_more(void **state)
{
	struct run_missing missing[100];
	char name[129];
	struct screen screen;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	open_screen(&screen, 90 * NS_PER_S, 0);
	for (int longest = 0; longest < 2; longest++) {
		for (int i = 0; i < 100; i++)
			missing[i] = (struct run_missing){.name = longest ? name : "eu-1", .silent_ns = 40 * NS_PER_S};
		progress_draw(screen.progress, 5 * NS_PER_S, &(struct progress_agents){0, 100, missing, 100});
		look(&screen);
		assert_true(strlen(screen.text) - strlen(CLEAR) <= 79);
		assert_non_null(strstr(screen.text, "100 of 100 agents silent: "));
		assert_non_null(strstr(screen.text, "...  0 op/s  failed 0"));
	}
	close_screen(&screen);
}

static void test_failures_stand_out_in_colour_only(void **state)
{
	struct screen screen;

	(void)state;
	open_screen(&screen, 0, 1);
	draw(&screen, 2 * NS_PER_S, 1, 1);
	assert_null(strstr(look(&screen), "\033[31m"));
	operate(&screen, 1, 5, 5);
	draw(&screen, 3 * NS_PER_S, 1, 1);
	assert_non_null(strstr(look(&screen), "\033[31mfailed 5\033[0m"));
	close_screen(&screen);
}

static void test_clearing_takes_away_a_line_once(void **state)
{
	struct screen screen;

	(void)state;
	progress_clear(NULL);
	open_screen(&screen, 0, 0);
	draw(&screen, 2 * NS_PER_S, 1, 1);
	look(&screen);
	progress_clear(screen.progress);
	progress_clear(screen.progress);
	assert_string_equal(look(&screen), CLEAR);
	close_screen(&screen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_the_line_shows_the_second_that_has_come_in),
	        cmocka_unit_test(test_the_line_says_when_only_reading_is_left),
	        cmocka_unit_test(test_nothing_is_drawn_before_a_second_has_come_in),
	        cmocka_unit_test(test_a_late_second_adds_to_the_failures_but_replaces_no_newer_one),
	        cmocka_unit_test(test_the_line_fits_into_80_columns_whatever_it_says),
	        cmocka_unit_test(test_the_line_names_the_agents_that_are_silent_and_for_how_long),
	        cmocka_unit_test(test_a_line_of_many_silent_agents_fits_and_says_that_there_are_more),
	        cmocka_unit_test(test_failures_stand_out_in_colour_only),
	        cmocka_unit_test(test_clearing_takes_away_a_line_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
