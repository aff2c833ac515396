/* SPDX-License-Identifier: Apache-2.0 */
/* Counting local ports by destination. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/ports.h"
#include "common/base/clock.h"

/* 32768 is 8000 in hex. */
static const char table[] =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0\n"
        "   1: 0100007F:8000 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0 20 4\n"
        "   2: 0100007F:8001 0100007F:1F90 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0\n"
        "   3: 0100007F:8001 0100007F:1F91 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 20 4\n"
        "   4: 0100007F:1F90 0100007F:8000 01 00000000:00000000 00:00000000 00000000     0        0 4 1 0 20 4\n";

static void test_the_destination_with_the_most_ports_counts(void **state)
{
	struct ports *ports = ports_new();

	(void)state;
	assert_non_null(ports);
	/* the listener, and the server's end on port 8080, are no ephemeral ports */
	assert_int_equal(ports_count_table(ports, table, 0x8000, 0xffff), 2);
	assert_int_equal(ports_count_table(ports, table, 0x8000, 0xffff), 4);
	ports_clear(ports);
	assert_int_equal(ports_count_table(ports, table, 0x8001, 0xffff), 1);
	ports_clear(ports);
	assert_int_equal(ports_count_table(ports, "", 0x8000, 0xffff), 0);
	assert_int_equal(ports_count_table(ports, "rubbish\n  1: x\n", 0x8000, 0xffff), 0);
	ports_free(ports);
}

static void test_ipv6_destinations_are_told_apart(void **state)
{
	static const char six[] =
	        "   0: 00000000000000000000000001000000:8000 00000000000000000000000001000000:1F90 01\n"
	        "   1: 00000000000000000000000001000000:8001 00000000000000000000000001000000:1F90 06\n"
	        "   2: 00000000000000000000000001000000:8002 00000000000000000000000002000000:1F90 06\n";
	struct ports *ports = ports_new();

	(void)state;
	assert_int_equal(ports_count_table(ports, six, 0x8000, 0xffff), 2);
	ports_free(ports);
}

static void test_this_host_s_range_and_use_can_be_read(void **state)
{
	struct ports *ports = ports_new();

	(void)state;
	assert_true(ports_limit(ports) > 1000);
	assert_true(ports_in_use(ports, clock_now_ns()) <= ports_limit(ports));
	ports_free(ports);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_the_destination_with_the_most_ports_counts),
	        cmocka_unit_test(test_ipv6_destinations_are_told_apart),
	        cmocka_unit_test(test_this_host_s_range_and_use_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
