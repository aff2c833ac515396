/* SPDX-License-Identifier: Apache-2.0 */
/* spool.h and disk.h: what waits in memory and on a disk comes back, whatever the disk does. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/spool.h"
#include "common/base/random.h"

enum { DISK_BYTES = 4096, FILLER = 64 };

/* A disk in memory. */
struct fake_disk {
	uint8_t bytes[DISK_BYTES];
	uint64_t highest;
	uint32_t writes, reads, clears;
	int write_error, read_error;
};

static int fake_write(void *context, uint64_t offset, const void *data, size_t size)
{
	struct fake_disk *disk = context;

	assert_true(offset + size <= DISK_BYTES);
	disk->writes++;
	if (offset + size > disk->highest)
		disk->highest = offset + size;
	/* What was begun is torn. */
	memcpy(disk->bytes + offset, data, disk->write_error ? size / 2 : size);
	return disk->write_error;
}

static int fake_read(void *context, uint64_t offset, void *data, size_t size)
{
	struct fake_disk *disk = context;

	assert_true(offset + size <= DISK_BYTES);
	disk->reads++;
	memcpy(data, disk->bytes + offset, size);
	return disk->read_error;
}

static void fake_clear(void *context)
{
	struct fake_disk *disk = context;

	disk->clears++;
	memset(disk->bytes, 0xee, sizeof(disk->bytes));
}

static const struct disk_ops fake_ops = {.write = fake_write, .read = fake_read, .clear = fake_clear};

static struct spool *spool_of(struct fake_disk *disk, size_t memory_bytes)
{
	struct spool *spool;

	*disk = (struct fake_disk){0};
	spool = spool_new(&(struct spool_config){
	        .memory_bytes = memory_bytes, .disk = {&fake_ops, disk}, .disk_bytes = DISK_BYTES});
	assert_non_null(spool);
	return spool;
}

/* A snapshot of 100 bytes of memory whose one cell has `size` bytes. */
static struct snapshot *sized(uint64_t seq, size_t size)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));

	snapshot->message = (struct message_snapshot){.seq = seq,
	                                              .second = seq + 6,
	                                              .epoch = 3,
	                                              .series = calloc(1, sizeof(struct wire_series)),
	                                              .series_count = 1,
	                                              .cells = calloc(1, sizeof(struct wire_cell)),
	                                              .cell_count = 1,
	                                              .scenarios = calloc(1, sizeof(struct wire_scenario)),
	                                              .scenario_count = 1};
	for (size_t i = 0; i < size; i++)
		assert_int_equal(buffer_append_byte(&snapshot->bytes, (uint8_t)seq), 0);
	snapshot->message.series[0] = (struct wire_series){
	        .series = {.metric = METRIC_ITERATIONS, .scenario = "a", .step = "", .group = "g", .label = ""}};
	snapshot->message.cells[0] = (struct wire_cell){.data = snapshot->bytes.data, .size = size};
	snapshot->message.scenarios[0].tally.started = seq;
	snapshot->memory = 100;
	return snapshot;
}

static struct snapshot *numbered(uint64_t seq)
{
	return sized(seq, FILLER);
}

static void add(struct spool *spool, uint64_t seq)
{
	assert_int_equal(spool_add(spool, numbered(seq)), 0);
}

/* What did not fit is still the caller's. */
static void refuse(struct spool *spool, uint64_t seq, int error)
{
	struct snapshot *snapshot = numbered(seq);

	assert_int_equal(spool_add(spool, snapshot), error);
	assert_int_equal(snapshot->message.seq, seq);
	snapshot_free(snapshot);
}

static void expect(struct spool *spool, uint64_t seq)
{
	const struct message_snapshot *snapshot;
	struct spool_item item;

	assert_true(spool_find(spool, seq, &item));
	assert_int_equal(item.second, seq + 6);
	assert_int_equal(spool_get(spool, seq, &snapshot), 0);
	assert_int_equal(snapshot->seq, seq);
	assert_int_equal(snapshot->second, seq + 6);
	assert_int_equal(snapshot->epoch, 3);
	assert_string_equal(snapshot->series[0].series.group, "g");
	assert_int_equal(snapshot->scenarios[0].tally.started, seq);
	for (size_t i = 0; i < snapshot->cells[0].size; i++)
		assert_int_equal(snapshot->cells[0].data[i], (uint8_t)seq);
}

static void test_spool_keeps_what_is_not_acknowledged(void **state)
{
	struct spool *spool = spool_new(&(struct spool_config){.memory_bytes = 10000});
	struct spool_item item;

	(void)state;
	for (uint64_t seq = 1; seq <= 100; seq++)
		add(spool, seq);
	refuse(spool, 101, -ENOBUFS);
	spool_acknowledge(spool, 40);
	spool_acknowledge(spool, 30);
	assert_false(spool_find(spool, 40, &item));
	expect(spool, 41);
	expect(spool, 100);
	assert_false(spool_find(spool, 101, &item));
	for (uint64_t seq = 101; seq <= 140; seq++)
		add(spool, seq);
	expect(spool, 41);
	spool_acknowledge(spool, 1000);
	assert_int_equal(spool_acknowledged(spool), 140);
	assert_int_equal(spool_newest(spool), 140);
	assert_int_equal(spool_memory(spool), 0);
	spool_clear(spool);
	add(spool, 1);
	spool_free(spool);
}

static void test_spool_uses_the_disk_only_when_memory_is_full(void **state)
{
	struct fake_disk disk;
	struct spool *spool = spool_of(&disk, 500);

	(void)state;
	for (uint64_t seq = 1; seq <= 5; seq++)
		add(spool, seq);
	assert_int_equal(disk.writes, 0);
	for (uint64_t seq = 6; seq <= 8; seq++)
		add(spool, seq);
	assert_int_equal(disk.writes, 3);
	assert_int_equal(spool_memory(spool), 500);
	for (uint64_t seq = 1; seq <= 8; seq++)
		expect(spool, seq);
	expect(spool, 7);
	assert_int_equal(disk.reads, 3); /* once each */
	spool_acknowledge(spool, 2);
	add(spool, 9);
	assert_int_equal(disk.writes, 3); /* in memory again */
	spool_acknowledge(spool, 8);
	assert_int_equal(disk.clears, 1);
	assert_int_equal(spool_on_disk(spool), 0);
	expect(spool, 9);
	assert_int_equal(spool_memory(spool), 100);
	spool_free(spool);
}

static void test_spool_that_is_full_gives_back_all_that_it_took(void **state)
{
	struct fake_disk disk;
	struct spool *spool = spool_of(&disk, 200);
	uint64_t newest = 0;
	struct snapshot *snapshot;

	(void)state;
	for (;;) {
		int r;

		snapshot = numbered(newest + 1);
		r = spool_add(spool, snapshot);
		if (r == -ENOBUFS)
			break;
		assert_int_equal(r, 0);
		newest++;
	}
	snapshot_free(snapshot);
	assert_true(newest > 5);
	refuse(spool, newest + 1, -ENOBUFS);
	for (uint64_t seq = 1; seq <= newest; seq++)
		expect(spool, seq);
	/* Room comes back as they are acknowledged. */
	spool_acknowledge(spool, 4);
	add(spool, newest + 1);
	expect(spool, 5);
	expect(spool, newest + 1);
	spool_free(spool);
}

/* Rounds and rounds of it, with snapshots of all sizes, against what was put in. */
static void test_spool_never_mixes_up_what_lies_on_the_disk(void **state)
{
	struct random random;
	struct fake_disk disk;
	struct spool *spool = spool_of(&disk, 0);
	uint64_t full = 0;

	(void)state;
	random_seed(&random, 7);
	for (int i = 0; i < 20000; i++) {
		uint64_t newest = spool_newest(spool), oldest = spool_acknowledged(spool) + 1;

		if (random_below(&random, 2) == 0) {
			struct snapshot *snapshot = sized(newest + 1, 1 + random_below(&random, 500));
			int r = spool_add(spool, snapshot);

			if (r == -ENOBUFS) {
				snapshot_free(snapshot);
				full++;
			} else {
				assert_int_equal(r, 0);
			}
		} else if (newest >= oldest) {
			expect(spool, oldest + random_below(&random, newest - oldest + 1));
			if (random_below(&random, 40) == 0)
				spool_cut(spool, newest - random_below(&random, newest - oldest + 1));
			else
				spool_acknowledge(spool, oldest + random_below(&random, 3));
		}
		for (uint64_t seq = spool_acknowledged(spool) + 1; i % 16 == 0 && seq <= spool_newest(spool); seq++)
			expect(spool, seq);
	}
	assert_true(full > 10);
	assert_true(disk.highest > DISK_BYTES / 2);
	spool_free(spool);
}

static void test_spool_loses_nothing_that_it_holds_by_a_disk_that_cannot_be_written(void **state)
{
	struct fake_disk disk;
	struct spool *spool = spool_of(&disk, 300);

	(void)state;
	for (uint64_t seq = 1; seq <= 6; seq++)
		add(spool, seq);
	disk.write_error = -ENOSPC;
	refuse(spool, 7, -ENOSPC);
	disk.write_error = -EIO;
	refuse(spool, 7, -EIO);
	for (uint64_t seq = 1; seq <= 6; seq++)
		expect(spool, seq);
	disk.write_error = 0;
	add(spool, 7);
	expect(spool, 7);
	spool_free(spool);
}

static void test_spool_says_when_the_disk_does_not_give_back_what_it_took(void **state)
{
	const struct message_snapshot *snapshot;
	struct fake_disk disk;
	struct spool *spool = spool_of(&disk, 100);

	(void)state;
	for (uint64_t seq = 1; seq <= 4; seq++)
		add(spool, seq);
	disk.read_error = -EIO;
	assert_int_equal(spool_get(spool, 2, &snapshot), -EIO);
	disk.read_error = 0;
	disk.bytes[disk.highest - 20] ^= 1;
	assert_int_equal(spool_get(spool, 4, &snapshot), -EIO);
	expect(spool, 3);
	/* Without those that are gone it goes on. */
	spool_cut(spool, 4);
	assert_int_equal(spool_newest(spool), 3);
	add(spool, 4);
	expect(spool, 4);
	spool_free(spool);
}

static void test_disk_file_gives_back_what_was_written_and_leaves_no_file_behind(void **state)
{
	char folder[] = "/tmp/test_spool_XXXXXX";
	struct failure failure = {0};
	struct disk_file *file;
	struct spool *spool;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(disk_file_new(folder, &failure, &file), 0);
	spool = spool_new(&(struct spool_config){.disk = disk_file_disk(file), .disk_bytes = 1 << 20});
	for (uint64_t seq = 1; seq <= 50; seq++)
		add(spool, seq);
	assert_int_equal(rmdir(folder), 0); /* it is empty */
	for (uint64_t seq = 1; seq <= 50; seq++)
		expect(spool, seq);
	spool_acknowledge(spool, 50);
	/* The next file finds no folder: that is a disk's error. */
	refuse(spool, 51, -ENOENT);
	spool_free(spool);
	disk_file_free(file);
}

static void test_disk_file_says_why_a_folder_is_of_no_use(void **state)
{
	struct failure failure = {0};
	struct disk_file *file;

	(void)state;
	assert_int_equal(disk_file_new("/nonexistent/folder", &failure, &file), -ENOENT);
	assert_non_null(strstr(failure.text, "/nonexistent/folder"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_spool_keeps_what_is_not_acknowledged),
	        cmocka_unit_test(test_spool_uses_the_disk_only_when_memory_is_full),
	        cmocka_unit_test(test_spool_that_is_full_gives_back_all_that_it_took),
	        cmocka_unit_test(test_spool_never_mixes_up_what_lies_on_the_disk),
	        cmocka_unit_test(test_spool_loses_nothing_that_it_holds_by_a_disk_that_cannot_be_written),
	        cmocka_unit_test(test_spool_says_when_the_disk_does_not_give_back_what_it_took),
	        cmocka_unit_test(test_disk_file_gives_back_what_was_written_and_leaves_no_file_behind),
	        cmocka_unit_test(test_disk_file_says_why_a_folder_is_of_no_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
