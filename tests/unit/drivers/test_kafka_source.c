/* SPDX-License-Identifier: Apache-2.0 */
/* Generated payloads and keys: how far they compress, their sizes, and how often each comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "agent/drivers/kafka/source.h"

enum { BATCH = 1000000, DRAWS = 100000 };

struct rig {
	struct plan *plan;
	struct step_map map;
	struct sources sources;
	struct random random;
};

static void rig_open(struct rig *rig, const char *properties, const char *keys)
{
	struct failures failures = {0};
	char text[512];

	*rig = (struct rig){0};
	snprintf(text, sizeof(text),
	         "targets: { s: { kafka: { brokers: b, properties: { linger.ms: 5%s } } } }\n"
	         "scenarios: { t: { executor: constant-vus, duration: 1s, "
	         "steps: [ produce: { target: s, topic: t, %s } ] } }\n",
	         properties, keys);
	if (plan_parse(text, strlen(text), NULL, 0, &failures, &rig->plan) < 0)
		fail_msg("%s", failures.items[0].text);
	assert_int_equal(step_map_init(&rig->map, rig->plan, &rig->plan->targets[0], STEP_PRODUCE), 0);
	assert_int_equal(sources_init(&rig->sources, &rig->map, &rig->plan->targets[0], 7), 0);
	random_seed(&rig->random, 1);
}

static void rig_close(struct rig *rig)
{
	sources_deinit(&rig->sources);
	step_map_deinit(&rig->map);
	plan_free(rig->plan);
}

/* What is left of a batch of messages, whole: by zlib and by zstd. */
static void compress_batch(struct rig *rig, double *ret_zlib, double *ret_zstd)
{
	struct buffer batch = {0};
	uLongf deflated = compressBound(2 * BATCH);
	size_t room = ZSTD_compressBound(2 * BATCH), packed;
	void *target = malloc(room > deflated ? room : deflated);

	assert_non_null(target);
	while (batch.size < BATCH) {
		size_t size = sources_size(&rig->sources, 0, &rig->random);
		const void *payload = sources_payload(&rig->sources, 0, size, &rig->random);

		assert_int_equal(buffer_append(&batch, payload, size), 0);
	}
	assert_int_equal(compress2(target, &deflated, batch.data, batch.size, 6), Z_OK);
	packed = ZSTD_compress(target, room, batch.data, batch.size, 3);
	assert_false(ZSTD_isError(packed));
	*ret_zlib = (double)deflated / (double)batch.size;
	*ret_zstd = (double)packed / (double)batch.size;
	buffer_deinit(&batch);
	free(target);
}

static void test_payloads_compress_as_far_as_asked(void **state)
{
	static const struct {
		const char *keys;
		double left;
	} cases[] = {
	        {"size: 1KiB, compressibility: 0", 1},       {"size: 1KiB, compressibility: 25%", 0.75},
	        {"size: 1KiB, compressibility: 0.5", 0.5},   {"size: 1KiB, compressibility: 75%", 0.25},
	        {"size: 1KiB, compressibility: 90%", 0.1},   {"size: 1KiB, compressibility: 1", 0},
	        {"size: 100, compressibility: 0.5", 0.5},    {"size: 100..10240, compressibility: 0.6", 0.4},
	        {"size: 100KiB, compressibility: 0.8", 0.2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rig rig;
		double by_zlib, by_zstd;

		rig_open(&rig, "", cases[i].keys);
		for (int batch = 0; batch < 3; batch++) {
			compress_batch(&rig, &by_zlib, &by_zstd);
			if (by_zlib < cases[i].left - 0.03 || by_zlib > cases[i].left + 0.03)
				fail_msg("%s: zlib leaves %.3f", cases[i].keys, by_zlib);
			if (by_zstd < cases[i].left - 0.03 || by_zstd > cases[i].left + 0.03)
				fail_msg("%s: zstd leaves %.3f", cases[i].keys, by_zstd);
		}
		rig_close(&rig);
	}
}

/* A block that comes again within a batch would make random bytes look compressible. */
static void test_payloads_for_a_target_that_compresses_do_not_repeat(void **state)
{
	double by_zlib, by_zstd;
	struct rig rig;

	(void)state;
	rig_open(&rig, ", compression.type: zstd", "size: 1KiB");
	compress_batch(&rig, &by_zlib, &by_zstd);
	assert_true(by_zlib > 0.99 && by_zstd > 0.99);
	rig_close(&rig);
}

static void test_payload_sizes_come_by_weight(void **state)
{
	uint64_t small = 0;
	struct rig rig;

	(void)state;
	rig_open(&rig, "", "size: [ { size: 100, weight: 80 }, { size: 1KiB..10KiB, weight: 20 } ]");
	for (int i = 0; i < DRAWS; i++) {
		size_t size = sources_size(&rig.sources, 0, &rig.random);

		assert_true(size == 100 || (size >= 1024 && size <= 10240));
		small += size == 100;
	}
	/* The standard deviation is 126. */
	assert_in_range(small, DRAWS * 8 / 10 - 800, DRAWS * 8 / 10 + 800);
	rig_close(&rig);
}

static void draw_keys(const char *keys, uint32_t most, uint64_t *counts)
{
	struct buffer key = {0};
	struct rig rig;

	memset(counts, 0, (most + 1) * sizeof(*counts));
	rig_open(&rig, "", keys);
	for (int i = 0; i < DRAWS; i++) {
		unsigned long number;

		buffer_clear(&key);
		assert_int_equal(sources_key(&rig.sources, 0, &rig.random, &key), 0);
		number = strtoul(buffer_text(&key), NULL, 10);
		assert_in_range(number, 1, most);
		counts[number]++;
	}
	buffer_deinit(&key);
	rig_close(&rig);
}

static void test_uniform_keys_are_equally_frequent(void **state)
{
	uint64_t counts[11];

	(void)state;
	draw_keys("size: 1, keys: { uniform: 10 }", 10, counts);
	for (int i = 1; i <= 10; i++)
		assert_in_range(counts[i], DRAWS / 10 - 600, DRAWS / 10 + 600);
}

static void test_zipf_keys_fall_off_by_their_exponent(void **state)
{
	uint64_t counts[3001];

	(void)state;
	draw_keys("size: 1, keys: { zipf: 3000, exponent: 1 }", 3000, counts);
	/* Key i has 1 / (i H(3000)) of all, H(3000) = 8.58. */
	assert_in_range(counts[1], DRAWS / 8.58 * 0.95, DRAWS / 8.58 * 1.05);
	assert_in_range(counts[2], DRAWS / 17.16 * 0.93, DRAWS / 17.16 * 1.07);
	assert_in_range(counts[10], DRAWS / 85.8 * 0.85, DRAWS / 85.8 * 1.15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_payloads_compress_as_far_as_asked),
	        cmocka_unit_test(test_payloads_for_a_target_that_compresses_do_not_repeat),
	        cmocka_unit_test(test_payload_sizes_come_by_weight),
	        cmocka_unit_test(test_uniform_keys_are_equally_frequent),
	        cmocka_unit_test(test_zipf_keys_fall_off_by_their_exponent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
