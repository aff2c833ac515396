/* SPDX-License-Identifier: Apache-2.0 */
/* journal_reopen(): who goes on with a journal holds it alone, has read all that is whole, and writes behind it. */
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
#include "common/base/hash.h"
#include "coordinator/journal/journal.h"
#include "coordinator/journal/journal_file.h"

enum { SEQUENCE = 5 };

struct folder {
	char path[64];
	char journal[80];
};

static int set_up(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	snprintf(folder->path, sizeof(folder->path), "/tmp/test-reopen-XXXXXX");
	assert_non_null(mkdtemp(folder->path));
	snprintf(folder->journal, sizeof(folder->journal), "%s/journal", folder->path);
	*state = folder;
	return 0;
}

static int tear_down(void **state)
{
	struct folder *folder = *state;

	unlink(folder->journal);
	rmdir(folder->path);
	free(folder);
	return 0;
}

/* Record n of a run: each says its number. */
static struct journal_record record_of(uint64_t number)
{
	if (number % 2)
		return (struct journal_record){.type = JOURNAL_LOST,
		                               .lost = {.agent = (uint32_t)number,
		                                        .at_ns = number,
		                                        .silent = 1,
		                                        .reason = (char *)"not heard of for 10 s"}};
	return (struct journal_record){.type = JOURNAL_BACK, .back = {.agent = (uint32_t)number, .at_ns = number}};
}

static void append(struct journal *journal, uint64_t first, uint64_t end)
{
	for (uint64_t i = first; i < end; i++) {
		struct journal_record record = record_of(i);

		assert_int_equal(journal_append(journal, &record, NULL), 0);
	}
}

static void write_run(const struct folder *folder, uint64_t count)
{
	struct journal *journal;

	assert_int_equal(journal_create(folder->path, 0, NULL, &journal), 0);
	append(journal, 0, count);
	journal_close(journal);
}

struct seen {
	uint64_t count;
	uint64_t last_offset; /* of the last record's frame */
	uint64_t fail_at;     /* the callback fails at this one; 0: never */
};

static int see(void *context, struct journal_record *record, uint64_t offset)
{
	struct seen *seen = context;

	if (seen->fail_at && seen->count + 1 == seen->fail_at)
		return -ECANCELED;
	assert_int_equal(record->type, seen->count % 2 ? JOURNAL_LOST : JOURNAL_BACK);
	assert_int_equal(record->back.agent, seen->count);
	assert_int_equal(record->back.at_ns, seen->count);
	seen->last_offset = offset;
	seen->count++;
	return 0;
}

static uint64_t size_of(const struct folder *folder)
{
	struct stat status;

	assert_int_equal(stat(folder->journal, &status), 0);
	return (uint64_t)status.st_size;
}

static void assert_reads(const struct folder *folder, uint64_t count)
{
	struct seen seen = {0};
	uint64_t cut = 1;

	assert_int_equal(journal_read(folder->path, see, &seen, &cut, NULL), 0);
	assert_int_equal(seen.count, count);
	assert_int_equal(cut, 0);
}

static void load(const struct folder *folder, struct buffer *content)
{
	buffer_clear(content);
	assert_int_equal(file_read(folder->journal, 1 << 20, content, NULL), 0);
}

static void store(const struct folder *folder, const void *data, size_t size)
{
	int fd;

	unlink(folder->journal); /* what is cut to nothing and written again, ext4 would flush */
	fd = open(folder->journal, O_WRONLY | O_EXCL | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	close(fd);
}

static void test_reopen_goes_on_behind_the_last_record(void **state)
{
	struct folder *folder = *state;
	struct journal *journal;
	struct seen seen = {0};
	uint64_t cut = 1;

	write_run(folder, 3);
	for (uint64_t count = 3; count < 9; count += 2) {
		seen = (struct seen){0};
		assert_int_equal(journal_reopen(folder->path, count == 5, see, &seen, &cut, NULL, &journal), 0);
		assert_int_equal(seen.count, count);
		assert_int_equal(cut, 0);
		append(journal, count, count + 2);
		journal_close(journal);
	}
	assert_reads(folder, 9);
}

static void test_reopen_cuts_the_last_record_wherever_it_is_torn(void **state)
{
	struct folder *folder = *state;
	struct buffer content = {0};
	struct seen whole = {0};
	uint64_t cut;

	write_run(folder, SEQUENCE);
	load(folder, &content);
	assert_int_equal(journal_read(folder->path, see, &whole, &cut, NULL), 0);
	for (size_t size = whole.last_offset; size < content.size; size++) {
		struct journal *journal;
		struct seen seen = {0};

		store(folder, content.data, size);
		assert_int_equal(journal_reopen(folder->path, 0, see, &seen, &cut, NULL, &journal), 0);
		assert_int_equal(seen.count, SEQUENCE - 1);
		assert_int_equal(cut, size - whole.last_offset);
		assert_int_equal(size_of(folder), whole.last_offset);
		append(journal, SEQUENCE - 1, SEQUENCE + 1);
		journal_close(journal);
		assert_reads(folder, SEQUENCE + 1);
	}
	buffer_deinit(&content);
}

/* What a file system may leave of a write after a loss of power: the length, without the bytes. */
static void test_reopen_cuts_a_tail_of_zeros_and_of_flipped_bits(void **state)
{
	struct folder *folder = *state;
	struct buffer content = {0};
	struct seen whole = {0};
	struct journal *journal;
	uint64_t cut;

	write_run(folder, SEQUENCE);
	load(folder, &content);
	assert_int_equal(journal_read(folder->path, see, &whole, &cut, NULL), 0);
	for (size_t at = whole.last_offset; at < content.size; at++) {
		struct seen seen = {0};
		uint8_t byte = content.data[at];

		content.data[at] ^= 0x40;
		store(folder, content.data, content.size);
		content.data[at] = byte;
		assert_int_equal(journal_reopen(folder->path, 0, see, &seen, &cut, NULL, &journal), 0);
		assert_int_equal(seen.count, SEQUENCE - 1);
		assert_int_equal(size_of(folder), whole.last_offset);
		journal_close(journal);
	}
	memset(content.data + whole.last_offset, 0, content.size - whole.last_offset);
	store(folder, content.data, content.size);
	assert_int_equal(journal_reopen(folder->path, 1, see, &(struct seen){0}, &cut, NULL, &journal), 0);
	assert_int_equal(cut, content.size - whole.last_offset);
	journal_close(journal);
	buffer_deinit(&content);
}

/* No torn write leaves whole records behind a broken one. */
static void test_reopen_cuts_no_whole_records(void **state)
{
	struct folder *folder = *state;
	struct buffer content = {0};
	struct seen whole = {0};
	struct journal *journal = NULL;
	struct failure failure = {0};
	uint64_t cut;

	write_run(folder, SEQUENCE - 1);
	assert_int_equal(journal_read(folder->path, see, &whole, &cut, NULL), 0);
	assert_int_equal(journal_reopen(folder->path, 0, see, &(struct seen){0}, &cut, NULL, &journal), 0);
	append(journal, SEQUENCE - 1, SEQUENCE);
	journal_close(journal);
	journal = NULL;
	load(folder, &content);
	content.data[whole.last_offset + 8] ^= 1; /* the first byte behind length and checksum */
	store(folder, content.data, content.size);
	assert_int_equal(journal_reopen(folder->path, 0, see, &(struct seen){0}, &cut, &failure, &journal), -EBADMSG);
	assert_null(journal);
	assert_non_null(strstr(failure.text, "damaged"));
	assert_int_equal(size_of(folder), content.size);
	buffer_deinit(&content);
}

static void test_reopen_refuses_a_journal_that_somebody_holds(void **state)
{
	struct folder *folder = *state;
	struct journal *first, *second = NULL, *third = NULL;
	struct failure failure = {0};
	struct seen seen = {0};
	uint64_t cut;

	assert_int_equal(journal_create(folder->path, 0, NULL, &first), 0);
	append(first, 0, 2);
	assert_int_equal(journal_reopen(folder->path, 0, see, &seen, &cut, &failure, &second), -EBUSY);
	assert_non_null(strstr(failure.text, "going on"));
	assert_int_equal(seen.count, 0);
	journal_close(first);
	assert_int_equal(journal_reopen(folder->path, 0, see, &seen, &cut, &failure, &second), 0);
	assert_int_equal(journal_reopen(folder->path, 0, see, &seen, &cut, &failure, &third), -EBUSY);
	assert_null(third);
	append(second, 2, 4);
	journal_close(second);
	assert_reads(folder, 4);
}

/* A file of its own: whoever holds the journal may be writing, and what is half written isn't torn. */
static void test_reopen_leaves_alone_what_it_does_not_hold(void **state)
{
	struct folder *folder = *state;
	struct journal *holder, *second = NULL;
	uint64_t cut, size;
	int fd;

	assert_int_equal(journal_create(folder->path, 0, NULL, &holder), 0);
	append(holder, 0, 2);
	fd = open(folder->journal, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write(fd, "half", 4), 4);
	close(fd);
	size = size_of(folder);
	assert_int_equal(journal_reopen(folder->path, 0, see, &(struct seen){0}, &cut, NULL, &second), -EBUSY);
	assert_int_equal(size_of(folder), size);
	journal_close(holder);
}

static void test_reopen_ends_at_a_callbacks_error_and_cuts_nothing(void **state)
{
	struct folder *folder = *state;
	struct buffer content = {0};
	struct seen seen = {.fail_at = 3};
	struct journal *journal = NULL;
	uint64_t cut, size;

	write_run(folder, SEQUENCE);
	load(folder, &content);
	store(folder, content.data, content.size - 1);
	size = size_of(folder);
	assert_int_equal(journal_reopen(folder->path, 0, see, &seen, &cut, NULL, &journal), -ECANCELED);
	assert_null(journal);
	assert_int_equal(seen.count, 2);
	assert_int_equal(size_of(folder), size);
	seen = (struct seen){0};
	assert_int_equal(journal_reopen(folder->path, 0, see, &seen, &cut, NULL, &journal), 0);
	journal_close(journal);
	buffer_deinit(&content);
}

static void put_frame(struct buffer *content, const uint8_t *payload, size_t size)
{
	buffer_append_u32(content, (uint32_t)size);
	buffer_append_u32(content, hash_crc32(payload, size));
	buffer_append(content, payload, size);
	assert_int_equal(content->failed, 0);
}

/* A frame whose checksum holds was written whole: what can't be read in it is no torn tail, and nothing is cut. */
static void test_reopen_does_not_cut_a_whole_record_that_it_cannot_read(void **state)
{
	static const uint8_t unknown[] = {JOURNAL_TYPE_COUNT, 1, 2, 3};
	struct folder *folder = *state;
	struct failure failure = {0};
	struct buffer content = {0};
	struct journal *journal = NULL;
	uint64_t cut;

	write_run(folder, 2);
	load(folder, &content);
	put_frame(&content, unknown, sizeof(unknown));
	store(folder, content.data, content.size);
	assert_int_equal(journal_reopen(folder->path, 0, see, &(struct seen){0}, &cut, &failure, &journal), -EBADMSG);
	assert_non_null(strstr(failure.text, "damaged"));
	assert_null(journal);
	assert_int_equal(size_of(folder), content.size);
	buffer_deinit(&content);
}

static void test_reopen_says_what_a_file_is_not(void **state)
{
	struct folder *folder = *state;
	struct failure failure = {0};
	struct journal *journal = NULL;
	uint64_t cut;

	assert_int_equal(journal_reopen(folder->path, 0, see, &(struct seen){0}, &cut, &failure, &journal), -ENOENT);
	store(folder, JOURNAL_MAGIC, 8);
	assert_int_equal(journal_reopen(folder->path, 0, see, &(struct seen){0}, &cut, &failure, &journal), -EBADMSG);
	assert_non_null(strstr(failure.text, "too short"));
	store(folder, JOURNAL_MAGIC "\1\0\0\0", 12);
	assert_int_equal(journal_reopen(folder->path, 0, see, &(struct seen){0}, &cut, &failure, &journal), -EBADMSG);
	assert_non_null(strstr(failure.text, "version 1"));
	assert_int_equal(size_of(folder), 12);
	assert_null(journal);
}

/* No file may grow past `size` bytes, as on a full disk. */
static struct rlimit limit_files(rlim_t size)
{
	struct rlimit old, limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = (struct rlimit){size, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	return old;
}

static void test_reopened_journal_keeps_whole_records_on_a_full_disk(void **state)
{
	struct folder *folder = *state;
	struct journal_record record = record_of(3);
	struct failure failure = {0};
	struct journal *journal;
	struct rlimit old;
	uint64_t cut, size;

	signal(SIGXFSZ, SIG_IGN);
	write_run(folder, 2);
	assert_int_equal(journal_reopen(folder->path, 0, see, &(struct seen){0}, &cut, NULL, &journal), 0);
	append(journal, 2, 3);
	size = size_of(folder);
	for (rlim_t room = 0; room < 20; room += 5) { /* the record takes more */
		old = limit_files(size + room);
		assert_int_equal(journal_append(journal, &record, &failure), -EFBIG);
		setrlimit(RLIMIT_FSIZE, &old);
		assert_non_null(strstr(failure.text, folder->journal));
		assert_int_equal(size_of(folder), size);
	}
	assert_reads(folder, 3);
	append(journal, 3, 5);
	journal_close(journal);
	assert_reads(folder, 5);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(test_reopen_goes_on_behind_the_last_record),
	        TEST(test_reopen_cuts_the_last_record_wherever_it_is_torn),
	        TEST(test_reopen_cuts_a_tail_of_zeros_and_of_flipped_bits),
	        TEST(test_reopen_cuts_no_whole_records),
	        TEST(test_reopen_refuses_a_journal_that_somebody_holds),
	        TEST(test_reopen_leaves_alone_what_it_does_not_hold),
	        TEST(test_reopen_ends_at_a_callbacks_error_and_cuts_nothing),
	        TEST(test_reopen_does_not_cut_a_whole_record_that_it_cannot_read),
	        TEST(test_reopen_says_what_a_file_is_not),
	        TEST(test_reopened_journal_keeps_whole_records_on_a_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
