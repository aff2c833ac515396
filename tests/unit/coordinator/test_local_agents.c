/* SPDX-License-Identifier: Apache-2.0 */
/* Local agents' processes: their ends are seen, whoever started them, and nobody else is taken for one of them. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/file.h"
#include "coordinator/local_agents.h"

enum { AGENTS = 2, HURRY_MS = 5000 };

struct setting {
	char folder[64];
	struct local_agents_config config;
};

/* What stands in for stampede-agent runs `script`. */
static void open_place(struct setting *place, const char *script)
{
	char path[80], text[256];
	struct failure failure = {0};

	snprintf(place->folder, sizeof(place->folder), "/tmp/stampede-children-XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	snprintf(path, sizeof(path), "%s/agent", place->folder);
	snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", script);
	assert_int_equal(file_write(path, text, strlen(text), &failure), 0);
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(setenv("STAMPEDE_AGENT", path, 1), 0);
	place->config = (struct local_agents_config){
	        .address = "tcp://127.0.0.1:1", .count = AGENTS, .run_folder = place->folder};
}

static void close_place(const struct setting *place)
{
	static const char *const names[] = {"agent", "local-1.log", "local-2.log"};
	char path[80];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", place->folder, names[i]);
		unlink(path);
	}
	rmdir(place->folder);
}

static void await_end(const struct local_agents *agents)
{
	struct pollfd ended = {.fd = local_agents_fd(agents), .events = POLLIN};

	assert_int_equal(poll(&ended, 1, HURRY_MS), 1);
}

static void test_how_an_agent_ended_is_told_once(void **state)
{
	struct setting place;
	struct local_agents *agents;
	struct local_agent_end end;
	struct journal_child items[AGENTS];
	struct failure failure = {0};

	(void)state;
	open_place(&place, "case $4 in local-1) exit 3 ;; *) exec sleep 600 ;; esac");
	assert_int_equal(local_agents_start(&place.config, &failure, &agents), 0);
	local_agents_list(agents, items);
	await_end(agents);
	assert_true(local_agents_reap(agents, &end));
	assert_int_equal(end.pid, items[0].pid);
	assert_non_null(strstr(end.text, "the process of local-1 ended with code 3; see "));
	assert_false(local_agents_reap(agents, &end));
	assert_int_equal(local_agents_alive(agents), 1);
	assert_int_equal(kill((pid_t)items[1].pid, SIGKILL), 0);
	await_end(agents);
	assert_true(local_agents_reap(agents, &end));
	assert_non_null(strstr(end.text, "local-2 was ended by signal 9"));
	assert_int_equal(local_agents_alive(agents), 0);
	local_agents_stop(agents, 0, -1);
	close_place(&place);
}

static void test_agents_are_found_again_by_number_and_start_time(void **state)
{
	struct setting place;
	struct local_agents *started, *found;
	struct local_agent_end end;
	struct journal_child items[AGENTS];
	struct failure failure = {0};

	(void)state;
	open_place(&place, "exec sleep 600");
	assert_int_equal(local_agents_start(&place.config, &failure, &started), 0);
	local_agents_list(started, items);
	items[1].started++; /* another process has its number by now */
	assert_int_equal(local_agents_find(&place.config, items, AGENTS, &failure, &found), 0);
	assert_int_equal(local_agents_alive(found), 1);
	assert_true(local_agents_reap(found, &end));
	assert_int_equal(end.pid, items[1].pid);
	assert_non_null(strstr(end.text, "the process of local-2 has ended; see "));
	assert_false(local_agents_reap(found, &end));
	assert_int_equal(kill((pid_t)items[0].pid, SIGKILL), 0);
	await_end(found);
	assert_true(local_agents_reap(found, &end));
	assert_int_equal(end.pid, items[0].pid);
	/* What isn't ours is left alone. */
	local_agents_stop(found, 0, -1);
	assert_int_equal(kill((pid_t)items[1].pid, 0), 0);
	local_agents_stop(started, 0, -1);
	assert_int_equal(kill((pid_t)items[1].pid, 0), -1);
	close_place(&place);
}

static void test_those_that_are_missing_are_started_anew(void **state)
{
	struct setting place;
	struct local_agents *started, *found;
	struct local_agent_end end;
	struct journal_child items[AGENTS], again[AGENTS];
	struct failure failure = {0};

	(void)state;
	open_place(&place, "exec sleep 600");
	assert_int_equal(local_agents_start(&place.config, &failure, &started), 0);
	local_agents_list(started, items);
	assert_int_equal(kill((pid_t)items[1].pid, SIGKILL), 0);
	await_end(started);
	assert_true(local_agents_reap(started, &end));
	assert_int_equal(local_agents_find(&place.config, items, AGENTS, &failure, &found), 0);
	assert_int_equal(local_agents_start_missing(found, &failure), 0);
	local_agents_list(found, again);
	assert_int_equal(again[0].pid, items[0].pid);
	assert_true(again[1].pid != items[1].pid || again[1].started != items[1].started);
	assert_int_equal(local_agents_alive(found), AGENTS);
	assert_false(local_agents_reap(found, &end));
	local_agents_stop(found, 0, -1);
	assert_int_equal(kill((pid_t)again[1].pid, 0), -1);
	local_agents_stop(started, 0, -1);
	close_place(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_how_an_agent_ended_is_told_once),
	        cmocka_unit_test(test_agents_are_found_again_by_number_and_start_time),
	        cmocka_unit_test(test_those_that_are_missing_are_started_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
