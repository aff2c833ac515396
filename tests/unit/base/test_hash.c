/* SPDX-License-Identifier: Apache-2.0 */
/* hash.h: published vectors, and a table hash that spreads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/hash.h"

static void test_sha256_of_published_vectors(void **state)
{
	static const char *const cases[][2] = {
	        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char hex[SHA256_HEX_SIZE];

		hash_sha256_hex(cases[i][0], strlen(cases[i][0]), hex);
		assert_string_equal(hex, cases[i][1]);
	}
}

static void test_crc32_of_published_vectors(void **state)
{
	(void)state;
	assert_int_equal(hash_crc32(NULL, 0), 0);
	assert_int_equal(hash_crc32("123456789", 9), 0xcbf43926);
	assert_int_equal(hash_crc32("The quick brown fox jumps over the lazy dog", 43), 0x414fa339);
}

static void test_short_crc32_is_the_other_one_however_it_is_cut(void **state)
{
	uint8_t bytes[70];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 167 + 13);
	for (size_t size = 0; size <= sizeof(bytes); size++) {
		uint32_t whole = hash_crc32(bytes, size);

		assert_int_equal(hash_crc32_short(0, bytes, size), whole);
		for (size_t cut = 0; cut <= size; cut++)
			assert_int_equal(hash_crc32_short(hash_crc32_short(0, bytes, cut), bytes + cut, size - cut),
			                 whole);
	}
}

static void test_short_crc32_has_every_entry_of_its_tables(void **state)
{
	uint8_t bytes[8] = {0};

	(void)state;
	for (size_t at = 0; at < sizeof(bytes); at++) {
		for (int value = 0; value < 256; value++) {
			bytes[at] = (uint8_t)value;
			assert_int_equal(hash_crc32_short(0, bytes, sizeof(bytes)), hash_crc32(bytes, sizeof(bytes)));
		}
		bytes[at] = 0;
	}
}

static void test_table_hash_tells_lengths_and_every_byte(void **state)
{
	uint8_t bytes[40] = {0};
	uint64_t hash = hash_bytes(bytes, sizeof(bytes));

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = 1;
		assert_true(hash_bytes(bytes, sizeof(bytes)) != hash);
		bytes[i] = 0;
		assert_true(hash_bytes(bytes, i) != hash);
	}
	assert_true(hash_bytes(bytes, sizeof(bytes)) == hash);
}

static void test_table_hash_fills_a_table_evenly(void **state)
{
	unsigned int slots[256] = {0};

	(void)state;
	for (uint32_t key = 0; key < 256 * 64; key++)
		slots[hash_bytes(&key, sizeof(key)) & 255]++;
	for (size_t i = 0; i < 256; i++)
		assert_in_range(slots[i], 16, 160);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_sha256_of_published_vectors),
	        cmocka_unit_test(test_crc32_of_published_vectors),
	        cmocka_unit_test(test_short_crc32_is_the_other_one_however_it_is_cut),
	        cmocka_unit_test(test_short_crc32_has_every_entry_of_its_tables),
	        cmocka_unit_test(test_table_hash_tells_lengths_and_every_byte),
	        cmocka_unit_test(test_table_hash_fills_a_table_evenly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
