/* SPDX-License-Identifier: Apache-2.0 */
/* link.h with keys: who has a listed key talks; everyone else is turned away, counted and told of, and hears why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "common/base/clock.h"
#include "common/link/link.h"

enum { PATIENCE_MS = 10000, TURN_MS = 5 };

static const struct incarnation agent_id = {"incarnation-0001"}, other_id = {"incarnation-0002"};

/* A coordinator, an agent that it lists, and a stranger that it doesn't. */
struct setting {
	struct link_keys coordinator, agent, stranger;
	struct link *listener;
};

static int setup(void **state)
{
	struct setting *setting = calloc(1, sizeof(*setting));
	struct link_keys *const all[] = {&setting->coordinator, &setting->agent, &setting->stranger};

	for (int i = 0; i < 3; i++) {
		if (key_pair_make(&all[i]->own) < 0)
			return -1;
		memcpy(all[i]->server_key, setting->coordinator.own.public_key, KEY_SIZE);
	}
	setting->coordinator.allowed = calloc(1, KEY_SIZE);
	memcpy(setting->coordinator.allowed[0], setting->agent.own.public_key, KEY_SIZE);
	setting->coordinator.allowed_count = 1;
	*state = setting;
	return 0;
}

static int teardown(void **state)
{
	struct setting *setting = *state;

	link_close(setting->listener);
	link_keys_deinit(&setting->coordinator);
	free(setting);
	return 0;
}

static struct link *open_link(const char *address, const struct incarnation *id, const struct link_keys *keys)
{
	const struct link_config config = {
	        .address = address, .listen = !id, .keys = keys, .incarnation = id ? *id : (struct incarnation){{0}}};
	struct failure failure = {0};
	struct link *link = NULL;

	if (link_open(&config, &failure, &link) < 0)
		fail_msg("%s", failure.text);
	return link;
}

static void listen_with(struct setting *setting, const struct link_keys *keys)
{
	setting->listener = open_link("127.0.0.1:0", NULL, keys);
}

static struct link *connect_with(struct setting *setting, const struct incarnation *id, const struct link_keys *keys)
{
	return open_link(link_address(setting->listener), id, keys);
}

/* Sends and serves both until the listener has this message of the agent's: one that it couldn't send before may come
 * first. */
static void meet(struct link *listener, struct link *agent)
{
	const struct message message = {.type = MESSAGE_PONG, .pong = {.id = 7}};
	uint64_t deadline_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;
	struct message received = {0};
	struct failure failure;

	while (link_receive(listener, &received, &failure) != 0 || received.pong.id != 7) {
		assert_true(clock_now_ns() < deadline_ns);
		link_send(agent, &message);
		link_wait(agent, NULL, 0, TURN_MS);
		link_receive(agent, &received, &failure);
		link_wait(listener, NULL, 0, TURN_MS);
	}
	assert_int_equal(received.type, MESSAGE_PONG);
}

/* Serves both until `told` tells of a handshake that failed; nothing of the agent's may come in. */
static void assert_told(struct link *listener, struct link *agent, struct link *told, const char *reason)
{
	const struct message message = {.type = MESSAGE_PONG};
	uint64_t deadline_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;
	struct message received;
	struct failure failure = {0}, ignored;
	int r = -EAGAIN;

	link_send(agent, &message);
	while (r == -EAGAIN && clock_now_ns() < deadline_ns) {
		struct link *other = told == agent ? listener : agent;

		link_wait(other, NULL, 0, TURN_MS);
		assert_int_not_equal(link_receive(other, &received, &ignored), 0);
		link_wait(told, NULL, 0, TURN_MS);
		r = link_receive(told, &received, &failure);
	}
	assert_int_equal(r, -EACCES);
	assert_int_equal(failure.code, -EACCES);
	if (!strstr(failure.text, reason))
		fail_msg("\"%s\" doesn't say \"%s\"", failure.text, reason);
}

static void test_closed_link_carries_messages_of_an_agent_that_is_listed(void **state)
{
	struct setting *setting = *state;
	const struct message message = {.type = MESSAGE_PING, .incarnation = agent_id, .ping = {.id = 3}};
	struct message received;
	struct link *agent;
	uint64_t deadline_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;

	listen_with(setting, &setting->coordinator);
	agent = connect_with(setting, &agent_id, &setting->agent);
	meet(setting->listener, agent);
	assert_int_equal(link_send(setting->listener, &message), 0);
	while (link_receive(agent, &received, NULL) == -EAGAIN) {
		assert_true(clock_now_ns() < deadline_ns);
		link_wait(agent, NULL, 0, PATIENCE_MS);
	}
	assert_int_equal(received.ping.id, 3);
	assert_int_equal(link_counters(setting->listener).refused, 0);
	assert_int_equal(link_counters(agent).refused, 0);
	link_close(agent);
}

static void test_closed_link_refuses_counts_and_names_a_key_that_is_not_listed(void **state)
{
	struct setting *setting = *state;
	struct link *stranger, *agent;

	listen_with(setting, &setting->coordinator);
	stranger = connect_with(setting, &other_id, &setting->stranger);
	assert_told(setting->listener, stranger, setting->listener, "a peer at 127.0.0.1 is refused");
	assert_int_equal(link_counters(setting->listener).refused, 1);
	assert_int_equal(link_counters(setting->listener).received, 0);
	agent = connect_with(setting, &agent_id, &setting->agent);
	meet(setting->listener, agent);
	link_close(agent);
	link_close(stranger);
}

static void test_closed_link_names_the_key_and_no_secret(void **state)
{
	struct setting *setting = *state;
	struct link *stranger;

	listen_with(setting, &setting->coordinator);
	stranger = connect_with(setting, &other_id, &setting->stranger);
	assert_told(setting->listener, stranger, setting->listener, setting->stranger.own.public_key);
	link_close(stranger);
}

static void test_closed_link_tells_an_agent_that_its_key_is_not_listed(void **state)
{
	struct setting *setting = *state;
	struct link *stranger;

	listen_with(setting, &setting->coordinator);
	stranger = connect_with(setting, &other_id, &setting->stranger);
	assert_told(setting->listener, stranger, stranger, "the coordinator refuses this agent's key");
	link_close(stranger);
}

static void test_closed_link_lets_a_refused_agent_in_once_it_is_listed(void **state)
{
	struct setting *setting = *state;
	struct link *stranger;

	listen_with(setting, &setting->coordinator);
	stranger = connect_with(setting, &other_id, &setting->stranger);
	assert_told(setting->listener, stranger, stranger, "refuses this agent's key");
	memcpy(setting->coordinator.allowed[0], setting->stranger.own.public_key, KEY_SIZE);
	meet(setting->listener, stranger);
	link_close(stranger);
}

static void test_closed_link_hears_nothing_of_plain_text(void **state)
{
	struct setting *setting = *state;
	struct link *plain;

	listen_with(setting, &setting->coordinator);
	plain = connect_with(setting, &other_id, NULL);
	assert_told(setting->listener, plain, setting->listener, "it speaks plain text");
	assert_true(link_counters(setting->listener).refused > 0);
	link_close(plain);
}

static void test_closed_link_tells_a_plain_agent_that_keys_are_wanted(void **state)
{
	struct setting *setting = *state;
	struct link *plain;

	listen_with(setting, &setting->coordinator);
	plain = connect_with(setting, &other_id, NULL);
	assert_told(setting->listener, plain, plain, "wants keys");
	link_close(plain);
}

static void test_closed_link_does_not_speak_with_a_plain_listener(void **state)
{
	struct setting *setting = *state;
	struct link *agent;

	listen_with(setting, NULL);
	agent = connect_with(setting, &agent_id, &setting->agent);
	assert_told(setting->listener, agent, setting->listener, "it uses keys, and this coordinator was given none");
	assert_int_equal(link_counters(setting->listener).received, 0);
	link_close(agent);
}

static void test_closed_link_refuses_an_agent_with_another_coordinators_key(void **state)
{
	struct setting *setting = *state;
	struct link *agent;

	listen_with(setting, &setting->coordinator);
	memcpy(setting->agent.server_key, setting->stranger.own.public_key, KEY_SIZE);
	agent = connect_with(setting, &agent_id, &setting->agent);
	assert_told(setting->listener, agent, agent, "--server-key is perhaps not its key");
	assert_true(link_counters(setting->listener).refused > 0);
	assert_int_equal(link_counters(setting->listener).received, 0);
	link_close(agent);
}

static void test_closed_link_has_one_listener_a_process_at_a_time(void **state)
{
	struct setting *setting = *state;
	const struct link_config config = {.address = "127.0.0.1:0", .listen = 1, .keys = &setting->coordinator};
	struct link *second = NULL;
	struct failure failure = {0};

	listen_with(setting, &setting->coordinator);
	assert_int_equal(link_open(&config, &failure, &second), -EBUSY);
	for (int i = 0; i < 20; i++) {
		setting->listener = link_close(setting->listener);
		listen_with(setting, &setting->coordinator);
	}
}

static void test_closed_link_needs_no_insecure_on_other_addresses(void **state)
{
	struct setting *setting = *state;
	struct link *agent;
	char address[64];

	setting->listener = open_link("0.0.0.0:0", NULL, &setting->coordinator);
	snprintf(address, sizeof(address), "127.0.0.1:%s", strrchr(link_address(setting->listener), ':') + 1);
	agent = open_link(address, &agent_id, &setting->agent);
	meet(setting->listener, agent);
	link_close(agent);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(test_closed_link_carries_messages_of_an_agent_that_is_listed),
	        TEST(test_closed_link_refuses_counts_and_names_a_key_that_is_not_listed),
	        TEST(test_closed_link_names_the_key_and_no_secret),
	        TEST(test_closed_link_tells_an_agent_that_its_key_is_not_listed),
	        TEST(test_closed_link_lets_a_refused_agent_in_once_it_is_listed),
	        TEST(test_closed_link_hears_nothing_of_plain_text),
	        TEST(test_closed_link_tells_a_plain_agent_that_keys_are_wanted),
	        TEST(test_closed_link_does_not_speak_with_a_plain_listener),
	        TEST(test_closed_link_refuses_an_agent_with_another_coordinators_key),
	        TEST(test_closed_link_has_one_listener_a_process_at_a_time),
	        TEST(test_closed_link_needs_no_insecure_on_other_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
