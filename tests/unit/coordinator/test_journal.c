/* SPDX-License-Identifier: Apache-2.0 */
/* journal.h: what goes in comes out; what is damaged ends the reading; a full disk leaves whole records. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/buffer.h"
#include "common/base/file.h"
#include "coordinator/journal/journal.h"
#include "coordinator/journal/journal_codec.h"

enum { RECORDS = 21, ACCEPTED = 5 };

static struct text_pair pairs[] = {{(char *)"team", (char *)"quotes"}, {(char *)"empty", (char *)""}};
static struct share_class classes[] = {{3, 1}, {6, 5}};
static struct share shares[] = {{classes, 2, 2}, {classes, 1, 1}, {0}, {classes + 1, 1, 1}};
static const uint8_t bytes[] = {1, 2, 3, 0, 255};
static struct journal_accepted accepted[] = {
        {.agent = 4, .seq = 1, .second = 0, .epoch = 1, .operations = 0, .iterations = 0},
        {.agent = 0, .seq = 9, .second = 8, .operations = 12345, .iterations = 12344, .mismatch = 1, .epoch = 1},
        {.agent = 0, .seq = 10, .second = 11, .epoch = UINT32_MAX, .operations = 12345, .iterations = UINT64_MAX},
        {.agent = UINT32_MAX,
         .seq = UINT64_MAX,
         .epoch = UINT32_MAX,
         .operations = UINT64_MAX,
         .mismatch = 1,
         .ledger = bytes,
         .ledger_size = 5},
        {.agent = 0, .seq = 1, .epoch = 0, .ledger = bytes + 4, .ledger_size = 1},
};
static struct wire_scenario changes[2 * ACCEPTED] = {
        {.tally = {.planned = 10, .started = 10, .succeeded = 10, .operations = 10}},
        {.tally = {.planned = 3, .started = 2, .dropped = {[DROP_LATE] = 1}}, .running = 2},
        {.tally = {.started = UINT64_MAX}, .running = -UINT64_C(1), .end_ns = 5, .finished = 1},
};
static struct journal_name names[] = {{0, 0}, {0, 1999999}, {UINT32_MAX, 1}};
static struct journal_delta deltas[] = {
        {.second = 3, .series_id = 0, .data = bytes, .size = 5},
        {.second = 3, .series_id = 7, .data = bytes, .size = 0},
        {.second = 4, .series_id = 7, .data = bytes + 3, .size = 2},
        {.second = 90000, .series_id = 1999999, .data = bytes, .size = 1},
};
static struct journal_file files[] = {
        {(char *)"symbol", (char *)"/data/symbol.csv", 53412, (char *)"9f86"},
        {(char *)"user", (char *)"", UINT64_MAX, (char *)""},
};
static uint32_t connections[] = {0, 1, 2, 3, 4, UINT32_MAX};
static struct wire_move moves[] = {{1, 12000, 300, {classes, 2, 2}}, {0, UINT64_MAX, 0, {0}}};
static struct journal_extra extras[] = {{1, {2, 3, 40, 17}}, {UINT32_MAX, {0, UINT32_MAX, UINT64_MAX, UINT64_MAX}}};
static struct journal_child children[] = {{4242, 987654321}, {UINT64_MAX, 0}};
static struct wire_offset offsets[] = {{0, INT64_MAX}, {999999, 0}};
static struct wire_scenario scenarios[] = {
        {.tally = {1, 2, {3, 4, 5, 6}, 7, 8, 9, 10, 11}, .running = 12, .end_ns = 13, .finished = 1},
        {.tally = {.planned = UINT64_MAX}},
};

/* One of each type. */
static void make_records(struct journal_record *records)
{
	struct journal_record all[RECORDS] = {
	        {.type = JOURNAL_RUN,
	         .run = {.id = (char *)"id",
	                 .name = (char *)"株価",
	                 .version = (char *)"0.1.0",
	                 .plan_sha256 = (char *)"ab",
	                 .plan = (char *)"name: x\n",
	                 .plan_size = 8,
	                 .created_unix_ns = -5,
	                 .require_trust = 1,
	                 .tags = pairs,
	                 .tag_count = 2,
	                 .place = {.address = (char *)"tcp://127.0.0.1:7000",
	                           .keys = (char *)"keys",
	                           .local = 1,
	                           .fsync_each = 1,
	                           .expect_agents = 3,
	                           .wait_ns = 60000000000},
	                 .files = files,
	                 .file_count = 2}},
	        {.type = JOURNAL_STATE, .state = {.state = RUN_RUNNING, .at_unix_ns = INT64_MAX}},
	        {.type = JOURNAL_AGENT,
	         .agent = {.incarnation = {{1, 2, 3}},
	                   .hello = {.protocol = 1,
	                             .version = (char *)"v",
	                             .name = (char *)"n",
	                             .host = (char *)"h",
	                             .cpu = (char *)"c",
	                             .kernel = (char *)"k",
	                             .cores = 2,
	                             .workers = 3,
	                             .weight = 4,
	                             .memory_bytes = UINT64_MAX,
	                             .pid = 77,
	                             .tags = pairs,
	                             .tag_count = 1,
	                             .libraries = pairs,
	                             .library_count = 2,
	                             .last_seq = 6}}},
	        {.type = JOURNAL_DIVISION,
	         .division = {.epoch = 1,
	                      .from_ns = 9,
	                      .agent_count = 2,
	                      .scenario_count = 2,
	                      .shares = shares,
	                      .target_count = 3,
	                      .connections = connections,
	                      .moves = moves,
	                      .move_count = 2,
	                      .extras = extras,
	                      .extra_count = 2}},
	        {.type = JOURNAL_TARGET,
	         .target = {.name = (char *)"api",
	                    .version = (char *)"nginx",
	                    .topology = (char *)"",
	                    .idle_round_trip_ns = 1000,
	                    .local = 1,
	                    .problem = (char *)"refused"}},
	        {.type = JOURNAL_START, .start = {.t0_unix_ns = INT64_MIN, .t0_ns = 5, .boot_id = (char *)"b"}},
	        {.type = JOURNAL_BEGIN, .begin = {.scenario = 1, .at_ns = 5000000000}},
	        {.type = JOURNAL_SERIES,
	         .series = {.id = 1,
	                    .series = {.metric = METRIC_ERRORS,
	                               .warmup = 1,
	                               .scenario = "s",
	                               .step = "t",
	                               .group = "g",
	                               .label = "timeout||slow"}}},
	        {.type = JOURNAL_DELTAS,
	         .deltas = {.accepted = accepted,
	                    .accepted_count = ACCEPTED,
	                    .scenario_count = 2,
	                    .changes = changes,
	                    .names = names,
	                    .name_count = 3,
	                    .deltas = deltas,
	                    .delta_count = 4}},
	        {.type = JOURNAL_STATUS,
	         .status = {.agent = 3,
	                    .scenarios = scenarios,
	                    .scenario_count = 2,
	                    .health = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13},
	                    .clock_offset_ns = -1,
	                    .clock_bound_ns = 100,
	                    .start_skew_ns = 200,
	                    .start_bound_ns = 50,
	                    .drift_ppm = -12.5,
	                    .drift_bound_ppm = 0.25}},
	        {.type = JOURNAL_LOST, .lost = {.agent = 1, .at_ns = 3, .silent = 1, .reason = (char *)"silence"}},
	        {.type = JOURNAL_DONE, .done = {.agent = 1, .last_seq = 30, .end_ns = 30000000000}},
	        {.type = JOURNAL_STOP,
	         .stop = {.cause = STOP_THRESHOLD, .at_ns = 7, .text = (char *)"t", .threshold = 2, .observed = 0.25}},
	        {.type = JOURNAL_BACK, .back = {.agent = 1, .at_ns = 12000000000}},
	        {.type = JOURNAL_LEAVE, .leave = {.agent = 2, .at_ns = UINT64_MAX}},
	        {.type = JOURNAL_TOLD, .told = {.agent = 0, .offset_ns = INT64_MIN, .bound_ns = 90000}},
	        {.type = JOURNAL_DUTY,
	         .duty = {.duty = 3, .agent = UINT32_MAX, .at_ns = 4, .problem = (char *)"no such table"}},
	        {.type = JOURNAL_CHILDREN, .children = {.items = children, .count = 2}},
	        {.type = JOURNAL_CLOCK, .clock = {.agent = 1, .at_ns = 4, .by_ns = -3600000000000}},
	        {.type = JOURNAL_RESUME, .resume = {.at_unix_ns = -1}},
	        {.type = JOURNAL_SEEN,
	         .seen = {.duty = 7,
	                  .agent = 2,
	                  .reader = 3,
	                  .seq = UINT64_MAX,
	                  .at_ns = 9,
	                  .starts = offsets,
	                  .start_count = 2,
	                  .ends = offsets + 1,
	                  .end_count = 1,
	                  .seen = bytes,
	                  .seen_size = 5,
	                  .over = 1,
	                  .problem = (char *)"cut off"}},
	};

	memcpy(records, all, sizeof(all));
}

struct folder {
	char path[64];
	struct journal_record records[RECORDS];
};

static int set_up(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	snprintf(folder->path, sizeof(folder->path), "/tmp/test-journal-XXXXXX");
	assert_non_null(mkdtemp(folder->path));
	make_records(folder->records);
	*state = folder;
	return 0;
}

static int tear_down(void **state)
{
	struct folder *folder = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/journal", folder->path);
	unlink(path);
	rmdir(folder->path);
	free(folder);
	return 0;
}

static void write_records(const struct folder *folder)
{
	struct journal *journal;

	assert_int_equal(journal_create(folder->path, 0, NULL, &journal), 0);
	for (size_t i = 0; i < RECORDS; i++)
		assert_int_equal(journal_append(journal, &folder->records[i], NULL), 0);
	journal_close(journal);
}

/* The file's bytes, and overwriting them. */
static void load(const struct folder *folder, struct buffer *content)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/journal", folder->path);
	buffer_clear(content);
	assert_int_equal(file_read(path, 1 << 20, content, NULL), 0);
}

static void store(const struct folder *folder, const void *data, size_t size)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/journal", folder->path);
	unlink(path); /* what is cut to nothing and written again, ext4 would flush */
	fd = open(path, O_WRONLY | O_EXCL | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	close(fd);
}

static void encode(const struct journal_record *record, struct buffer *buffer)
{
	buffer_clear(buffer);
	journal_record_encode(record, buffer);
	assert_int_equal(buffer->failed, 0);
}

/* Reads, holding each record against what was written. */
struct check {
	const struct folder *folder;
	size_t count;
	uint64_t offsets[RECORDS];
	int result; /* what the callback returns at the second record */
};

static int check_record(void *context, struct journal_record *record, uint64_t offset)
{
	struct check *check = context;
	struct buffer expected = {0}, got = {0};

	assert_true(check->count < RECORDS);
	encode(&check->folder->records[check->count], &expected);
	encode(record, &got);
	assert_int_equal(got.size, expected.size);
	assert_memory_equal(got.data, expected.data, got.size);
	buffer_deinit(&expected);
	buffer_deinit(&got);
	check->offsets[check->count++] = offset;
	return check->count == 2 ? check->result : 0;
}

static void test_journal_gives_back_every_kind_of_record(void **state)
{
	struct folder *folder = *state;
	struct check check = {.folder = folder};
	uint64_t cut = 1;

	write_records(folder);
	assert_int_equal(journal_read(folder->path, check_record, &check, &cut, NULL), 0);
	assert_int_equal(check.count, RECORDS);
	assert_int_equal(cut, 0);
}

static void test_journal_decodes_fields_as_they_were(void **state)
{
	struct folder *folder = *state;
	struct buffer buffer = {0};
	struct journal_record record;

	encode(&folder->records[8], &buffer);
	assert_int_equal(journal_record_decode(buffer.data, buffer.size, &record), 0);
	for (size_t i = 0; i < ACCEPTED; i++) {
		assert_int_equal(record.deltas.accepted[i].agent, accepted[i].agent);
		assert_int_equal(record.deltas.accepted[i].seq, accepted[i].seq);
		assert_int_equal(record.deltas.accepted[i].second, accepted[i].second);
		assert_int_equal(record.deltas.accepted[i].operations, accepted[i].operations);
		assert_int_equal(record.deltas.accepted[i].iterations, accepted[i].iterations);
		assert_int_equal(record.deltas.accepted[i].mismatch, accepted[i].mismatch);
		assert_int_equal(record.deltas.accepted[i].epoch, accepted[i].epoch);
		assert_memory_equal(&record.deltas.changes[2 * i], &changes[2 * i], 2 * sizeof(changes[0]));
	}
	assert_int_equal(record.deltas.name_count, 3);
	assert_memory_equal(record.deltas.names, names, sizeof(names));
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(record.deltas.deltas[i].second, deltas[i].second);
		assert_int_equal(record.deltas.deltas[i].series_id, deltas[i].series_id);
		assert_int_equal(record.deltas.deltas[i].size, deltas[i].size);
		assert_memory_equal(record.deltas.deltas[i].data, deltas[i].data, deltas[i].size);
	}
	journal_record_deinit(&record);
	encode(&folder->records[12], &buffer);
	assert_int_equal(journal_record_decode(buffer.data, buffer.size, &record), 0);
	assert_int_equal(record.stop.cause, STOP_THRESHOLD);
	assert_true(record.stop.observed == 0.25);
	journal_record_deinit(&record);
	buffer_deinit(&buffer);
}

static void test_journal_takes_about_ten_bytes_an_agent_second(void **state)
{
	struct journal_accepted many[1000];
	struct journal_record record = {.type = JOURNAL_DELTAS, .deltas = {.accepted = many, .accepted_count = 1000}};
	struct buffer buffer = {0};

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		many[i] = (struct journal_accepted){i, 3600, 3599, 1, 3600000 + i, 1800000 + i, 0};
	encode(&record, &buffer);
	assert_in_range(buffer.size, 1, 1000 * 13);
	for (uint32_t i = 0; i < 1000; i++)
		many[i] = (struct journal_accepted){i, 60, 59, 7, 60000 + i, 60000 + i, 0};
	encode(&record, &buffer);
	assert_in_range(buffer.size, 1, 1000 * 8);
	buffer_deinit(&buffer);
}

static void test_journal_reader_goes_back_to_a_record(void **state)
{
	struct folder *folder = *state;
	struct check check = {.folder = folder};
	struct journal_reader *reader;
	struct journal_record record;
	struct failure failure = {0};
	uint64_t cut;

	write_records(folder);
	assert_int_equal(journal_read(folder->path, check_record, &check, &cut, NULL), 0);
	assert_int_equal(journal_reader_open(folder->path, NULL, &reader), 0);
	for (size_t i = RECORDS; i-- > 0;) {
		struct check one = {.folder = folder, .count = i};

		assert_int_equal(journal_reader_get(reader, check.offsets[i], &record, NULL), 0);
		check_record(&one, &record, 0);
		journal_record_deinit(&record);
	}
	assert_int_equal(journal_reader_get(reader, check.offsets[3] + 1, &record, &failure), -EBADMSG);
	assert_non_null(strstr(failure.text, "journal"));
	assert_int_equal(journal_reader_get(reader, 1 << 20, &record, NULL), -EBADMSG);
	journal_reader_close(reader);
}

static void test_journal_ends_at_the_last_whole_record_wherever_it_is_torn(void **state)
{
	struct folder *folder = *state;
	struct check whole = {.folder = folder};
	struct buffer content = {0};
	uint64_t cut;

	write_records(folder);
	load(folder, &content);
	assert_int_equal(journal_read(folder->path, check_record, &whole, &cut, NULL), 0);
	for (size_t size = 0; size < content.size; size++) {
		struct check check = {.folder = folder};
		size_t expected = 0;

		store(folder, content.data, size);
		if (size < whole.offsets[0]) {
			assert_int_equal(journal_read(folder->path, check_record, &check, &cut, NULL), -EBADMSG);
			continue;
		}
		assert_int_equal(journal_read(folder->path, check_record, &check, &cut, NULL), 0);
		while (expected < RECORDS - 1 && whole.offsets[expected + 1] <= size)
			expected++;
		assert_int_equal(check.count, expected);
		assert_int_equal(cut, size - whole.offsets[expected]);
	}
	buffer_deinit(&content);
}

static void test_journal_ends_before_a_flipped_bit(void **state)
{
	struct folder *folder = *state;
	struct check whole = {.folder = folder};
	struct buffer content = {0};
	uint64_t cut;

	write_records(folder);
	load(folder, &content);
	assert_int_equal(journal_read(folder->path, check_record, &whole, &cut, NULL), 0);
	for (size_t at = 0; at < content.size; at++) {
		struct check check = {.folder = folder};
		size_t expected = 0;
		int r;

		content.data[at] ^= (uint8_t)(1 << at % 8);
		store(folder, content.data, content.size);
		content.data[at] ^= (uint8_t)(1 << at % 8);
		r = journal_read(folder->path, check_record, &check, &cut, NULL);
		if (at < whole.offsets[0]) {
			assert_int_equal(r, -EBADMSG);
			continue;
		}
		assert_int_equal(r, 0);
		while (expected < RECORDS - 1 && whole.offsets[expected + 1] <= at)
			expected++;
		assert_int_equal(check.count, expected);
		assert_int_equal(cut, content.size - whole.offsets[expected]);
	}
	buffer_deinit(&content);
}

/* What a checksum can't catch, as its bytes were meant: the decoder's own bounds, under a sanitizer's eyes. */
static void test_journal_decoder_bounds_whatever_it_is_given(void **state)
{
	struct folder *folder = *state;

	for (size_t i = 0; i < RECORDS; i++) {
		struct buffer buffer = {0};
		struct journal_record record;

		encode(&folder->records[i], &buffer);
		for (size_t size = 0; size < buffer.size; size++)
			assert_int_equal(journal_record_decode(buffer.data, size, &record), -EBADMSG);
		for (size_t bit = 0; bit < buffer.size * 8; bit++) {
			struct buffer again = {0};

			buffer.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (journal_record_decode(buffer.data, buffer.size, &record) == 0) {
				journal_record_encode(&record, &again);
				assert_int_equal(again.size, buffer.size);
				assert_memory_equal(again.data, buffer.data, again.size);
				journal_record_deinit(&record);
			}
			buffer.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			buffer_deinit(&again);
		}
		buffer_append_byte(&buffer, 0);
		assert_int_equal(journal_record_decode(buffer.data, buffer.size, &record), -EBADMSG);
		buffer_deinit(&buffer);
	}
}

static void test_journal_refuses_counts_that_the_bytes_cannot_hold(void **state)
{
	static const struct {
		const char *what;
		uint8_t bytes[24];
		size_t size;
	} cases[] = {
	        {"no record", {0}, 0},
	        {"type 0", {0}, 1},
	        {"unknown type", {JOURNAL_TYPE_COUNT}, 1},
	        {"2^28 accepted", {JOURNAL_DELTAS, 0x80, 0x80, 0x80, 0x80, 1, 0, 0, 0}, 9},
	        {"2^28 scenarios of an accepted", {JOURNAL_DELTAS, 1, 0x80, 0x80, 0x80, 0x80, 1, 0, 0, 0, 0, 0}, 12},
	        {"2^28 names", {JOURNAL_DELTAS, 0, 0, 0x80, 0x80, 0x80, 0x80, 1, 0}, 9},
	        {"2^28 deltas", {JOURNAL_DELTAS, 0, 0, 0, 0x80, 0x80, 0x80, 0x80, 1}, 9},
	        {"a name past its bound", {JOURNAL_DELTAS, 0, 0, 1, 0, 0x80, 0x89, 0x7a, 0}, 9},
	        {"2^28 scenarios", {JOURNAL_STATUS, 0, 0x80, 0x80, 0x80, 0x80, 1}, 7},
	        {"65535 x 65535 shares", {JOURNAL_DIVISION, 0, 0, 0xff, 0xff, 3, 0xff, 0xff, 3}, 9},
	        {"residue past its modulus", {JOURNAL_DIVISION, 0, 0, 1, 1, 1, 3, 3, 0, 0, 0}, 11},
	        {"65535 connections", {JOURNAL_DIVISION, 0, 0, 1, 0, 0xff, 0xff, 3, 0, 0}, 10},
	        {"2^28 moves", {JOURNAL_DIVISION, 0, 0, 0, 0, 0, 0x80, 0x80, 0x80, 0x80, 1, 0}, 12},
	        {"2^28 extras", {JOURNAL_DIVISION, 0, 0, 0, 0, 0, 0, 0x80, 0x80, 0x80, 0x80, 1}, 12},
	        {"2^28 children", {JOURNAL_CHILDREN, 0x80, 0x80, 0x80, 0x80, 1, 0}, 7},
	        {"an epoch that is said and is the same", {JOURNAL_DELTAS, 1, 0, 2, 0, 1, 0, 0, 0, 0, 0}, 11},
	        {"an epoch past 32 bits", {JOURNAL_DELTAS, 1, 0, 2, 3, 1, 0, 0, 0, 0, 0}, 11},
	        {"a silence of 2", {JOURNAL_LOST, 0, 0, 2, 0}, 5},
	        {"a text past the end", {JOURNAL_LOST, 0, 0, 0, 5, 'a'}, 6},
	        {"a text with a NUL", {JOURNAL_LOST, 0, 0, 0, 1, 0}, 6},
	        {"a metric that isn't", {JOURNAL_SERIES, 0, 0xfe, 1, 0, 0, 0, 0}, 8},
	        {"a state that isn't", {JOURNAL_STATE, RUN_STATE_COUNT, 0}, 3},
	        {"a bool of 2", {JOURNAL_TARGET, 0, 0, 0, 0, 2, 0}, 7},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct journal_record record;
		int r = journal_record_decode(cases[i].bytes, cases[i].size, &record);

		if (r != -EBADMSG)
			fail_msg("%s: %d", cases[i].what, r);
	}
}

static void test_journal_is_made_once_and_held_by_one(void **state)
{
	struct folder *folder = *state;
	struct journal *journal, *second = NULL;
	struct failure failure = {0};

	assert_int_equal(journal_create(folder->path, 1, NULL, &journal), 0);
	assert_int_equal(journal_create(folder->path, 0, &failure, &second), -EBUSY);
	assert_non_null(strstr(failure.text, "going on"));
	assert_int_equal(journal_append(journal, &folder->records[0], NULL), 0);
	journal_close(journal);
	assert_int_equal(journal_create(folder->path, 0, &failure, &second), -EEXIST);
	assert_non_null(strstr(failure.text, "one run"));
	assert_null(second);
	assert_int_equal(journal_create("/nonexistent/folder", 0, &failure, &second), -ENOENT);
}

static void test_journal_cuts_a_record_that_the_disk_has_no_room_for(void **state)
{
	struct folder *folder = *state;
	struct check check = {.folder = folder};
	struct rlimit old, small;
	struct journal *journal;
	struct stat before, after;
	struct failure failure = {0};
	char path[128];
	uint64_t cut;

	snprintf(path, sizeof(path), "%s/journal", folder->path);
	assert_int_equal(journal_create(folder->path, 0, NULL, &journal), 0);
	assert_int_equal(journal_append(journal, &folder->records[0], NULL), 0);
	assert_int_equal(stat(path, &before), 0);
	getrlimit(RLIMIT_FSIZE, &old);
	signal(SIGXFSZ, SIG_IGN);
	small = (struct rlimit){(rlim_t)before.st_size + 12, old.rlim_max};
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(journal_append(journal, &folder->records[2], &failure), -EFBIG);
	assert_non_null(strstr(failure.text, "journal"));
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_size, before.st_size);
	setrlimit(RLIMIT_FSIZE, &old);
	for (size_t i = 1; i < RECORDS; i++)
		assert_int_equal(journal_append(journal, &folder->records[i], NULL), 0);
	journal_close(journal);
	assert_int_equal(journal_read(folder->path, check_record, &check, &cut, NULL), 0);
	assert_int_equal(check.count, RECORDS);
	assert_int_equal(cut, 0);
}

static void test_journal_reading_ends_at_a_callbacks_error(void **state)
{
	struct folder *folder = *state;
	struct check check = {.folder = folder, .result = -ECANCELED};
	uint64_t cut;

	write_records(folder);
	assert_int_equal(journal_read(folder->path, check_record, &check, &cut, NULL), -ECANCELED);
	assert_int_equal(check.count, 2);
}

static void test_journal_says_what_a_file_is_not(void **state)
{
	struct folder *folder = *state;
	struct check check = {.folder = folder};
	struct failure failure = {0};
	uint64_t cut;

	assert_int_equal(journal_read(folder->path, check_record, &check, &cut, &failure), -ENOENT);
	store(folder, "{\"json\": \"not a journal\"}", 24);
	assert_int_equal(journal_read(folder->path, check_record, &check, &cut, &failure), -EBADMSG);
	assert_non_null(strstr(failure.text, "not a journal"));
	store(folder, "STAMPEDE\1\0\0\0", 12);
	assert_int_equal(journal_read(folder->path, check_record, &check, &cut, &failure), -EBADMSG);
	assert_non_null(strstr(failure.text, "version 1"));
	store(folder, "", 0);
	assert_int_equal(journal_read(folder->path, check_record, &check, &cut, &failure), -EBADMSG);
	store(folder, "STAMPEDE\3\0\0\0", 12);
	assert_int_equal(journal_read(folder->path, check_record, &check, &cut, &failure), 0);
	assert_int_equal(cut, 0);
	assert_int_equal(check.count, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(test_journal_gives_back_every_kind_of_record),
	        TEST(test_journal_decodes_fields_as_they_were),
	        TEST(test_journal_takes_about_ten_bytes_an_agent_second),
	        TEST(test_journal_reader_goes_back_to_a_record),
	        TEST(test_journal_ends_at_the_last_whole_record_wherever_it_is_torn),
	        TEST(test_journal_ends_before_a_flipped_bit),
	        TEST(test_journal_decoder_bounds_whatever_it_is_given),
	        TEST(test_journal_refuses_counts_that_the_bytes_cannot_hold),
	        TEST(test_journal_is_made_once_and_held_by_one),
	        TEST(test_journal_cuts_a_record_that_the_disk_has_no_room_for),
	        TEST(test_journal_reading_ends_at_a_callbacks_error),
	        TEST(test_journal_says_what_a_file_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
