/* SPDX-License-Identifier: Apache-2.0 */
/* names.h: ids are consecutive, found again and stable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/names.h"

static void test_names_give_consecutive_ids_once(void **state)
{
	static const struct {
		const char *key;
		size_t size;
		uint32_t id;
		_Bool added;
	} cases[] = {
	        {"a", 1, 0, 1},    {"b", 1, 1, 1},    {"a", 1, 0, 0}, {"", 0, 2, 1},
	        {"a\0c", 3, 3, 1}, {"a\0d", 3, 4, 1}, {"", 0, 2, 0},
	};
	struct names *names = names_new();

	(void)state;
	assert_int_equal(names_find(names, "a", 1), NAMES_NONE);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t id = 99;
		_Bool added = !cases[i].added;
		size_t size = 99;

		assert_int_equal(names_intern(names, cases[i].key, cases[i].size, &id, &added), 0);
		assert_int_equal(id, cases[i].id);
		assert_int_equal(added, cases[i].added);
		assert_int_equal(names_find(names, cases[i].key, cases[i].size), id);
		assert_memory_equal(names_key(names, id, &size), cases[i].key, cases[i].size + 1);
		assert_int_equal(size, cases[i].size);
	}
	assert_int_equal(names_count(names), 5);
	assert_null(names_free(names));
	assert_null(names_free(NULL));
}

/* Returns where the first key lies. */
static const char *fill_and_check(struct names *names)
{
	enum { COUNT = 20000 };
	const char *first = NULL;
	char key[32];
	uint32_t id;

	for (uint32_t i = 0; i < COUNT; i++) {
		int size = snprintf(key, sizeof(key), "symbol-%u", i);

		assert_int_equal(names_intern(names, key, (size_t)size, &id, NULL), 0);
		assert_int_equal(id, i);
		if (i == 0)
			first = names_key(names, 0, NULL);
	}
	assert_int_equal(names_count(names), COUNT);
	assert_ptr_equal(names_key(names, 0, NULL), first);
	for (uint32_t i = 0; i < COUNT; i++) {
		int size = snprintf(key, sizeof(key), "symbol-%u", i);

		assert_int_equal(names_find(names, key, (size_t)size), i);
		assert_string_equal(names_key(names, i, NULL), key);
	}
	assert_int_equal(names_find(names, "symbol-", 7), NAMES_NONE);
	return first;
}

static void test_names_grow_and_can_be_cleared(void **state)
{
	struct names *names = names_new();
	const char *first = fill_and_check(names);

	(void)state;
	names_clear(names);
	assert_int_equal(names_count(names), 0);
	assert_int_equal(names_find(names, "symbol-1", 8), NAMES_NONE);
	/* The same memory again. */
	assert_ptr_equal(fill_and_check(names), first);
	names_free(names);
}

static void test_names_take_keys_larger_than_a_block(void **state)
{
	enum { SIZE = 3 * 1024 * 1024 };
	struct names *names = names_new();
	char *key = malloc(SIZE);
	uint32_t id;
	size_t size;

	(void)state;
	memset(key, 'k', SIZE);
	for (size_t i = 1; i < SIZE; i *= 3)
		assert_int_equal(names_intern(names, key, i, &id, NULL), 0);
	assert_int_equal(names_intern(names, key, SIZE, &id, NULL), 0);
	assert_memory_equal(names_key(names, id, &size), key, SIZE);
	assert_int_equal(size, SIZE);
	assert_int_equal(names_find(names, key, 1), 0);
	names_free(names);
	free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_names_give_consecutive_ids_once),
	        cmocka_unit_test(test_names_grow_and_can_be_cleared),
	        cmocka_unit_test(test_names_take_keys_larger_than_a_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
