/* SPDX-License-Identifier: Apache-2.0 */
/* key.h: what is written is read again; everything else is refused with its place, and never repeated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/link/key.h"

/* The example pair of ZeroMQ's manual (zmq_curve(7)): known to everyone. */
#define PUBLIC "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define SECRET "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"

static void test_key_is_read_as_it_was_written(void **state)
{
	struct key_pair pair, again;
	struct failure failure = {0};

	(void)state;
	assert_int_equal(key_pair_make(&pair), 0);
	for (int secret = 0; secret < 2; secret++) {
		struct buffer text = {0};

		assert_int_equal(key_format(&pair, "a title", secret, &text), 0);
		assert_int_equal(strstr(buffer_text(&text), pair.secret_key) != NULL, secret);
		assert_int_equal(key_parse(buffer_text(&text), text.size, "f", secret, &failure, &again), 0);
		assert_string_equal(again.public_key, pair.public_key);
		assert_string_equal(again.secret_key, secret ? pair.secret_key : "");
		buffer_deinit(&text);
	}
}

static void test_key_pairs_are_never_the_same(void **state)
{
	struct key_pair one, other;

	(void)state;
	assert_int_equal(key_pair_make(&one), 0);
	assert_int_equal(key_pair_make(&other), 0);
	assert_string_not_equal(one.public_key, other.public_key);
	assert_string_not_equal(one.secret_key, other.secret_key);
	key_pair_wipe(&one);
	assert_string_equal(one.secret_key, "");
}

static void test_key_parse_says_what_is_wrong_and_where(void **state)
{
	static const struct {
		const char *text;
		_Bool secret;
		int line; /* 0: it is right */
		const char *reason;
	} cases[] = {
	        {"public-key: " PUBLIC "\nsecret-key: " SECRET "\n", 1, 0, NULL},
	        {"# c\n\nsecret-key: " SECRET "\npublic-key: " PUBLIC, 1, 0, NULL},
	        {"public-key: " PUBLIC "\n", 0, 0, NULL},
	        {"", 0, 0, "no public-key"},
	        {"public-key: " PUBLIC "\n", 1, 1, "no secret-key: this is a public key"},
	        {"# c\npublic-key: " PUBLIC "\nsecret-key: " SECRET "\n", 0, 3, "a public one (a .pub file) is due"},
	        {"public-key: " PUBLIC "\npublic-key: " PUBLIC "\n", 0, 2, "a second public-key"},
	        {"public-key: short\n", 0, 1, "isn't 40 characters of Z85"},
	        {"public-key: " PUBLIC " \n", 0, 1, "isn't 40 characters of Z85"},
	        {"public-key: \"ne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\n", 0, 1, "isn't 40 characters of Z85"},
	        {"public-key: " PUBLIC "\r\n", 0, 1, "isn't 40 characters of Z85"},
	        {"public-key: " SECRET "\nsecret-key: " SECRET "\n", 1, 2, "doesn't belong to the secret one"},
	        {"# c\npublic_key: " PUBLIC "\n", 0, 2, "expected \"public-key: ...\""},
	        {PUBLIC "\n", 1, 1, "or \"secret-key: ...\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct failure failure = {0};
		struct key_pair pair = {0};
		int r = key_parse(cases[i].text, strlen(cases[i].text), "a.key", cases[i].secret, &failure, &pair);

		assert_int_equal(r, cases[i].reason ? -EINVAL : 0);
		if (!cases[i].reason) {
			assert_string_equal(pair.public_key, PUBLIC);
			continue;
		}
		assert_string_equal(pair.public_key, "");
		assert_string_equal(failure.file, "a.key");
		assert_int_equal(failure.line, cases[i].line);
		if (!strstr(failure.text, cases[i].reason))
			fail_msg("\"%s\" doesn't say \"%s\"", failure.text, cases[i].reason);
		assert_null(strstr(failure.text, SECRET));
	}
}

static void test_key_parse_refuses_what_is_no_text(void **state)
{
	char text[1000];
	struct failure failure = {0};
	struct key_pair pair;

	(void)state;
	memset(text, '#', sizeof(text));
	assert_int_equal(key_parse(text, sizeof(text), "f", 0, &failure, &pair), -EINVAL);
	assert_int_equal(key_parse("#\0\n", 3, "f", 0, &failure, &pair), -EINVAL);
	assert_int_equal(failure.line, 1);
}

static void test_key_read_tells_of_a_file_that_is_not_there(void **state)
{
	struct failure failure = {0};
	struct key_pair pair;

	(void)state;
	assert_int_equal(key_read("/nowhere/a.key", 1, &failure, &pair), -ENOENT);
	assert_non_null(strstr(failure.text, "/nowhere/a.key"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_key_is_read_as_it_was_written),
	        cmocka_unit_test(test_key_pairs_are_never_the_same),
	        cmocka_unit_test(test_key_parse_says_what_is_wrong_and_where),
	        cmocka_unit_test(test_key_parse_refuses_what_is_no_text),
	        cmocka_unit_test(test_key_read_tells_of_a_file_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
