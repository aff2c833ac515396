/* SPDX-License-Identifier: Apache-2.0 */
/* outbox.h: what is sent when, and how much of it at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/outbox.h"
#include "common/base/clock.h"

#define T0 (1000 * NS_PER_S)
#define KIB UINT64_C(1024)

struct setting {
	struct spool *spool;
	struct outbox outbox;
};

static void set_up(struct setting *setting)
{
	setting->spool = spool_new(&(struct spool_config){.memory_bytes = 1 << 30});
	assert_non_null(setting->spool);
	setting->outbox = (struct outbox){.spool = setting->spool, .next_seq = 1, .t0_ns = T0};
}

static void tear_down(struct setting *setting)
{
	spool_free(setting->spool);
}

static void add(struct setting *setting, uint64_t seq, size_t size, _Bool last)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));

	snapshot->message = (struct message_snapshot){.seq = seq, .second = seq - 1, .last = last};
	snapshot->memory = size;
	assert_int_equal(spool_add(setting->spool, snapshot), 0);
}

/* How many go at once; they are the next ones, in order. */
static uint64_t take_all(struct setting *setting, uint64_t first, uint64_t now_ns)
{
	uint64_t count = 0, seq;

	while ((seq = outbox_take(&setting->outbox, now_ns)) != 0)
		assert_int_equal(seq, first + count++);
	return count;
}

static void test_outbox_delivers_half_a_minute_with_a_few_acknowledgements(void **state)
{
	struct setting setting;
	uint64_t now_ns = T0 + 40 * NS_PER_S, sent = 0, acknowledgements = 0;

	(void)state;
	set_up(&setting);
	for (uint64_t seq = 1; seq <= 40; seq++)
		add(&setting, seq, 20 * KIB, seq == 40);
	while (!outbox_is_empty(&setting.outbox)) {
		sent += take_all(&setting, sent + 1, now_ns);
		outbox_acknowledge(&setting.outbox, sent, now_ns);
		acknowledgements++;
	}
	assert_int_equal(sent, 40);
	assert_int_equal(acknowledgements, 5);
	tear_down(&setting);
}

static void test_outbox_bounds_what_a_pong_waits_behind(void **state)
{
	struct setting setting;
	uint64_t now_ns = T0 + 40 * NS_PER_S;

	(void)state;
	set_up(&setting);
	for (uint64_t seq = 1; seq <= 10; seq++)
		add(&setting, seq, seq <= 6 ? 300 * KIB : 4000 * KIB, 0);
	assert_int_equal(take_all(&setting, 1, now_ns), 3);
	outbox_acknowledge(&setting.outbox, 1, now_ns);
	assert_int_equal(take_all(&setting, 4, now_ns), 1);
	/* Sent again, it is no more. */
	outbox_rewind(&setting.outbox, now_ns);
	assert_int_equal(take_all(&setting, 2, now_ns), 3);
	outbox_acknowledge(&setting.outbox, 6, now_ns);
	/* One of any size goes by itself. */
	assert_int_equal(take_all(&setting, 7, now_ns), 1);
	assert_int_equal(take_all(&setting, 8, now_ns), 0);
	outbox_acknowledge(&setting.outbox, 7, now_ns);
	assert_int_equal(take_all(&setting, 8, now_ns), 1);
	tear_down(&setting);
}

static void test_outbox_forgets_what_cannot_be_had(void **state)
{
	struct setting setting;
	uint64_t now_ns = T0 + 40 * NS_PER_S;

	(void)state;
	set_up(&setting);
	for (uint64_t seq = 1; seq <= 5; seq++)
		add(&setting, seq, 600 * KIB, 0);
	assert_int_equal(outbox_take(&setting.outbox, now_ns), 1);
	outbox_acknowledge(&setting.outbox, 1, now_ns);
	assert_int_equal(outbox_take(&setting.outbox, now_ns), 2);
	outbox_cut(&setting.outbox);
	assert_int_equal(spool_newest(setting.spool), 1);
	assert_true(outbox_is_empty(&setting.outbox) && outbox_sent_all(&setting.outbox));
	assert_int_equal(outbox_next_ns(&setting.outbox, 1), CLOCK_NEVER);
	tear_down(&setting);
}

static void test_outbox_takes_an_acknowledgement_for_more_than_it_sent(void **state)
{
	struct setting setting;
	uint64_t now_ns = T0 + 40 * NS_PER_S;

	(void)state;
	set_up(&setting);
	for (uint64_t seq = 1; seq <= 12; seq++)
		add(&setting, seq, 100 * KIB, 0);
	assert_int_equal(take_all(&setting, 1, now_ns), 8);
	outbox_rewind(&setting.outbox, now_ns);
	/* The first time they had arrived. */
	outbox_acknowledge(&setting.outbox, 8, now_ns);
	assert_int_equal(take_all(&setting, 9, now_ns), 4);
	outbox_acknowledge(&setting.outbox, UINT64_MAX, now_ns);
	assert_true(outbox_is_empty(&setting.outbox));
	assert_int_equal(setting.outbox.sent_bytes, 0);
	tear_down(&setting);
}

static void test_outbox_agents_take_turns_within_half_a_second(void **state)
{
	uint64_t before_ns = 0;

	(void)state;
	for (uint32_t i = 1; i < 1000; i++) {
		uint64_t turn_ns = outbox_turn_ns(i, 1000);

		assert_true(turn_ns > before_ns && turn_ns < NS_PER_S / 2);
		before_ns = turn_ns;
	}
	assert_int_equal(outbox_turn_ns(0, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_outbox_delivers_half_a_minute_with_a_few_acknowledgements),
	        cmocka_unit_test(test_outbox_bounds_what_a_pong_waits_behind),
	        cmocka_unit_test(test_outbox_forgets_what_cannot_be_had),
	        cmocka_unit_test(test_outbox_takes_an_acknowledgement_for_more_than_it_sent),
	        cmocka_unit_test(test_outbox_agents_take_turns_within_half_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
