/* SPDX-License-Identifier: Apache-2.0 */
/* peers.h: what is kept of peers is found again, bounded and released. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/base/random.h"
#include "common/link/peers.h"
#include "common/wire/fields.h"

static struct incarnation number(uint64_t n)
{
	struct incarnation id;
	struct random random;

	random_seed(&random, n);
	random_fill(&random, id.bytes, sizeof(id.bytes));
	return id;
}

static void test_peers_are_found_by_id_in_any_order(void **state)
{
	enum { COUNT = 500 };
	struct peers peers = {0};

	(void)state;
	for (uint64_t i = 0; i < COUNT; i++) {
		const struct incarnation id = number(i);
		struct peer *peer;

		assert_null(peers_find(&peers, &id));
		peer = peers_get(&peers, &id);
		assert_ptr_equal(peers_get(&peers, &id), peer);
		assert_ptr_equal(peers_find(&peers, &id), peer);
	}
	for (uint64_t i = 0; i < COUNT; i += 2) {
		const struct incarnation id = number(i);

		peers_remove(&peers, &id);
		peers_remove(&peers, &id);
	}
	assert_int_equal(peers.count, COUNT / 2);
	for (uint64_t i = 0; i < COUNT; i++) {
		const struct incarnation id = number(i);

		assert_int_equal(peers_find(&peers, &id) != NULL, i % 2);
	}
	peers_deinit(&peers);
}

static void test_peers_past_the_limit_replace_the_one_longest_unheard_of(void **state)
{
	struct peers peers = {0};
	const struct incarnation first = number(0), second = number(1);
	const uint8_t frame[] = {0xc0}, *data;
	size_t size;

	(void)state;
	for (uint64_t i = 0; i < LIMIT_AGENTS; i++) {
		const struct incarnation id = number(i);

		assert_non_null(peers_get(&peers, &id));
	}
	assert_int_equal(peers_take(&peers, peers_find(&peers, &first), frame, sizeof(frame), &data, &size), 1);
	for (uint64_t i = LIMIT_AGENTS; i < LIMIT_AGENTS + 2; i++) {
		const struct incarnation id = number(i);

		assert_non_null(peers_get(&peers, &id));
	}
	assert_int_equal(peers.count, LIMIT_AGENTS);
	assert_non_null(peers_find(&peers, &first));
	assert_null(peers_find(&peers, &second));
	peers_deinit(&peers);
}

static void take_first_part(struct peers *peers, const struct incarnation *id, const uint8_t *data, size_t data_size)
{
	const struct part part = {.count = 2, .data = data, .size = data_size};
	struct buffer frame = {0};
	const uint8_t *whole;
	size_t size;

	assert_int_equal(codec_write(PART_TYPE, &part_record, &part, &frame), 0);
	assert_int_equal(peers_take(peers, peers_get(peers, id), frame.data, frame.size, &whole, &size), 0);
	buffer_deinit(&frame);
}

static void test_peers_hold_a_bounded_number_of_bytes_of_unfinished_messages(void **state)
{
	enum { ROOM = 16, PEERS = ROOM + 5 };
	const size_t others =
	        LIMIT_ASSEMBLED_BYTES - ROOM * LIMIT_MESSAGE_BYTES; /* as if others held all but this room */
	uint8_t *data = calloc(1, LIMIT_PART_BYTES);
	struct peers peers = {.held_bytes = others};
	uint32_t holding = 0;

	(void)state;
	for (uint64_t i = 0; i < PEERS; i++) {
		const struct incarnation id = number(i);

		take_first_part(&peers, &id, data, LIMIT_PART_BYTES);
		assert_true(peers.held_bytes <= LIMIT_ASSEMBLED_BYTES);
	}
	for (uint64_t i = 0; i < PEERS; i++) {
		const struct incarnation id = number(i);

		holding += assembler_held(peers_find(&peers, &id)->assembler) > 0;
		assert_true(i >= PEERS - ROOM || holding == 0); /* the oldest went */
	}
	assert_int_equal(holding, ROOM);
	while (peers.count > 0) {
		const struct incarnation id = peers.items[0]->id;

		peers_remove(&peers, &id);
	}
	assert_int_equal(peers.held_bytes, others);
	peers_deinit(&peers);
	free(data);
}

static void test_peers_queue_in_order_and_count_what_they_hold(void **state)
{
	struct peers peers = {0};
	const struct incarnation id = number(1), other = number(2);
	struct peer *peer = peers_get(&peers, &id);

	(void)state;
	assert_int_equal(peers_queue(&peers, peer, (const uint8_t *)"abc", 3), 0);
	assert_int_equal(peers_queue(&peers, peer, (const uint8_t *)"de", 2), 0);
	assert_int_equal(peers_queue(&peers, peers_get(&peers, &other), (const uint8_t *)"f", 1), 0);
	assert_int_equal(peer->queued_bytes, 5);
	assert_int_equal(peers.queued_bytes, 6);
	assert_memory_equal(peer->first->data, "abc", 3);
	peers_dequeue(&peers, peer);
	assert_memory_equal(peer->first->data, "de", 2);
	peers_dequeue(&peers, peer);
	assert_null(peer->first);
	assert_int_equal(peers_queue(&peers, peer, (const uint8_t *)"g", 1), 0);
	assert_memory_equal(peer->first->data, "g", 1);
	peers_remove(&peers, &id);
	assert_int_equal(peers.queued_bytes, 1);
	peers_deinit(&peers);
}

static void test_peers_have_room_up_to_the_limits(void **state)
{
	struct queued waiting;
	struct peer busy = {.first = &waiting, .queued_bytes = LIMIT_WHOLE_BYTES - 10}, idle = {0};
	struct peers peers = {0};

	(void)state;
	assert_true(peers_has_room(&peers, NULL, LIMIT_WHOLE_BYTES));
	assert_true(peers_has_room(&peers, &idle, LIMIT_WHOLE_BYTES));
	assert_true(peers_has_room(&peers, &busy, 10));
	assert_false(peers_has_room(&peers, &busy, 11));
	peers.queued_bytes = LIMIT_ASSEMBLED_BYTES - 5;
	assert_true(peers_has_room(&peers, &idle, 5));
	assert_false(peers_has_room(&peers, &idle, 6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_peers_are_found_by_id_in_any_order),
	        cmocka_unit_test(test_peers_past_the_limit_replace_the_one_longest_unheard_of),
	        cmocka_unit_test(test_peers_hold_a_bounded_number_of_bytes_of_unfinished_messages),
	        cmocka_unit_test(test_peers_queue_in_order_and_count_what_they_hold),
	        cmocka_unit_test(test_peers_have_room_up_to_the_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
