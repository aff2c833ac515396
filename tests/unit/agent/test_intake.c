/* SPDX-License-Identifier: Apache-2.0 */
/* intake.h and file_cache.h: data files come whole and right, once in an agent's life. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/intake.h"
#include "common/base/hash.h"
#include "common/base/limits.h"

enum { PIECE = 100, FILE_BYTES = 1234 };

struct setting {
	uint8_t bytes[2][FILE_BYTES];
	char digests[2][SHA256_HEX_SIZE];
	char names[2][4];
	struct wire_file files[2];
};

static void set_up(struct setting *setting)
{
	for (int i = 0; i < 2; i++) {
		for (int j = 0; j < FILE_BYTES; j++)
			setting->bytes[i][j] = (uint8_t)(j * (i + 3));
		hash_sha256_hex(setting->bytes[i], FILE_BYTES, setting->digests[i]);
		snprintf(setting->names[i], sizeof(setting->names[i]), "f%d", i);
		setting->files[i] = (struct wire_file){
		        .name = setting->names[i], .size = FILE_BYTES, .sha256 = setting->digests[i]};
	}
}

static struct intake *intake_of(const struct wire_file *files, uint32_t count, struct file_cache *cache)
{
	struct failure failure = {0};
	struct intake *intake;

	if (intake_new(files, count, cache, &failure, &intake) < 0)
		fail_msg("%s", failure.text);
	return intake;
}

/* Answers a question as a coordinator does. */
static int answer(struct setting *setting, struct intake *intake, const struct message_fetch *fetch,
                  struct failure *failure)
{
	int file = strcmp(fetch->name, "f1") == 0;
	size_t left = FILE_BYTES - fetch->offset;

	return intake_take(intake,
	                   &(struct message_chunk){.name = fetch->name,
	                                           .offset = fetch->offset,
	                                           .data = setting->bytes[file] + fetch->offset,
	                                           .size = left < PIECE ? left : PIECE},
	                   failure);
}

/* Asks and answers until there is nothing to ask for; how many questions it took. */
static uint32_t fetch_all(struct setting *setting, struct intake *intake)
{
	struct message_fetch asked[64];
	struct failure failure = {0};
	uint32_t count = 0, answered = 0;

	for (;;) {
		while (count < 64 && intake_want(intake, &asked[count]))
			count++;
		if (answered == count)
			return count;
		assert_int_equal(answer(setting, intake, &asked[answered++], &failure), 1);
	}
}

static void expect(const struct setting *setting, const struct intake *intake, uint32_t file, int content)
{
	assert_int_equal(intake_files(intake)[file].size, FILE_BYTES);
	assert_memory_equal(intake_files(intake)[file].data, setting->bytes[content], FILE_BYTES);
}

static void test_intake_asks_for_some_pieces_at_once(void **state)
{
	struct setting setting;
	struct intake *intake;
	struct message_fetch fetch;
	struct failure failure = {0};

	(void)state;
	set_up(&setting);
	intake = intake_of(setting.files, 1, NULL);
	assert_true(intake_want(intake, &fetch));
	assert_int_equal(fetch.offset, 0);
	assert_false(intake_want(intake, &fetch)); /* it doesn't know how large a piece is */
	fetch.offset = 0;
	assert_int_equal(answer(&setting, intake, &fetch, &failure), 1);
	for (uint64_t i = 1; i <= 8; i++) {
		assert_true(intake_want(intake, &fetch));
		assert_int_equal(fetch.offset, i * PIECE);
	}
	assert_false(intake_want(intake, &fetch));
	/* One got lost: what comes after it is of no use. */
	fetch.offset = 2 * PIECE;
	assert_int_equal(answer(&setting, intake, &fetch, &failure), 0);
	intake_rewind(intake);
	assert_true(intake_want(intake, &fetch));
	assert_int_equal(fetch.offset, PIECE);
	intake_rewind(intake);
	assert_int_equal(fetch_all(&setting, intake), 12);
	assert_true(intake_complete(intake));
	expect(&setting, intake, 0, 0);
	intake_free(intake);
}

static void test_intake_takes_a_piece_once(void **state)
{
	struct setting setting;
	struct intake *intake;
	struct message_fetch fetch = {.name = (char *)"f0"};
	struct failure failure = {0};

	(void)state;
	set_up(&setting);
	intake = intake_of(setting.files, 1, NULL);
	assert_int_equal(answer(&setting, intake, &fetch, &failure), 1);
	assert_int_equal(answer(&setting, intake, &fetch, &failure), 0);
	intake_rewind(intake);
	fetch_all(&setting, intake);
	expect(&setting, intake, 0, 0);
	intake_free(intake);
}

static void test_intake_refuses_what_is_not_the_file(void **state)
{
	struct setting setting;
	struct message_fetch fetch = {.name = (char *)"f0"};
	struct failure failure = {0};

	(void)state;
	set_up(&setting);
	/* It was changed while it came. */
	struct intake *intake = intake_of(setting.files, 1, NULL);

	assert_true(intake_want(intake, &fetch));
	assert_int_equal(answer(&setting, intake, &fetch, &failure), 1);
	setting.bytes[0][FILE_BYTES - 1] ^= 1;
	for (int r = 1; r == 1 && intake_want(intake, &fetch);)
		r = answer(&setting, intake, &fetch, &failure);
	assert_int_equal(failure.code, -EBADMSG);
	assert_non_null(strstr(failure.text, "\"f0\" came with another digest"));
	assert_false(intake_complete(intake));
	intake_free(intake);
	/* It is gone, or has become shorter or longer. */
	for (size_t size = 0; size <= FILE_BYTES + 1; size += FILE_BYTES + 1) {
		struct message_chunk chunk = {.name = (char *)"f0", .data = (uint8_t *)setting.bytes, .size = size};

		intake = intake_of(setting.files, 1, NULL);
		assert_int_equal(intake_take(intake, &chunk, &failure), -EBADMSG);
		assert_non_null(strstr(failure.text, "isn't as long as it was said to be"));
		intake_free(intake);
	}
}

static void test_intake_fetches_nothing_that_an_earlier_run_had(void **state)
{
	struct file_cache *cache = file_cache_new(1 << 20);
	struct setting setting;
	struct intake *intake;

	(void)state;
	set_up(&setting);
	intake = intake_of(setting.files, 2, cache);
	assert_int_equal(fetch_all(&setting, intake), 26);
	intake_free(intake);
	for (int run = 0; run < 3; run++) {
		intake = intake_of(setting.files, 2, cache);
		assert_true(intake_complete(intake));
		expect(&setting, intake, 0, 0);
		expect(&setting, intake, 1, 1);
		intake_free(intake);
	}
	/* A changed file has another digest. */
	setting.bytes[0][5] ^= 1;
	hash_sha256_hex(setting.bytes[0], FILE_BYTES, setting.digests[0]);
	intake = intake_of(setting.files, 2, cache);
	assert_false(intake_complete(intake));
	assert_int_equal(fetch_all(&setting, intake), 13);
	expect(&setting, intake, 0, 0);
	expect(&setting, intake, 1, 1);
	intake_free(intake);
	file_cache_free(cache);
}

static void test_intake_has_a_file_of_two_feeds_once(void **state)
{
	struct file_cache *cache = file_cache_new(1 << 20);
	struct setting setting;
	struct wire_file files[3];
	struct intake *intake;

	(void)state;
	set_up(&setting);
	files[0] = files[1] = setting.files[0];
	files[1].name = setting.names[1];
	files[2] = (struct wire_file){.name = (char *)"empty", .sha256 = setting.digests[1]};
	hash_sha256_hex("", 0, setting.digests[1]);
	for (int run = 0; run < 2; run++) {
		intake = intake_of(files, 3, cache);
		assert_int_equal(fetch_all(&setting, intake), run == 0 ? 13 : 0);
		assert_true(intake_complete(intake));
		expect(&setting, intake, 0, 0);
		expect(&setting, intake, 1, 0);
		assert_int_equal(intake_files(intake)[2].size, 0);
		intake_free(intake);
	}
	file_cache_free(cache);
}

static void put(struct file_cache *cache, const char *digest, size_t size)
{
	struct buffer content = {0};

	assert_int_equal(buffer_reserve(&content, size), 0);
	memset(content.data, 1, size);
	content.size = size;
	file_cache_put(cache, digest, &content);
	assert_null(content.data);
}

static _Bool has(struct file_cache *cache, const char *digest)
{
	struct buffer content = {0};

	if (!file_cache_take(cache, digest, &content))
		return 0;
	file_cache_put(cache, digest, &content);
	return 1;
}

static void test_file_cache_keeps_what_was_used_last_within_its_bound(void **state)
{
	struct file_cache *cache = file_cache_new(3000);
	char digests[5][SHA256_HEX_SIZE];

	(void)state;
	for (int i = 0; i < 5; i++)
		hash_sha256_hex(&i, sizeof(i), digests[i]);
	for (int i = 0; i < 2; i++)
		put(cache, digests[i], 1024);
	assert_true(has(cache, digests[0])); /* used */
	put(cache, digests[2], 1024);
	assert_false(has(cache, digests[1]));
	assert_true(has(cache, digests[0]));
	put(cache, digests[3], 4096); /* alone too large */
	assert_false(has(cache, digests[3]));
	assert_true(has(cache, digests[2]));
	put(cache, digests[2], 1024); /* twice the same */
	assert_true(has(cache, digests[0]) && has(cache, digests[2]));
	put(cache, "not a digest", 10);
	assert_false(has(cache, "not a digest"));
	file_cache_free(cache);
}

static void test_intake_refuses_files_that_are_too_large_for_any_plan(void **state)
{
	struct setting setting;
	struct failure failure = {0};
	struct intake *intake;

	(void)state;
	set_up(&setting);
	setting.files[0].size = LIMIT_FEED_BYTES + UINT64_C(1);
	assert_int_equal(intake_new(setting.files, 2, NULL, &failure, &intake), -EFBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_intake_asks_for_some_pieces_at_once),
	        cmocka_unit_test(test_intake_takes_a_piece_once),
	        cmocka_unit_test(test_intake_refuses_what_is_not_the_file),
	        cmocka_unit_test(test_intake_fetches_nothing_that_an_earlier_run_had),
	        cmocka_unit_test(test_intake_has_a_file_of_two_feeds_once),
	        cmocka_unit_test(test_file_cache_keeps_what_was_used_last_within_its_bound),
	        cmocka_unit_test(test_intake_refuses_files_that_are_too_large_for_any_plan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
