/* SPDX-License-Identifier: Apache-2.0 */
/* address.h: what an address is, and whom it reaches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "common/link/address.h"

static void test_address_is_read_in_every_form(void **state)
{
	static const struct {
		const char *text;
		_Bool listen;
		const char *formatted; /* NULL: refused */
	} cases[] = {
	        {"tcp://127.0.0.1:5555", 0, "tcp://127.0.0.1:5555"},
	        {"127.0.0.1:5555", 0, "tcp://127.0.0.1:5555"},
	        {"load-1.example_net.org:65535", 0, "tcp://load-1.example_net.org:65535"},
	        {"[::1]:5555", 0, "tcp://[::1]:5555"},
	        {"tcp://[fe80::1]:1", 1, "tcp://[fe80::1]:1"},
	        {"*:5555", 1, "tcp://*:5555"},
	        {"127.0.0.1:0", 1, "tcp://127.0.0.1:0"},
	        {"*:5555", 0, NULL},
	        {"127.0.0.1:0", 0, NULL},
	        {"127.0.0.1", 0, NULL},
	        {"127.0.0.1:", 0, NULL},
	        {"127.0.0.1:65536", 0, NULL},
	        {"127.0.0.1:-1", 0, NULL},
	        {"127.0.0.1:5_5", 0, NULL},
	        {"127.0.0.1:55 ", 0, NULL},
	        {":5555", 0, NULL},
	        {"", 0, NULL},
	        {"tcp://", 0, NULL},
	        {"udp://127.0.0.1:5555", 0, NULL},
	        {"ipc:///tmp/socket:1", 0, NULL},
	        {"::1:5555", 0, NULL},
	        {"[::1:5555", 0, NULL},
	        {"[127.0.0.1]:5555", 0, NULL},
	        {"[]:5555", 0, NULL},
	        {"-host:5555", 0, NULL},
	        {"host;127.0.0.1:5555", 0, NULL},
	        {"a host:5555", 0, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[ADDRESS_TEXT_SIZE];
		struct failure failure = {0};
		struct address address;
		int r = address_parse(cases[i].text, cases[i].listen, &failure, &address);

		if (!cases[i].formatted) {
			if (r != -EINVAL || !strstr(failure.text, cases[i].text))
				fail_msg("\"%s\": %d, \"%s\"", cases[i].text, r, failure.text);
			continue;
		}
		assert_int_equal(r, 0);
		assert_string_equal(address_format(&address, text), cases[i].formatted);
	}
}

static void test_address_refuses_a_host_that_is_too_long(void **state)
{
	char text[ADDRESS_HOST_SIZE + 8];
	struct address address;

	(void)state;
	memset(text, 'h', sizeof(text));
	memcpy(text + ADDRESS_HOST_SIZE, ":5", 3);
	assert_int_equal(address_parse(text, 0, NULL, &address), -EINVAL);
	memcpy(text + ADDRESS_HOST_SIZE - 1, ":5", 3);
	assert_int_equal(address_parse(text, 0, NULL, &address), 0);
}

static void test_address_tells_loopback_from_the_rest(void **state)
{
	static const struct {
		const char *text;
		_Bool listen, loopback, ipv6;
	} cases[] = {
	        {"127.0.0.1:1", 0, 1, 0},
	        {"127.8.9.1:1", 0, 1, 0},
	        {"[::1]:1", 0, 1, 1},
	        {"[::ffff:127.0.0.1]:1", 0, 1, 1},
	        {"[::ffff:10.0.0.1]:1", 0, 0, 1},
	        {"10.0.0.1:1", 0, 0, 0},
	        {"0.0.0.0:1", 1, 0, 0},
	        {"*:1", 1, 0, 0},
	        {"[::]:1", 1, 0, 1},
	        {"localhost:1", 0, 1, 0},
	        {"localhost:1", 1, 1, 0},
	        {"128.0.0.1:1", 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct address address;

		assert_int_equal(address_parse(cases[i].text, cases[i].listen, NULL, &address), 0);
		assert_int_equal(address_resolve(&address, cases[i].listen, NULL), 0);
		if (address.loopback != cases[i].loopback || address.ipv6 != cases[i].ipv6)
			fail_msg("%s: loopback %d, ipv6 %d", cases[i].text, address.loopback, address.ipv6);
	}
}

static void test_address_of_a_listener_becomes_a_number(void **state)
{
	char text[ADDRESS_TEXT_SIZE];
	struct address address;

	(void)state;
	assert_int_equal(address_parse("localhost:7", 1, NULL, &address), 0);
	assert_int_equal(address_resolve(&address, 1, NULL), 0);
	assert_string_equal(address_format(&address, text), "tcp://127.0.0.1:7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_address_is_read_in_every_form),
	        cmocka_unit_test(test_address_refuses_a_host_that_is_too_long),
	        cmocka_unit_test(test_address_tells_loopback_from_the_rest),
	        cmocka_unit_test(test_address_of_a_listener_becomes_a_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
