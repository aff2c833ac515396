/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the samples and however they are spread over agents, seconds and merges: the bytes of the
 * whole are those of one histogram that saw them all, and its percentiles are those of the samples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/stats/cell.h"
#include "tests/property/stats/samples.h"

enum { ROUNDS = 120, SAMPLES_MAX = 3000, AGENTS_MAX = 20 };

struct world {
	struct random random;
	enum samples_kind kind;
	uint64_t scale;
	size_t count;
	uint64_t samples[SAMPLES_MAX];
};

static void begin_round(struct world *world, int round)
{
	random_seed(&world->random, (uint64_t)round);
	world->kind = (enum samples_kind)(round % SAMPLES_KIND_COUNT);
	world->scale = random_next(&world->random) >> random_between(&world->random, 25, 63);
	/* From none over a handful, which the histogram keeps in itself, to thousands. */
	world->count = random_below(&world->random, UINT64_C(1) << random_between(&world->random, 0, 11)) +
	               random_below(&world->random, 2);
	for (size_t i = 0; i < world->count; i++)
		world->samples[i] = samples_draw(world->kind, world->scale, &world->random);
}

static void assert_same_bytes(const struct buffer *a, const struct buffer *b)
{
	assert_int_equal(a->failed, 0);
	assert_int_equal(a->size, b->size);
	assert_memory_equal(a->data, b->data, a->size);
}

static void shuffle(struct world *world)
{
	for (size_t i = world->count; i > 1; i--) {
		size_t other = random_below(&world->random, i);
		uint64_t sample = world->samples[i - 1];

		world->samples[i - 1] = world->samples[other];
		world->samples[other] = sample;
	}
}

static void encode_whole(const struct world *world, struct buffer *buffer)
{
	struct histogram *whole = histogram_new();

	for (size_t i = 0; i < world->count; i++)
		assert_int_equal(histogram_record(whole, world->samples[i], 1), 0);
	histogram_encode(whole, buffer);
	histogram_free(whole);
}

/* An agent's second ends: its delta goes over the wire or, in one process, over at once. */
static void hand_over(struct world *world, struct histogram *agent, struct histogram *merged)
{
	if (random_below(&world->random, 2)) {
		cleanup_buffer struct buffer message = {0};

		histogram_encode(agent, &message);
		assert_int_equal(histogram_decode_add(merged, message.data, message.size), 0);
	} else {
		assert_int_equal(histogram_add(merged, agent), 0);
	}
	histogram_reset(agent);
}

static void test_any_split_over_agents_in_any_order_merges_to_the_same_bytes(void **state)
{
	static struct world world;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		cleanup_buffer struct buffer expected = {0};
		cleanup_buffer struct buffer got = {0};
		struct histogram *agents[AGENTS_MAX];
		struct histogram *merged = histogram_new();
		size_t agent_count;

		begin_round(&world, round);
		encode_whole(&world, &expected);
		agent_count = random_between(&world.random, 1, AGENTS_MAX);
		for (size_t i = 0; i < agent_count; i++)
			agents[i] = histogram_new();
		shuffle(&world);
		for (size_t i = 0; i < world.count; i++) {
			size_t agent = random_below(&world.random, agent_count);

			histogram_record(agents[agent], world.samples[i], 1);
			if (random_below(&world.random, 50) == 0)
				hand_over(&world, agents[random_below(&world.random, agent_count)], merged);
		}
		for (size_t i = 0; i < agent_count; i++)
			hand_over(&world, agents[i], merged);
		histogram_encode(merged, &got);
		assert_same_bytes(&got, &expected);
		for (size_t i = 0; i < agent_count; i++)
			histogram_free(agents[i]);
		histogram_free(merged);
	}
}

static void test_any_tree_of_cells_merges_to_the_same_bytes(void **state)
{
	static const struct bucket_edges edges = {.count = 4, .us = {100, 1000, 100000, 4000000000}};
	static struct world world;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		cleanup_buffer struct buffer expected = {0};
		cleanup_buffer struct buffer got = {0};
		struct cell cells[AGENTS_MAX];
		struct cell whole;

		begin_round(&world, round);
		assert_int_equal(cell_init(&whole, METRIC_LATENCY), 0);
		for (size_t i = 0; i < AGENTS_MAX; i++)
			assert_int_equal(cell_init(&cells[i], METRIC_LATENCY), 0);
		for (size_t i = 0; i < world.count; i++) {
			cell_record_latency(&whole, &edges, world.samples[i]);
			cell_record_latency(&cells[random_below(&world.random, AGENTS_MAX)], &edges, world.samples[i]);
		}
		/* Always joins the last to a random one before it. */
		for (size_t left = AGENTS_MAX; left > 1; left--) {
			cleanup_buffer struct buffer message = {0};

			cell_encode(&cells[left - 1], &message);
			assert_int_equal(cell_decode_merge(&cells[random_below(&world.random, left - 1)], METRIC_SUM,
			                                   message.data, message.size),
			                 0);
		}
		cell_encode(&whole, &expected);
		cell_encode(&cells[0], &got);
		assert_same_bytes(&got, &expected);
		for (size_t i = 0; i < AGENTS_MAX; i++)
			cell_deinit(&cells[i]);
		cell_deinit(&whole);
	}
}

static int compare_samples(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The k-th of n sorted samples is percentile 100 * k / n: the histogram gives a value that is not
 * below it and above it by less than a thousandth, never above the greatest. */
static void check_percentile(const struct world *world, const struct histogram *histogram, size_t k)
{
	uint64_t exact_us = world->samples[k - 1];
	uint64_t value_us = histogram_percentile_us(histogram, 100.0 * (double)k / (double)world->count);

	if (exact_us > HISTOGRAM_HIGHEST_US)
		exact_us = HISTOGRAM_HIGHEST_US;
	assert_true(value_us >= exact_us);
	assert_true(value_us - exact_us <= exact_us / 1000);
	assert_true(value_us <= histogram_max_us(histogram));
	assert_true(histogram_count_up_to(histogram, exact_us) >= k);
}

static void test_percentiles_are_those_of_the_sorted_samples(void **state)
{
	static struct world world;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct histogram *histogram = histogram_new();
		uint64_t sum_us = 0;

		begin_round(&world, round);
		if (world.count == 0)
			world.samples[world.count++] = world.scale;
		for (size_t i = 0; i < world.count; i++) {
			histogram_record(histogram, world.samples[i], 1);
			sum_us += world.samples[i];
		}
		qsort(world.samples, world.count, sizeof(world.samples[0]), compare_samples);
		for (int i = 0; i < 50; i++)
			check_percentile(&world, histogram, random_between(&world.random, 1, world.count));
		check_percentile(&world, histogram, 1);
		check_percentile(&world, histogram, world.count);
		assert_true(histogram_count(histogram) == world.count);
		assert_true(histogram_min_us(histogram) == world.samples[0]);
		assert_true(histogram_max_us(histogram) == world.samples[world.count - 1]);
		assert_true(histogram_sum_us(histogram) == sum_us);
		histogram_free(histogram);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_any_split_over_agents_in_any_order_merges_to_the_same_bytes),
	        cmocka_unit_test(test_any_tree_of_cells_merges_to_the_same_bytes),
	        cmocka_unit_test(test_percentiles_are_those_of_the_sorted_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
