/* SPDX-License-Identifier: Apache-2.0 */
/* codec.h: what is sent arrives as it was; what is wrong is refused with the field's name. msgpack-c takes messages
 * apart and puts them together wrongly here, so that our reader is held against another one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <msgpack.h>

#include "common/base/limits.h"
#include "common/wire/codec.h"
#include "common/wire/fields.h"
#include "tests/unit/wire/samples.h"

static void encode_sample(enum message_type type, struct buffer *buffer)
{
	struct message message;

	sample_message(type, &message);
	assert_int_equal(codec_encode(&message, buffer), 0);
}

static void assert_encodes_to(const struct message *message, const struct buffer *expected)
{
	struct buffer again = {0};

	assert_int_equal(codec_encode(message, &again), 0);
	assert_int_equal(again.size, expected->size);
	assert_memory_equal(again.data, expected->data, expected->size);
	buffer_deinit(&again);
}

static void assert_refused(const uint8_t *data, size_t size, const char *reason)
{
	struct message untouched, message;
	struct failure failure = {0};

	memset(&untouched, 0x5a, sizeof(untouched));
	memcpy(&message, &untouched, sizeof(message));
	assert_int_equal(codec_decode(data, size, &failure, &message), -EBADMSG);
	assert_int_equal(failure.code, -EBADMSG);
	if (!strstr(failure.text, reason))
		fail_msg("\"%s\" doesn't say \"%s\"", failure.text, reason);
	assert_memory_equal(&message, &untouched, sizeof(message));
}

static void test_codec_every_message_arrives_as_it_was_sent(void **state)
{
	(void)state;
	for (enum message_type type = 1; type < MESSAGE_TYPE_COUNT; type++) {
		struct buffer buffer = {0};
		struct failure failure = {0};
		struct message message;

		encode_sample(type, &buffer);
		assert_int_equal(codec_scan(buffer.data, buffer.size), 0);
		if (codec_decode(buffer.data, buffer.size, &failure, &message) < 0)
			fail_msg("%s", failure.text);
		assert_int_equal(message.type, type);
		assert_encodes_to(&message, &buffer);
		message_deinit(&message);
		message_deinit(&message);
		buffer_deinit(&buffer);
	}
}

static void decode_sample(enum message_type type, struct message *ret_message)
{
	struct buffer buffer = {0};

	encode_sample(type, &buffer);
	assert_int_equal(codec_decode(buffer.data, buffer.size, NULL, ret_message), 0);
	memset(buffer.data, 0xee, buffer.size); /* a decoded message keeps nothing of the bytes */
	buffer_deinit(&buffer);
}

static void test_codec_fills_every_kind_of_field(void **state)
{
	struct message message;

	(void)state;
	decode_sample(MESSAGE_HELLO, &message);
	assert_string_equal(message.run_id, "1b4e28ba-2fa1-41d2-883f-0016d3cca427");
	assert_int_equal(message.incarnation.bytes[15], 0xff);
	assert_int_equal(message.epoch, 1);
	assert_string_equal(message.hello.cpu, "Example CPU @ 3.00GHz");
	assert_int_equal(message.hello.memory_bytes, UINT64_C(17179869184));
	assert_int_equal(message.hello.tag_count, 2);
	assert_string_equal(message.hello.tags[1].name, "disk");
	assert_string_equal(message.hello.tags[1].value, "");
	message_deinit(&message);

	decode_sample(MESSAGE_ASSIGN, &message);
	assert_string_equal(message.assign.plan, "scenarios:\n  ticks: { executor: constant-vus }\n");
	assert_int_equal(message.assign.plan_size, strlen(message.assign.plan));
	assert_int_equal(message.assign.shares[1].count, 2);
	assert_int_equal(message.assign.shares[1].capacity, 2);
	assert_int_equal(message.assign.shares[1].classes[1].modulus, 12);
	assert_int_equal(message.assign.shares[1].classes[1].residue, 10);
	assert_int_equal(message.assign.shares[2].count, 0);
	assert_null(message.assign.shares[2].classes);
	assert_int_equal(message.assign.connection_count, 2);
	assert_int_equal(message.assign.connections[1], 4);
	assert_int_equal(message.assign.moves[0].from_index, 12000);
	assert_int_equal(message.assign.moves[0].first_spare, 300);
	assert_int_equal(message.assign.moves[0].share.classes[0].modulus, 3);
	assert_int_equal(message.assign.extras[0].epoch, 3);
	assert_int_equal(message.assign.extras[0].iterations, 40);
	message_deinit(&message);

	decode_sample(MESSAGE_START, &message);
	assert_string_equal(message.start.values[0].name, "token");
	assert_string_equal(message.start.values[0].value, "t-123");
	message_deinit(&message);

	decode_sample(MESSAGE_DUTY, &message);
	assert_int_equal(message.duty.duty_count, 2);
	assert_int_equal(message.duty.duties[1], 5);
	assert_true(message.duty.closing);
	assert_int_equal(message.duty.verifier_count, 2);
	assert_int_equal(message.duty.verifiers[0].reader, 2);
	assert_true(message.duty.verifiers[0].resumes);
	assert_int_equal(message.duty.verifiers[0].positions[0].offset, 1000);
	assert_int_equal(message.duty.verifiers[1].position_count, 0);
	message_deinit(&message);

	decode_sample(MESSAGE_SEEN, &message);
	assert_int_equal(message.seen.seq, 1);
	assert_int_equal(message.seen.starts[1].partition, 1);
	assert_int_equal(message.seen.end_count, 1);
	assert_memory_equal(message.seen.seen, "abc", message.seen.seen_size);
	assert_string_equal(message.seen.problem, "partition 1: timed out");
	message_deinit(&message);

	decode_sample(MESSAGE_SNAPSHOT, &message);
	assert_int_equal(message.epoch, 1);
	assert_int_equal(message.snapshot.epoch, 2);
	assert_int_equal(message.snapshot.series[1].id, 5);
	assert_int_equal(message.snapshot.series[1].series.metric, METRIC_ERRORS);
	assert_true(message.snapshot.series[1].series.warmup);
	assert_string_equal(message.snapshot.series[1].series.label, "server|503|overloaded");
	assert_memory_equal(message.snapshot.cells[0].data, "\xe8\x07", 2);
	assert_int_equal(message.snapshot.scenarios[0].tally.dropped[DROP_MAX_DURATION], 1);
	assert_int_equal(message.snapshot.health.groups_folded, 7);
	assert_int_equal(message.snapshot.health.jump_ns, 600000000);
	assert_true(message.snapshot.last);
	message_deinit(&message);
}

/* The same message packed by msgpack-c, with something changed on the way. */
struct change {
	const char *field; /* NULL: none */
	enum { LEAVE_OUT, REPLACE, TWICE } how;
	const msgpack_object *value; /* REPLACE */
	_Bool reversed;
	_Bool extra; /* unknown fields at both ends */
};

static _Bool is_key(const msgpack_object *key, const char *name)
{
	return name && key->via.str.size == strlen(name) && memcmp(key->via.str.ptr, name, strlen(name)) == 0;
}

static void pack_text(msgpack_packer *packer, const char *text)
{
	msgpack_pack_str_with_body(packer, text, strlen(text));
}

/* A map of lists in a map, of all kinds of values. */
static void pack_unknown(msgpack_packer *packer, const char *name)
{
	pack_text(packer, name);
	msgpack_pack_map(packer, 2);
	pack_text(packer, "seq");
	msgpack_pack_array(packer, 5);
	msgpack_pack_double(packer, 1.5);
	msgpack_pack_float(packer, -1.5f);
	msgpack_pack_nil(packer);
	msgpack_pack_int64(packer, -70000);
	msgpack_pack_ext_with_body(packer, "xyz", 3, 7);
	msgpack_pack_nil(packer);
	msgpack_pack_map(packer, 0);
}

static uint32_t packed_count(const msgpack_object_map *map, const struct change *change)
{
	uint32_t count = map->size + (change->extra ? 2 : 0);

	if (change->field && change->how != REPLACE)
		count += change->how == TWICE ? 1 : -1u;
	return count;
}

static void pack_changed(const struct buffer *from, const struct change *change, msgpack_sbuffer *into)
{
	msgpack_unpacked unpacked;
	msgpack_packer packer;
	const msgpack_object_map *map;

	msgpack_unpacked_init(&unpacked);
	assert_int_equal(msgpack_unpack_next(&unpacked, (const char *)from->data, from->size, NULL),
	                 MSGPACK_UNPACK_SUCCESS);
	assert_int_equal(unpacked.data.type, MSGPACK_OBJECT_MAP);
	map = &unpacked.data.via.map;
	msgpack_packer_init(&packer, into, msgpack_sbuffer_write);
	msgpack_pack_map(&packer, packed_count(map, change));
	if (change->extra)
		pack_unknown(&packer, "a-later-field");
	for (uint32_t i = 0; i < map->size; i++) {
		const msgpack_object_kv *pair = &map->ptr[change->reversed ? map->size - 1 - i : i];
		_Bool hit = is_key(&pair->key, change->field);
		int times = !hit ? 1 : change->how == LEAVE_OUT ? 0 : change->how == TWICE ? 2 : 1;

		while (times-- > 0) {
			msgpack_pack_object(&packer, pair->key);
			msgpack_pack_object(&packer, hit && change->how == REPLACE ? *change->value : pair->val);
		}
	}
	if (change->extra)
		pack_unknown(&packer, "zz");
	msgpack_unpacked_destroy(&unpacked);
}

static void test_codec_passes_over_unknown_fields_in_any_order(void **state)
{
	(void)state;
	for (enum message_type type = 1; type < MESSAGE_TYPE_COUNT; type++) {
		for (int reversed = 0; reversed < 2; reversed++) {
			const struct change change = {.reversed = reversed, .extra = 1};
			struct buffer buffer = {0};
			struct failure failure = {0};
			struct message message;
			msgpack_sbuffer changed;

			encode_sample(type, &buffer);
			msgpack_sbuffer_init(&changed);
			pack_changed(&buffer, &change, &changed);
			if (codec_decode((const uint8_t *)changed.data, changed.size, &failure, &message) < 0)
				fail_msg("%s", failure.text);
			assert_encodes_to(&message, &buffer);
			message_deinit(&message);
			msgpack_sbuffer_destroy(&changed);
			buffer_deinit(&buffer);
		}
	}
}

static void assert_change_refused(enum message_type type, const struct change *change, const char *reason)
{
	struct buffer buffer = {0};
	msgpack_sbuffer changed;

	encode_sample(type, &buffer);
	msgpack_sbuffer_init(&changed);
	pack_changed(&buffer, change, &changed);
	assert_refused((const uint8_t *)changed.data, changed.size, reason);
	msgpack_sbuffer_destroy(&changed);
	buffer_deinit(&buffer);
}

static void test_codec_names_the_field_that_is_missing_double_or_of_another_type(void **state)
{
	const msgpack_object nil = {.type = MSGPACK_OBJECT_NIL};

	(void)state;
	for (enum message_type type = 1; type < MESSAGE_TYPE_COUNT; type++) {
		const struct record *record = &message_records[type];

		for (uint32_t i = 0; i < record->count; i++) {
			struct change change = {.field = record->fields[i].name, .how = LEAVE_OUT};
			char reason[128];

			snprintf(reason, sizeof(reason), "%s: %s: missing", message_type_names[type], change.field);
			assert_change_refused(type, &change, reason);
			change.how = TWICE;
			snprintf(reason, sizeof(reason), "%s: %s: given twice", message_type_names[type], change.field);
			assert_change_refused(type, &change, reason);
			change.how = REPLACE;
			change.value = &nil;
			snprintf(reason, sizeof(reason), "%s: %s: expected ", message_type_names[type], change.field);
			assert_change_refused(type, &change, reason);
		}
	}
}

static void test_codec_refuses_values_out_of_range(void **state)
{
	static const struct {
		enum message_type type;
		const char *field;
		uint64_t value;
		const char *reason;
	} cases[] = {
	        {MESSAGE_HELLO, "weight", 0, "hello: weight: 0 is not from 1 to 1000"},
	        {MESSAGE_HELLO, "weight", 1001, "hello: weight: 1001 is not from 1 to 1000"},
	        {MESSAGE_HELLO, "workers", 0, "hello: workers: 0 is not from 1"},
	        {MESSAGE_HELLO, "epoch", UINT64_C(1) << 32, "hello: epoch: 4294967296 is not"},
	        {MESSAGE_ASSIGN, "index", 3, "assign: index is not below agents"},
	        {MESSAGE_ASSIGN, "agents", 0, "assign: agents: 0 is not"},
	        {MESSAGE_ASSIGN, "from", UINT64_MAX, "assign: from: 18446744073709551615 is not"},
	        {MESSAGE_FETCH, "offset", LIMIT_FEED_BYTES + 1, "fetch: offset: "},
	        {MESSAGE_BEGIN, "scenario", LIMIT_PLAN_SCENARIOS, "begin: scenario: 256 is not"},
	        {MESSAGE_SNAPSHOT, "seq", 0, "snapshot: seq: 0 is not from 1"},
	        {MESSAGE_SNAPSHOT, "second", LIMIT_RUN_SECONDS + 1, "snapshot: second: "},
	        {MESSAGE_SNAPSHOT, "ran", UINT64_C(1) << 32, "snapshot: ran: 4294967296 is not"},
	        {MESSAGE_LEAVE, "end", UINT64_MAX, "leave: end: 18446744073709551615 is not"},
	        {MESSAGE_VALUE, "duty", LIMIT_PLAN_DUTIES, "value: duty: 256 is not"},
	        {MESSAGE_SEEN, "reader", 0, "seen: reader: 0 is not"},
	        {MESSAGE_SEEN_ACK, "seq", 0, "seen_ack: seq: 0 is not"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const msgpack_object value = {.type = MSGPACK_OBJECT_POSITIVE_INTEGER, .via.u64 = cases[i].value};
		const struct change change = {.field = cases[i].field, .how = REPLACE, .value = &value};

		assert_change_refused(cases[i].type, &change, cases[i].reason);
	}
}

static void test_codec_refuses_texts_and_bytes_of_the_wrong_length(void **state)
{
	static char long_text[LIMIT_PART_BYTES + 1];
	static const struct {
		enum message_type type;
		const char *field;
		msgpack_object_type kind;
		uint32_t size;
		const char *reason;
	} cases[] = {
	        {MESSAGE_HELLO, "name", MSGPACK_OBJECT_STR, 0, "hello: name: 0 bytes, from 1 to 128"},
	        {MESSAGE_HELLO, "name", MSGPACK_OBJECT_STR, LIMIT_NAME_BYTES + 1, "hello: name: 129 bytes"},
	        {MESSAGE_HELLO, "run", MSGPACK_OBJECT_STR, RUN_ID_SIZE, "hello: run: 37 bytes"},
	        {MESSAGE_HELLO, "inc", MSGPACK_OBJECT_BIN, 15, "hello: inc: 15 bytes where 16 are due"},
	        {MESSAGE_HELLO, "inc", MSGPACK_OBJECT_BIN, 17, "hello: inc: 17 bytes where 16 are due"},
	        {MESSAGE_FAILED, "text", MSGPACK_OBJECT_STR, LIMIT_TEXT_BYTES + 1, "failed: text: 4097 bytes"},
	        {MESSAGE_CHUNK, "data", MSGPACK_OBJECT_BIN, LIMIT_PART_BYTES + 1, "chunk: data: 61441 bytes"},
	        {MESSAGE_CHUNK, "data", MSGPACK_OBJECT_STR, 10, "chunk: data: expected bytes"},
	        {MESSAGE_VALUE, "problem", MSGPACK_OBJECT_STR, LIMIT_TEXT_BYTES + 1, "value: problem: 4097 bytes"},
	        {MESSAGE_ASSIGN, "agent", MSGPACK_OBJECT_STR, 0, "assign: agent: 0 bytes"},
	};

	(void)state;
	memset(long_text, 'x', sizeof(long_text));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		msgpack_object value = {.type = cases[i].kind};
		const struct change change = {.field = cases[i].field, .how = REPLACE, .value = &value};

		value.via.str.ptr = long_text; /* bin's members lie where str's do */
		value.via.str.size = cases[i].size;
		assert_change_refused(cases[i].type, &change, cases[i].reason);
	}
}

/* Encoding checks as decoding does, so a peer is never sent what it must refuse. */
static void test_codec_does_not_write_what_it_would_not_read(void **state)
{
	struct buffer buffer = {0};
	struct message message;
	char long_name[LIMIT_NAME_BYTES + 2] = {0};
	struct share_class outside = {.modulus = 3, .residue = 3};
	struct share share = {.classes = &outside, .count = 1};
	struct wire_move move = {.share = share};
	uint32_t too_many = LIMIT_CONNECTIONS + 1;
	struct wire_cell cells[2] = {{.series_id = 4}, {.series_id = 4}};
	struct wire_series unsent = {.series = {METRIC_AVAILABILITY, 0, "", "", "", ""}};
	struct wire_series gap[2] = {{.id = 1}, {.id = 3}};
	struct wire_verifier twice[2] = {{.duty = 4, .reader = 1}, {.duty = 4, .reader = 2}};

	(void)state;
	assert_int_equal(buffer_append_text(&buffer, "before"), 0);
	sample_message(MESSAGE_HELLO, &message);
	memset(long_name, 'n', LIMIT_NAME_BYTES + 1);
	message.hello.name = long_name;
	assert_int_equal(codec_encode(&message, &buffer), -EINVAL);
	sample_message(MESSAGE_ASSIGN, &message);
	message.assign.shares = &share;
	message.assign.share_count = 1;
	assert_int_equal(codec_encode(&message, &buffer), -EINVAL);
	sample_message(MESSAGE_ASSIGN, &message);
	message.assign.moves = &move;
	assert_int_equal(codec_encode(&message, &buffer), -EINVAL);
	sample_message(MESSAGE_ASSIGN, &message);
	message.assign.connections = &too_many;
	message.assign.connection_count = 1;
	assert_int_equal(codec_encode(&message, &buffer), -EINVAL);
	sample_message(MESSAGE_DUTY, &message);
	message.duty.verifiers = twice;
	message.duty.verifier_count = 2;
	assert_int_equal(codec_encode(&message, &buffer), -EINVAL);
	sample_message(MESSAGE_DUTY, &message);
	message.duty.duties = &too_many;
	message.duty.duty_count = 1;
	assert_int_equal(codec_encode(&message, &buffer), -EINVAL);
	sample_message(MESSAGE_SNAPSHOT, &message);
	message.snapshot.cells = cells;
	assert_int_equal(codec_encode(&message, &buffer), -EINVAL);
	sample_message(MESSAGE_SNAPSHOT, &message);
	message.snapshot.series = gap;
	assert_int_equal(codec_encode(&message, &buffer), -EINVAL);
	message.snapshot.series = &unsent;
	message.snapshot.series_count = 1;
	assert_int_equal(codec_encode(&message, &buffer), -EINVAL);
	assert_int_equal(buffer.size, strlen("before"));
	assert_int_equal(buffer.failed, 0);
	buffer_deinit(&buffer);
}

static void test_codec_writes_a_null_text_as_empty(void **state)
{
	struct buffer buffer = {0};
	struct message message;

	(void)state;
	sample_message(MESSAGE_STOP, &message);
	message.stop.reason = NULL;
	assert_int_equal(codec_encode(&message, &buffer), 0);
	assert_int_equal(codec_decode(buffer.data, buffer.size, NULL, &message), 0);
	assert_string_equal(message.stop.reason, "");
	message_deinit(&message);
	buffer_deinit(&buffer);
}

static void test_codec_an_assign_may_come_without_its_plan(void **state)
{
	struct buffer buffer = {0};
	struct message message;

	(void)state;
	sample_message(MESSAGE_ASSIGN, &message);
	message.assign.plan = NULL;
	message.assign.plan_size = 0;
	message.assign.file_count = 0;
	assert_int_equal(codec_encode(&message, &buffer), 0);
	assert_int_equal(codec_decode(buffer.data, buffer.size, NULL, &message), 0);
	assert_int_equal(message.assign.plan_size, 0);
	assert_string_equal(message.assign.plan, "");
	assert_null(message.assign.files);
	message_deinit(&message);
	buffer_deinit(&buffer);
}

static size_t find_bytes(const struct buffer *buffer, const char *bytes, size_t size)
{
	const uint8_t *at = memmem(buffer->data, buffer->size, bytes, size);

	assert_non_null(at);
	return (size_t)(at - buffer->data);
}

static void test_codec_refuses_wrong_content_of_lists(void **state)
{
	static const struct {
		enum message_type type;
		const char *from, *to; /* bytes of the same size */
		size_t size;
		const char *reason;
	} cases[] = {
	        {MESSAGE_ASSIGN, "\x92\x06\x01", "\x92\x06\x06", 3,
	         "assign: shares[1].classes[0]: the residue is not below the modulus"},
	        {MESSAGE_ASSIGN, "\x92\x06\x01", "\x92\x00\x01", 3, "assign: shares[1].classes[0].modulus: 0 is not"},
	        {MESSAGE_ASSIGN, "\x92\x06\x01", "\x91\xcc\x06", 3, "assign: shares[1].classes[0].residue: missing"},
	        {MESSAGE_ASSIGN, "\x92\x00\x04", "\x92\x00\xe0", 3, "assign: connections[1].number: expected a whole"},
	        {MESSAGE_ASSIGN, "\x91\x92\x03\x00\xa6", "\x91\x92\x00\x00\xa6", 5,
	         "assign: moves[0].share.classes[0].modulus: 0 is not"},
	        {MESSAGE_ASSIGN, "\x94\x01\xcd\x2e", "\x94\xc0\xcd\x2e", 4, "assign: moves[0].scenario: expected"},
	        {MESSAGE_ASSIGN, "\x94\x02\x03\x28", "\x94\x02\x00\x28", 4, "assign: extras[0].epoch: 0 is not"},
	        {MESSAGE_ASSIGN, "\x94\x02\x03\x28\x11", "\x93\x02\x03\xcc\x11", 5, "assign: extras[0].spare: missing"},
	        {MESSAGE_DUTY, "\x92\x00\x05", "\x92\xc3\x05", 3, "duty: duties[0].number: expected a whole number"},
	        {MESSAGE_DUTY, "\x92\x00\x05", "\x91\xcd\x05", 3, "not one msgpack object"},
	        {MESSAGE_VALUE, "token", "tok\0n", 5, "value: values[0].name: a text with a NUL in it"},
	        {MESSAGE_START, "\x92\xa5token\xa5t", "\x91\xabtoken\xa5t", 9, "start: values[0].value: missing"},
	        {MESSAGE_ASSIGN, "9f86", "9F86", 4, "assign: files[0]: sha256 is not lower-case hex"},
	        {MESSAGE_SNAPSHOT, "http_reqs", "http_rats", 9,
	         "snapshot: series[0].metric: unknown metric \"http_rats\""},
	        {MESSAGE_SNAPSHOT, "http_reqs", "http\x01\xff\0s", 9, "unknown metric \"http?"},
	        {MESSAGE_SNAPSHOT, "\x92\x04\xc4", "\x92\x00\xc4", 3, "cells are not in the order"},
	        {MESSAGE_SNAPSHOT, "BTCUSD", "BTC\0SD", 6, "snapshot: series[0].group: a text with a NUL in it"},
	        {MESSAGE_SNAPSHOT, "\x97\x05", "\x97\x06", 2, "the ids of new series are not consecutive"},
	        {MESSAGE_HELLO, "\xa1t\xa5hello", "\xa1t\xa5howdy", 8, "unknown message \"howdy\""},
	        {MESSAGE_HELLO, "\xa1t\xa5hello", "\xa1u\xa5hello", 8, "without its type"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer buffer = {0};

		encode_sample(cases[i].type, &buffer);
		memcpy(buffer.data + find_bytes(&buffer, cases[i].from, cases[i].size), cases[i].to, cases[i].size);
		assert_refused(buffer.data, buffer.size, cases[i].reason);
		buffer_deinit(&buffer);
	}
}

/* {"t": "ack", "run": "", "inc": 16 bytes, "epoch": 0, "seq": ...}: the last value is left to the case. */
static void decode_ack(const char *value, size_t size, int expected, uint64_t seq)
{
	static const char head[] = "\x85\xa1t\xa3"
	                           "ack\xa3run\xa0\xa3inc\xc4\x10"
	                           "0123456789abcdef\xa5"
	                           "epoch\x00\xa3seq";
	uint8_t data[128];
	struct message message;

	memcpy(data, head, sizeof(head) - 1);
	memcpy(data + sizeof(head) - 1, value, size);
	assert_int_equal(codec_decode(data, sizeof(head) - 1 + size, NULL, &message), expected);
	if (expected == 0)
		assert_int_equal(message.ack.seq, seq);
}

static void test_codec_reads_a_number_in_every_form(void **state)
{
	static const struct {
		const char *value;
		size_t size;
		int expected;
		uint64_t seq;
	} cases[] = {
	        {"\x7f", 1, 0, 127},
	        {"\xcc\xff", 2, 0, 255},
	        {"\xcd\xff\xfe", 3, 0, 65534},
	        {"\xce\xff\xff\xff\xfe", 5, 0, UINT32_MAX - 1},
	        {"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9, 0, UINT64_MAX},
	        {"\xcf\0\0\0\0\0\0\0\x05", 9, 0, 5},
	        {"\xd0\x7f", 2, 0, 127},
	        {"\xd1\x7f\xff", 3, 0, 32767},
	        {"\xd2\x7f\xff\xff\xff", 5, 0, INT32_MAX},
	        {"\xd3\x7f\xff\xff\xff\xff\xff\xff\xff", 9, 0, INT64_MAX},
	        {"\xff", 1, -EBADMSG, 0},
	        {"\xd0\x80", 2, -EBADMSG, 0},
	        {"\xd3\xff\xff\xff\xff\xff\xff\xff\xff", 9, -EBADMSG, 0},
	        {"\xca\x3f\x80\0\0", 5, -EBADMSG, 0},
	        {"\xa1\x35", 2, -EBADMSG, 0},
	        {"\xcd\xff", 2, -EBADMSG, 0},
	        {"\x05\x05", 2, -EBADMSG, 0},
	        {"", 0, -EBADMSG, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		decode_ack(cases[i].value, cases[i].size, cases[i].expected, cases[i].seq);
}

static void test_codec_scan_holds_lengths_against_the_bytes(void **state)
{
	static const struct {
		const char *data;
		size_t size;
		int expected;
	} cases[] = {
	        {"\xdd\xff\x00\x00\x00", 5, -EBADMSG}, /* 4 billion entries: msgpack-c asks for 96 GB */
	        {"\xdf\x80\x00\x00\x00", 5, -EBADMSG},
	        {"\xdf\xff\xff\xff\xff", 5, -EBADMSG},
	        {"\xdc\x00\x02\x01", 4, -EBADMSG},
	        {"\xdc\x00\x02\x01\x02", 5, 0},
	        {"\xc6\xff\xff\xff\xff", 5, -EBADMSG},
	        {"\xdb\x00\x00\x00\x02"
	         "a",
	         6, -EBADMSG},
	        {"\xc9\xff\xff\xff\xff\x01", 6, -EBADMSG},
	        {"\xc7\x01\x05\x41", 4, 0},
	        {"\xd4\x05\x41", 3, 0},
	        {"\xd8\x05", 2, -EBADMSG},
	        {"\x81\xa1t", 3, -EBADMSG},
	        {"\xc1", 1, -EBADMSG},
	        {"", 0, -EBADMSG},
	        {"\xc0\xc0", 2, -EBADMSG},
	        {"\x91\x91\x91\x91\x91\x91\x91\x91\xc0", 9, 0},
	        {"\x91\x91\x91\x91\x91\x91\x91\x91\x90", 9, -EBADMSG},
	        {"\x81\x01\x81\x01\x81\x01\x81\x01\x81\x01\x81\x01\x81\x01\x81\x01\x01", 17, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(codec_scan((const uint8_t *)cases[i].data, cases[i].size), cases[i].expected);
}

static void test_message_deinit_is_harmless_on_nothing(void **state)
{
	struct message message = {0};
	struct incarnation a = {{1}}, b = {{1}}, c = {{2}};

	(void)state;
	message_deinit(&message);
	for (enum message_type type = 1; type < MESSAGE_TYPE_COUNT; type++) {
		message = (struct message){.type = type};
		message_deinit(&message);
		assert_int_equal(message.type, 0);
	}
	assert_true(incarnation_equal(&a, &b));
	assert_false(incarnation_equal(&a, &c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_codec_every_message_arrives_as_it_was_sent),
	        cmocka_unit_test(test_codec_fills_every_kind_of_field),
	        cmocka_unit_test(test_codec_passes_over_unknown_fields_in_any_order),
	        cmocka_unit_test(test_codec_names_the_field_that_is_missing_double_or_of_another_type),
	        cmocka_unit_test(test_codec_refuses_values_out_of_range),
	        cmocka_unit_test(test_codec_refuses_texts_and_bytes_of_the_wrong_length),
	        cmocka_unit_test(test_codec_does_not_write_what_it_would_not_read),
	        cmocka_unit_test(test_codec_writes_a_null_text_as_empty),
	        cmocka_unit_test(test_codec_an_assign_may_come_without_its_plan),
	        cmocka_unit_test(test_codec_refuses_wrong_content_of_lists),
	        cmocka_unit_test(test_codec_reads_a_number_in_every_form),
	        cmocka_unit_test(test_codec_scan_holds_lengths_against_the_bytes),
	        cmocka_unit_test(test_message_deinit_is_harmless_on_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
