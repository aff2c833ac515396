/* SPDX-License-Identifier: Apache-2.0 */
/* text.h: columns, UTF-8, nearest words, hex and UUIDs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/text.h"

static void test_text_width_counts_columns(void **state)
{
	static const struct {
		const char *text;
		size_t width;
	} cases[] = {
	        {"", 0},
	        {"ticks", 5},
	        {"caf\u00e9", 4},
	        {"cafe\u0301", 4},         /* a combining accent */
	        {"\u682a\u4fa1", 4},       /* CJK ideographs */
	        {"\uff21", 2},             /* a full-width letter */
	        {"\uff71", 1},             /* a half-width katakana */
	        {"\uac00\u3042", 4},       /* hangul and hiragana */
	        {"\u1112\u1161\u11ab", 2}, /* a hangul syllable in its parts */
	        {"\U0001f680", 2},         /* an emoji */
	        {"\u2764\ufe0f", 1},       /* a heart of text, asked to be an emoji */
	        {"\u20ac\u2026\u00ad", 3},
	        {"\u200b\u200d", 0},
	        {"\U00020000\U0002fa1d", 4},
	        {"\t\x7f", 2},
	        {"a\xff\xe6z", 4},
	        {"\xe6\xa0", 2}, /* cut short: two bytes */
	        {"\xed\xa0\x80", 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(text_width(cases[i].text), cases[i].width);
}

static void test_text_fit_cuts_between_characters(void **state)
{
	static const struct {
		const char *text;
		size_t columns;
		size_t bytes;
	} cases[] =
	        {
	                {"ticks", 9, 5},    {"ticks", 5, 5},        {"ticks", 2, 2},        {"ticks", 0, 0},
	                {"", 3, 0},         {"\u682a\u4fa1", 3, 3}, {"\u682a\u4fa1", 4, 6}, {"\u682a", 1, 0},
	                {"e\u0301x", 1, 3}, /* the accent stays with its letter */
	        };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(text_fit(cases[i].text, cases[i].columns), cases[i].bytes);
}

static void test_text_is_utf8_refuses_what_rfc_3629_does(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		_Bool good;
	} cases[] = {
	        {"", 0, 1},
	        {"plain", 5, 1},
	        {"a\0b", 3, 1},
	        {"\xc2\x80", 2, 1},
	        {"\xdf\xbf\xe0\xa0\x80", 5, 1},
	        {"\xed\x9f\xbf\xee\x80\x80", 6, 1},
	        {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8, 1},
	        {"\x80", 1, 0},
	        {"\xc0\x80", 2, 0},
	        {"\xc1\xbf", 2, 0},
	        {"\xe0\x9f\xbf", 3, 0},
	        {"\xed\xa0\x80", 3, 0},
	        {"\xed\xbf\xbf", 3, 0},
	        {"\xf0\x8f\xbf\xbf", 4, 0},
	        {"\xf4\x90\x80\x80", 4, 0},
	        {"\xf5\x80\x80\x80", 4, 0},
	        {"\xff", 1, 0},
	        {"\xe6\xa0\xaa", 2, 0},
	        {"\xc2\x41", 2, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(text_is_utf8(cases[i].text, cases[i].size), cases[i].good);
}

static void test_text_nearest_finds_what_was_meant(void **state)
{
	static const char *const keys[] = {"rate", "duration", "preAllocatedVUs", "maxVUs", "vus", "stages", NULL};
	static const struct {
		const char *word;
		const char *expected;
	} cases[] = {
	        {"rat", "rate"},
	        {"rtae", "rate"},
	        {"Rate", "rate"},
	        {"duraton", "duration"},
	        {"durration", "duration"},
	        {"preallocatedvus", "preAllocatedVUs"},
	        {"preAlocatdVU", "preAllocatedVUs"},
	        {"maxVU", "maxVUs"},
	        {"vu", "vus"},
	        {"vsu", "vus"},
	        {"stage", "stages"},
	        {"rate", "rate"},
	        {"", NULL},
	        {"x", NULL},
	        {"throughput", NULL},
	        {"ratings", NULL},
	        {"0123456789012345678901234567890123456789012345678901234567890123456789", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *nearest = text_nearest(cases[i].word, keys);

		if (cases[i].expected)
			assert_string_equal(nearest, cases[i].expected);
		else
			assert_null(nearest);
	}
}

static void test_text_nearest_prefers_the_nearer_then_the_first(void **state)
{
	static const char *const keys[] = {"aaab", "aaac", "aaaa", NULL};

	(void)state;
	assert_string_equal(text_nearest("aaaa", keys), "aaaa");
	assert_string_equal(text_nearest("aaad", keys), "aaab");
}

static void test_text_formats_hex_and_uuids(void **state)
{
	static const uint8_t bytes[16] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
	                                  0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
	static const uint8_t ones[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	                                 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	char uuid[37];
	char hex[33];

	(void)state;
	text_format_hex(bytes, sizeof(bytes), hex);
	assert_string_equal(hex, "00112233445566778899aabbccddeeff");
	text_format_hex(bytes, 0, hex);
	assert_string_equal(hex, "");
	text_format_uuid(bytes, uuid);
	assert_string_equal(uuid, "00112233-4455-4677-8899-aabbccddeeff");
	text_format_uuid(ones, uuid);
	assert_string_equal(uuid, "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_text_width_counts_columns),
	        cmocka_unit_test(test_text_fit_cuts_between_characters),
	        cmocka_unit_test(test_text_is_utf8_refuses_what_rfc_3629_does),
	        cmocka_unit_test(test_text_nearest_finds_what_was_meant),
	        cmocka_unit_test(test_text_nearest_prefers_the_nearer_then_the_first),
	        cmocka_unit_test(test_text_formats_hex_and_uuids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
