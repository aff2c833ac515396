/* SPDX-License-Identifier: Apache-2.0 */
/* link.h: whole messages go both ways over real sockets; what a peer does wrong is refused, counted and survived. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <zmq.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/link/link_internal.h"
#include "common/wire/codec.h"

enum { PATIENCE_MS = 10000, A_MOMENT_MS = 50 };

static const struct incarnation first_agent = {"incarnation-0001"}, second_agent = {"incarnation-0002"};

static struct link *open_link(const char *address, const struct incarnation *incarnation)
{
	const struct link_config config = {
	        .address = address,
	        .listen = !incarnation,
	        .incarnation = incarnation ? *incarnation : (struct incarnation){{0}},
	};
	struct failure failure = {0};
	struct link *link = NULL;

	if (link_open(&config, &failure, &link) < 0)
		fail_msg("%s", failure.text);
	return link;
}

static struct link *open_listener(void)
{
	return open_link("127.0.0.1:0", NULL);
}

/* The next message of `to`, while `from` (may be NULL) sends what it has queued. */
static int receive_within(struct link *to, struct link *from, int patience_ms, struct message *ret_message,
                          struct failure *failure)
{
	uint64_t deadline_ns = clock_now_ns() + (uint64_t)patience_ms * NS_PER_MS;
	int r;

	while ((r = link_receive(to, ret_message, failure)) == -EAGAIN && clock_now_ns() < deadline_ns) {
		if (from)
			link_flush(from);
		assert_int_equal(link_wait(to, NULL, 0, from ? 1 : patience_ms), 0);
	}
	return r;
}

static void receive(struct link *to, struct link *from, struct message *ret_message)
{
	struct failure failure = {0};
	int r = receive_within(to, from, PATIENCE_MS, ret_message, &failure);

	if (r < 0)
		fail_msg("%d: %s", r, failure.text);
}

static struct message ping(uint64_t id, const struct incarnation *to)
{
	return (struct message){
	        .type = MESSAGE_PING, .incarnation = *to, .ping = {.id = id, .sent_ns = clock_now_ns()}};
}

static struct message pong(uint64_t id)
{
	return (struct message){.type = MESSAGE_PONG, .ping = {.id = id}};
}

/* Lets the listener hear of the agent. */
static void meet(struct link *listener, struct link *agent)
{
	const struct message message = pong(0);
	struct message received;

	assert_int_equal(link_send(agent, &message), 0);
	receive(listener, agent, &received);
	assert_int_equal(received.type, MESSAGE_PONG);
}

/* The same where the connection may have just ended: what was on its way is lost, so an agent says it again. */
static void meet_again(struct link *listener, struct link *agent)
{
	uint64_t deadline_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;
	const struct message message = pong(0);
	struct message received = {0};

	do
		assert_int_equal(link_send(agent, &message), 0);
	while (receive_within(listener, agent, A_MOMENT_MS, &received, NULL) < 0 && clock_now_ns() < deadline_ns);
	assert_int_equal(received.type, MESSAGE_PONG);
}

/* Cells in a message that no frame holds. */
static struct message large(const struct incarnation *to, uint8_t *data, size_t size, struct wire_cell *cells,
                            uint32_t count)
{
	struct message message = {.type = MESSAGE_SNAPSHOT, .incarnation = *to};

	for (uint32_t i = 0; i < count; i++)
		cells[i] = (struct wire_cell){.series_id = i, .data = data + size / count * i, .size = size / count};
	message.snapshot.seq = 1;
	message.snapshot.cells = cells;
	message.snapshot.cell_count = count;
	return message;
}

static void assert_same_cells(const struct message *a, const struct message *b)
{
	assert_int_equal(a->snapshot.cell_count, b->snapshot.cell_count);
	for (uint32_t i = 0; i < a->snapshot.cell_count; i++) {
		assert_int_equal(a->snapshot.cells[i].size, b->snapshot.cells[i].size);
		assert_memory_equal(a->snapshot.cells[i].data, b->snapshot.cells[i].data, a->snapshot.cells[i].size);
	}
}

static void test_link_carries_messages_both_ways_and_says_who_sent_them(void **state)
{
	struct link *listener = open_listener();
	struct link *first = open_link(link_address(listener), &first_agent);
	struct link *second = open_link(link_address(listener), &second_agent);
	struct message message, received;

	(void)state;
	meet(listener, first);
	meet(listener, second);
	message = pong(7);
	assert_int_equal(link_send(second, &message), 0);
	receive(listener, NULL, &received);
	assert_true(incarnation_equal(&received.incarnation, &second_agent));
	assert_int_equal(received.pong.id, 7);
	message = ping(8, &first_agent);
	assert_int_equal(link_send(listener, &message), 0);
	receive(first, NULL, &received);
	assert_int_equal(received.ping.id, 8);
	assert_true(incarnation_equal(&received.incarnation, &first_agent));
	assert_int_equal(receive_within(second, NULL, A_MOMENT_MS, &received, NULL), -EAGAIN);
	assert_int_equal(link_counters(listener).received, 3);
	assert_int_equal(link_counters(listener).sent, 1);
	assert_int_equal(link_counters(listener).refused, 0);
	assert_null(link_close(second));
	assert_null(link_close(first));
	assert_null(link_close(listener));
	assert_null(link_close(NULL));
}

static void test_link_carries_a_large_message_whole_in_both_directions(void **state)
{
	enum { SIZE = 12 * 1024 * 1024, CELLS = 40 };
	struct link *listener = open_listener();
	struct link *agent = open_link(link_address(listener), &first_agent);
	uint8_t *data = malloc(SIZE);
	struct wire_cell cells[CELLS];
	struct message message, received, after = pong(1);

	(void)state;
	for (size_t i = 0; i < SIZE; i++)
		data[i] = (uint8_t)(i * 7 + i / 60001);
	meet(listener, agent);
	message = large(&first_agent, data, SIZE, cells, CELLS);
	for (int way = 0; way < 2; way++) {
		struct link *from = way ? listener : agent, *to = way ? agent : listener;

		after.incarnation = first_agent;
		assert_int_equal(link_send(from, &message), 0);
		assert_int_equal(link_send(from, &after), 0);
		receive(to, from, &received);
		assert_int_equal(received.type, MESSAGE_SNAPSHOT);
		assert_same_cells(&received, &message);
		message_deinit(&received);
		receive(to, from, &received);
		assert_int_equal(received.type, MESSAGE_PONG);
	}
	assert_true(link_counters(listener).received_bytes > SIZE);
	assert_true(link_counters(listener).sent_bytes > SIZE);
	free(data);
	link_close(agent);
	link_close(listener);
}

static void test_link_queues_for_a_slow_peer_up_to_the_limit_and_keeps_order(void **state)
{
	enum { SIZE = 4 * 1024 * 1024, CELLS = 16 };
	struct link *listener = open_listener();
	struct link *slow = open_link(link_address(listener), &first_agent);
	struct link *other = open_link(link_address(listener), &second_agent);
	uint8_t *data = calloc(1, SIZE);
	struct wire_cell cells[CELLS];
	struct message message, received;
	uint64_t accepted = 0;
	int r = 0;

	(void)state;
	meet(listener, slow);
	meet(listener, other);
	message = large(&first_agent, data, SIZE, cells, CELLS);
	for (uint64_t seq = 1; seq < 100 && r == 0; seq++) {
		message.snapshot.seq = seq;
		r = link_send(listener, &message);
		accepted += r == 0;
	}
	assert_int_equal(r, -EAGAIN);
	assert_in_range(accepted, LIMIT_WHOLE_BYTES / SIZE - 1, LIMIT_WHOLE_BYTES / SIZE + 20);
	message = ping(1, &second_agent); /* one peer's queue is no other's */
	assert_int_equal(link_send(listener, &message), 0);
	receive(other, listener, &received);
	for (uint64_t seq = 1; seq <= accepted; seq++) {
		receive(slow, listener, &received);
		assert_int_equal(received.snapshot.seq, seq);
		message_deinit(&received);
	}
	message = ping(2, &first_agent);
	assert_int_equal(link_send(listener, &message), 0);
	receive(slow, listener, &received);
	assert_int_equal(received.ping.id, 2);
	free(data);
	link_close(other);
	link_close(slow);
	link_close(listener);
}

static void test_link_forgets_what_it_queued(void **state)
{
	enum { SIZE = 8 * 1024 * 1024, CELLS = 32 };
	struct link *listener = open_listener();
	struct link *agent = open_link(link_address(listener), &first_agent);
	uint8_t *data = calloc(1, SIZE);
	struct wire_cell cells[CELLS];
	struct message message = large(&first_agent, data, SIZE, cells, CELLS), received;
	struct failure failure;

	(void)state;
	meet(listener, agent);
	assert_int_equal(link_send(listener, &message), 0);
	link_forget(listener, &first_agent);
	link_forget(listener, &second_agent); /* unknown: nothing happens */
	message = ping(3, &first_agent);
	assert_int_equal(link_send(listener, &message), 0);
	receive(agent, listener, &received); /* the parts that had left are dropped for what comes after */
	assert_int_equal(received.type, MESSAGE_PING);
	assert_int_equal(receive_within(agent, listener, A_MOMENT_MS, &received, &failure), -EAGAIN);
	free(data);
	link_close(agent);
	link_close(listener);
}

static void test_link_tells_of_a_peer_that_is_not_there(void **state)
{
	struct link *listener = open_listener();
	const struct message message = ping(1, &first_agent);

	(void)state;
	assert_int_equal(link_send(listener, &message), -EHOSTUNREACH);
	link_close(listener);
}

static void test_link_does_not_send_what_its_peer_would_refuse(void **state)
{
	struct link *listener = open_listener();
	const struct message message = {
	        .type = MESSAGE_BEGIN, .incarnation = first_agent, .begin = {.scenario = LIMIT_PLAN_SCENARIOS}};

	(void)state;
	assert_int_equal(link_send(listener, &message), -EINVAL);
	link_close(listener);
}

static void test_link_open_says_why_it_can_not(void **state)
{
	static const struct {
		const char *address;
		_Bool listen;
		int expected;
		const char *reason;
	} cases[] = {
	        {"127.0.0.1", 0, -EINVAL, "expected HOST:PORT"},
	        {"0.0.0.0:0", 1, -EPERM, "--insecure on both sides"},
	        {"*:0", 1, -EPERM, "the link needs keys (--keys DIR; \"stampede keys\" makes them)"},
	        {"192.0.2.1:5555", 0, -EPERM, "192.0.2.1:5555 is not a loopback address"},
	        {"192.0.2.1:5555", 0, -EPERM, "--key FILE --server-key FILE"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct link_config config = {.address = cases[i].address, .listen = cases[i].listen};
		struct failure failure = {0};
		struct link *link = NULL;

		assert_int_equal(link_open(&config, &failure, &link), cases[i].expected);
		assert_null(link);
		if (!strstr(failure.text, cases[i].reason))
			fail_msg("\"%s\" doesn't say \"%s\"", failure.text, cases[i].reason);
	}
}

static void test_link_open_finds_an_address_that_is_taken(void **state)
{
	struct link *listener = open_listener(), *again = NULL;
	const struct link_config config = {.address = link_address(listener), .listen = 1};
	struct failure failure = {0};

	(void)state;
	assert_int_equal(link_open(&config, &failure, &again), -EADDRINUSE);
	assert_non_null(strstr(failure.text, link_address(listener)));
	link_close(listener);
}

static void test_link_listens_on_every_interface_when_told_to_be_insecure(void **state)
{
	const struct link_config config = {.address = "*:0", .listen = 1, .insecure = 1};
	struct link *listener = NULL, *agent;
	char address[64];

	(void)state;
	assert_int_equal(link_open(&config, NULL, &listener), 0);
	snprintf(address, sizeof(address), "127.0.0.1:%s", strrchr(link_address(listener), ':') + 1);
	agent = open_link(address, &first_agent);
	meet(listener, agent);
	assert_null(strchr(link_address(listener), '*'));
	link_close(agent);
	link_close(listener);
}

static void test_link_leaves_signals_to_the_program(void **state)
{
	struct sigaction before_int, before_term, after_int, after_term;
	struct link *listener;

	(void)state;
	sigaction(SIGINT, NULL, &before_int);
	sigaction(SIGTERM, NULL, &before_term);
	listener = open_listener();
	sigaction(SIGINT, NULL, &after_int);
	sigaction(SIGTERM, NULL, &after_term);
	assert_ptr_equal(before_int.sa_handler, after_int.sa_handler);
	assert_ptr_equal(before_term.sa_handler, after_term.sa_handler);
	link_close(listener);
}

/* A peer that isn't ours. */
struct stranger {
	void *context, *socket;
};

static struct stranger open_stranger(const char *address, const char *id)
{
	struct stranger stranger = {.context = zmq_ctx_new()};
	int linger_ms = 1000;

	stranger.socket = zmq_socket(stranger.context, ZMQ_DEALER);
	zmq_setsockopt(stranger.socket, ZMQ_LINGER, &linger_ms, sizeof(linger_ms));
	if (id)
		assert_int_equal(zmq_setsockopt(stranger.socket, ZMQ_ROUTING_ID, id, strlen(id)), 0);
	assert_int_equal(zmq_connect(stranger.socket, address), 0);
	return stranger;
}

static void close_stranger(struct stranger *stranger)
{
	zmq_close(stranger->socket);
	zmq_ctx_term(stranger->context);
}

static void assert_refuses(struct link *listener, const char *reason)
{
	uint64_t refused = link_counters(listener).refused;
	struct failure failure = {0};
	struct message message;

	assert_int_equal(receive_within(listener, NULL, PATIENCE_MS, &message, &failure), -EBADMSG);
	if (!strstr(failure.text, reason))
		fail_msg("\"%s\" doesn't say \"%s\"", failure.text, reason);
	assert_int_equal(link_counters(listener).refused, refused + 1);
}

static void send_encoded(struct stranger *stranger, const struct message *message, int flags)
{
	struct buffer buffer = {0};

	assert_int_equal(codec_encode(message, &buffer), 0);
	assert_int_equal(zmq_send(stranger->socket, buffer.data, buffer.size, flags), (int)buffer.size);
	buffer_deinit(&buffer);
}

static void test_link_refuses_and_counts_what_is_wrong_and_goes_on(void **state)
{
	struct link *listener = open_listener();
	struct stranger stranger = open_stranger(link_address(listener), "incarnation-0003");
	struct stranger nameless = open_stranger(link_address(listener), NULL);
	struct stranger short_one = open_stranger(link_address(listener), "short");
	struct message message = pong(1), received;

	(void)state;
	zmq_send(stranger.socket, "rubbish", 7, 0);
	assert_refuses(listener, "agent 696e6361726e6174696f6e2d30303033: a frame of 7 bytes that is broken");
	zmq_send(stranger.socket, "\x81\xa1t\xa4none", 8, 0);
	assert_refuses(listener, "unknown message \"none\"");
	zmq_send(stranger.socket, "", 0, 0);
	assert_refuses(listener, "a frame of 0 bytes");
	message.incarnation = first_agent;
	send_encoded(&stranger, &message, 0);
	assert_refuses(listener, "pong: a message that claims to be from incarnation 696e6361726e6174696f6e2d30303031");
	memcpy(message.incarnation.bytes, "incarnation-0003", INCARNATION_SIZE);
	send_encoded(&stranger, &message, ZMQ_SNDMORE);
	send_encoded(&stranger, &message, 0);
	assert_refuses(listener, "a message of more than one frame");
	send_encoded(&nameless, &message, 0);
	assert_refuses(listener, "a routing id of 5 bytes, 16 are due");
	send_encoded(&short_one, &message, ZMQ_SNDMORE);
	send_encoded(&short_one, &message, 0);
	assert_refuses(listener, "a routing id of 5 bytes, 16 are due");
	send_encoded(&stranger, &message, 0);
	receive(listener, NULL, &received);
	assert_int_equal(received.pong.id, 1);
	close_stranger(&short_one);
	close_stranger(&nameless);
	close_stranger(&stranger);
	link_close(listener);
}

static void test_link_drops_a_peer_with_a_frame_over_the_limit_and_hears_it_again(void **state)
{
	struct link *listener = open_listener();
	struct stranger stranger = open_stranger(link_address(listener), "incarnation-0003");
	uint64_t deadline_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;
	uint8_t *oversized = calloc(1, LIMIT_MESSAGE_BYTES + 1);
	struct message message = pong(1), received = {0};

	(void)state;
	memcpy(message.incarnation.bytes, "incarnation-0003", INCARNATION_SIZE);
	zmq_send(stranger.socket, oversized, LIMIT_MESSAGE_BYTES + 1, 0);
	/* The connection ends, and what was sent right after may go down with it. */
	do
		send_encoded(&stranger, &message, 0);
	while (receive_within(listener, NULL, A_MOMENT_MS, &received, NULL) < 0 && clock_now_ns() < deadline_ns);
	assert_int_equal(received.pong.id, 1);
	assert_true(link_counters(listener).received_bytes < LIMIT_MESSAGE_BYTES);
	free(oversized);
	close_stranger(&stranger);
	link_close(listener);
}

/* Serves the link, without taking a message, for a while or until a peer is refused. */
static void stand_still(struct link *link, struct link *from, int patience_ms)
{
	uint64_t deadline_ns = clock_now_ns() + (uint64_t)patience_ms * NS_PER_MS;

	while (link_counters(link).refused == 0 && clock_now_ns() < deadline_ns) {
		link_flush(link);
		link_flush(from);
		poll(NULL, 0, 1);
	}
}

static void test_link_ends_a_connection_that_brings_more_than_it_gives_out(void **state)
{
	struct link *listener = open_listener(), *agent = open_link(link_address(listener), &first_agent);
	struct stranger stranger = open_stranger(link_address(listener), "incarnation-0003");
	uint8_t *frame = calloc(1, LIMIT_MESSAGE_BYTES);
	struct failure failure = {0};
	struct message message;

	(void)state;
	meet(listener, agent);
	for (int i = 0; i < 4 * INFLOW_BYTES / LIMIT_MESSAGE_BYTES; i++)
		zmq_send(stranger.socket, frame, LIMIT_MESSAGE_BYTES, ZMQ_SNDMORE);
	zmq_send(stranger.socket, "", 0, 0);
	stand_still(listener, agent, PATIENCE_MS);
	assert_int_equal(link_counters(listener).refused, 1);
	assert_int_equal(link_receive(listener, &message, &failure), -EACCES);
	assert_non_null(strstr(failure.text, "without an end"));
	free(frame);
	close_stranger(&stranger);
	meet_again(listener, agent);
	link_close(agent);
	link_close(listener);
}

static void test_link_lets_a_peer_wait_that_is_not_heard(void **state)
{
	struct link *listener = open_listener(), *agent = open_link(link_address(listener), &first_agent);
	uint8_t *data = calloc(1, 4 * INFLOW_BYTES);
	struct wire_cell cells[32];
	struct message message = large(&first_agent, data, 4 * INFLOW_BYTES, cells, 32), received;

	(void)state;
	for (int i = 0; i < 3; i++) {
		meet(listener, agent);
		assert_int_equal(link_send(agent, &message), 0);
		stand_still(listener, agent, 3 * INFLOW_LOOK_MS);
		receive(listener, agent, &received);
		assert_same_cells(&message, &received);
		message_deinit(&received);
	}
	assert_int_equal(link_counters(listener).refused, 0);
	free(data);
	link_close(agent);
	link_close(listener);
}

static void test_link_reconnects_to_a_coordinator_that_comes_back(void **state)
{
	struct link *listener = open_listener();
	char *address = strdup(link_address(listener));
	struct link *agent = open_link(address, &first_agent);

	(void)state;
	meet(listener, agent);
	link_close(listener);
	for (int i = 0; i < 500; i++) { /* ZeroMQ closes the port in the background */
		const struct link_config config = {.address = address, .listen = 1};

		if (link_open(&config, NULL, &listener) == 0)
			break;
		assert_int_equal(link_wait(agent, NULL, 0, 10), 0);
		assert_true(i < 499);
	}
	meet_again(listener, agent);
	free(address);
	link_close(agent);
	link_close(listener);
}

static void test_link_gives_what_came_before_its_connection_ended(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		struct link *listener = open_listener();
		struct link *agent = open_link(link_address(listener), &first_agent);
		struct message message = ping(7, &first_agent), received;

		meet(listener, agent);
		assert_int_equal(link_send(listener, &message), 0);
		link_close(listener);
		/* The agent looks when it has heard of the end. */
		for (int j = 0; j < PATIENCE_MS && agent->guard.connected; j++) {
			link_flush(agent);
			poll(NULL, 0, 1);
		}
		assert_int_equal(link_wait(agent, NULL, 0, 0), 0);
		receive(agent, NULL, &received);
		assert_int_equal(received.ping.id, 7);
		link_close(agent);
	}
}

static void test_link_drops_what_waits_for_a_coordinator_that_is_away(void **state)
{
	struct link *listener = open_listener();
	char *address = strdup(link_address(listener));
	struct link *agent;
	struct message message = {.type = MESSAGE_PONG}, received;

	(void)state;
	link_close(listener);
	agent = open_link(address, &first_agent);
	/* More than ZeroMQ would keep, and each is dropped for the one after it. */
	for (uint64_t i = 1; i <= 30; i++) {
		link_forget(agent, &first_agent);
		message.pong.id = i;
		assert_int_equal(link_send(agent, &message), 0);
		assert_int_equal(link_wait(agent, NULL, 0, 1), 0);
	}
	assert_int_equal(link_open(&(struct link_config){.address = address, .listen = 1}, NULL, &listener), 0);
	receive(listener, agent, &received);
	assert_int_equal(received.pong.id, 30);
	free(address);
	link_close(agent);
	link_close(listener);
}

static void test_link_gives_an_identity_to_the_newest_that_has_it(void **state)
{
	struct link *listener = open_listener();
	struct link *old = open_link(link_address(listener), &first_agent), *new;
	const struct message message = ping(5, &first_agent);
	struct message received;

	(void)state;
	meet(listener, old);
	new = open_link(link_address(listener), &first_agent);
	meet(listener, new);
	assert_int_equal(link_send(listener, &message), 0);
	receive(new, NULL, &received);
	assert_int_equal(received.ping.id, 5);
	link_close(new);
	link_close(old);
	link_close(listener);
}

static void test_link_wait_tells_descriptors_messages_and_time(void **state)
{
	struct link *listener = open_listener();
	struct link *agent = open_link(link_address(listener), &first_agent);
	struct pollfd fds[2] = {{.fd = eventfd(0, EFD_CLOEXEC), .events = POLLIN},
	                        {.fd = eventfd(0, EFD_CLOEXEC), .events = POLLIN}};
	const struct message message = pong(1);
	uint64_t start_ns = clock_now_ns(), one = 1;
	struct message received;

	(void)state;
	meet(listener, agent);
	assert_int_equal(link_wait(listener, fds, 2, 20), 0);
	assert_true(clock_now_ns() - start_ns >= 20 * NS_PER_MS);
	assert_int_equal(fds[0].revents | fds[1].revents, 0);
	assert_int_equal(write(fds[1].fd, &one, sizeof(one)), sizeof(one));
	assert_int_equal(link_wait(listener, fds, 2, -1), 0);
	assert_int_equal(fds[0].revents, 0);
	assert_int_equal(fds[1].revents, POLLIN);
	/* With a message waiting, descriptors are still looked at. */
	assert_int_equal(link_send(agent, &message), 0);
	receive(listener, NULL, &received);
	assert_int_equal(link_send(agent, &message), 0);
	assert_int_equal(link_wait(listener, NULL, 0, -1), 0);
	assert_int_equal(link_wait(listener, fds, 2, -1), 0);
	assert_int_equal(fds[1].revents, POLLIN);
	receive(listener, NULL, &received);
	close(fds[0].fd);
	close(fds[1].fd);
	link_close(agent);
	link_close(listener);
}

/* An agent on a thread of its own, as the programs have it: each link on one thread. */
struct echo {
	const char *address;
	struct incarnation incarnation;
	uint64_t count;
};

static void *run_echo(void *context)
{
	struct echo *echo = context;
	const struct link_config config = {.address = echo->address, .incarnation = echo->incarnation};
	const struct message hello = pong(0);
	struct message message = {0};
	struct link *link;

	if (link_open(&config, NULL, &link) < 0)
		return NULL;
	link_send(link, &hello);
	while (receive_within(link, NULL, PATIENCE_MS, &message, NULL) == 0 && message.type == MESSAGE_PING) {
		const struct message answer = pong(message.ping.id);

		link_send(link, &answer);
		echo->count++;
	}
	message_deinit(&message);
	link_close(link);
	return NULL;
}

static void test_link_serves_agents_on_threads_of_their_own(void **state)
{
	enum { AGENTS = 4, ROUNDS = 50 };
	struct link *listener = open_listener();
	struct echo echoes[AGENTS];
	pthread_t threads[AGENTS];
	struct message message;

	(void)state;
	for (int i = 0; i < AGENTS; i++) {
		echoes[i] = (struct echo){.address = link_address(listener), .incarnation = {"incarnation-100"}};
		echoes[i].incarnation.bytes[15] = (uint8_t)i;
		assert_int_equal(pthread_create(&threads[i], NULL, run_echo, &echoes[i]), 0);
	}
	for (int left = AGENTS * (ROUNDS + 1); left > 0; left--) {
		struct message next;

		receive(listener, NULL, &message);
		next = ping(message.pong.id + 1, &message.incarnation);
		if (message.pong.id == ROUNDS)
			next = (struct message){.type = MESSAGE_STOP, .incarnation = message.incarnation};
		assert_int_equal(link_send(listener, &next), 0);
	}
	for (int i = 0; i < AGENTS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(echoes[i].count, ROUNDS);
	}
	link_close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_link_carries_messages_both_ways_and_says_who_sent_them),
	        cmocka_unit_test(test_link_carries_a_large_message_whole_in_both_directions),
	        cmocka_unit_test(test_link_queues_for_a_slow_peer_up_to_the_limit_and_keeps_order),
	        cmocka_unit_test(test_link_forgets_what_it_queued),
	        cmocka_unit_test(test_link_tells_of_a_peer_that_is_not_there),
	        cmocka_unit_test(test_link_does_not_send_what_its_peer_would_refuse),
	        cmocka_unit_test(test_link_open_says_why_it_can_not),
	        cmocka_unit_test(test_link_open_finds_an_address_that_is_taken),
	        cmocka_unit_test(test_link_listens_on_every_interface_when_told_to_be_insecure),
	        cmocka_unit_test(test_link_leaves_signals_to_the_program),
	        cmocka_unit_test(test_link_refuses_and_counts_what_is_wrong_and_goes_on),
	        cmocka_unit_test(test_link_drops_a_peer_with_a_frame_over_the_limit_and_hears_it_again),
	        cmocka_unit_test(test_link_ends_a_connection_that_brings_more_than_it_gives_out),
	        cmocka_unit_test(test_link_lets_a_peer_wait_that_is_not_heard),
	        cmocka_unit_test(test_link_reconnects_to_a_coordinator_that_comes_back),
	        cmocka_unit_test(test_link_gives_what_came_before_its_connection_ended),
	        cmocka_unit_test(test_link_drops_what_waits_for_a_coordinator_that_is_away),
	        cmocka_unit_test(test_link_gives_an_identity_to_the_newest_that_has_it),
	        cmocka_unit_test(test_link_wait_tells_descriptors_messages_and_time),
	        cmocka_unit_test(test_link_serves_agents_on_threads_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
