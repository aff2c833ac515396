/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a journal. The first one says how the rest is taken:
 *   0: a record's payload: refused, or a record that is the same bytes again;
 *   1: frames with checksums that hold, each of a size (2 bytes, big-endian) and a payload, then what is left as a torn
 *      tail: read, opened again, gone on with;
 *   else: the file behind its header. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/hash.h"
#include "coordinator/journal/journal.h"
#include "coordinator/journal/journal_codec.h"
#include "coordinator/journal/journal_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(_Bool holds)
{
	if (!holds)
		abort();
}

/* What was decoded is written as the bytes it came from. */
static void check_record(const uint8_t *data, size_t size)
{
	struct journal_record record;
	struct buffer again = {0};

	if (journal_record_decode(data, size, &record) < 0)
		return;
	journal_record_encode(&record, &again);
	require(!again.failed && again.size == size && memcmp(again.data, data, size) == 0);
	journal_record_deinit(&record);
	buffer_deinit(&again);
}

struct seen {
	uint64_t count;
	uint64_t end;     /* behind the newest frame */
	uint64_t resumes; /* of what check_file() appends */
};

static int see(void *context, struct journal_record *record, uint64_t offset)
{
	struct seen *seen = context;
	struct buffer payload = {0};

	require(offset == seen->end);
	journal_record_encode(record, &payload);
	require(!payload.failed);
	seen->count++;
	seen->end = offset + JOURNAL_HEAD_SIZE + payload.size;
	seen->resumes += record->type == JOURNAL_RESUME;
	buffer_deinit(&payload);
	return 0;
}

static void write_file(const char *path, const struct buffer *content)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	require(fd >= 0 && !content->failed);
	require(write(fd, content->data, content->size) == (ssize_t)content->size);
	close(fd);
}

/* Records can be read again one by one, wherever they are. */
static void check_reader(const char *folder, uint64_t end)
{
	struct journal_reader *reader;
	struct journal_record record;

	require(journal_reader_open(folder, NULL, &reader) == 0);
	require(journal_reader_get(reader, end, &record, NULL) == -EBADMSG);
	if (end > JOURNAL_HEADER_SIZE) {
		require(journal_reader_get(reader, JOURNAL_HEADER_SIZE, &record, NULL) == 0);
		journal_record_deinit(&record);
	}
	journal_reader_close(reader);
}

/* Goes on behind what is whole; nothing of that is lost, and nothing of the tail comes back. */
static void check_reopened(const char *folder, const struct seen *before, uint64_t cut_before)
{
	const struct journal_record record = {.type = JOURNAL_RESUME, .resume = {.at_unix_ns = 1}};
	struct seen seen = {.end = JOURNAL_HEADER_SIZE}, after = {.end = JOURNAL_HEADER_SIZE};
	struct failure failure = {0};
	struct journal *journal;
	uint64_t cut;
	int r = journal_reopen(folder, 0, see, &seen, &cut, &failure, &journal);

	require(seen.count == before->count && seen.end == before->end);
	if (r < 0) {
		require(r == -EBADMSG && failure.text[0]);
		return;
	}
	require(cut == cut_before);
	require(journal_append(journal, &record, NULL) == 0);
	journal_close(journal);
	require(journal_read(folder, see, &after, &cut, NULL) == 0);
	require(cut == 0 && after.count == seen.count + 1 && after.resumes == seen.resumes + 1);
}

static void check_file(const struct buffer *content)
{
	char folder[] = "/tmp/fuzz-journal-XXXXXX", path[64];
	struct seen seen = {.end = JOURNAL_HEADER_SIZE};
	uint64_t cut = 0;

	require(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/journal", folder);
	write_file(path, content);
	require(journal_read(folder, see, &seen, &cut, NULL) == 0);
	require(seen.end + cut == content->size);
	check_reader(folder, seen.end);
	check_reopened(folder, &seen, cut);
	unlink(path);
	rmdir(folder);
}

/* Returns what is left behind the frames. */
static size_t put_frames(struct buffer *content, const uint8_t *data, size_t size)
{
	size_t at = 0;

	while (size - at >= 2) {
		size_t payload = (size_t)data[at] << 8 | data[at + 1];

		if (payload == 0 || payload > size - at - 2)
			break;
		buffer_append_u32(content, (uint32_t)payload);
		buffer_append_u32(content, hash_crc32(data + at + 2, payload));
		buffer_append(content, data + at + 2, payload);
		at += 2 + payload;
	}
	return size - at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer content = {0};
	size_t left;

	if (size == 0)
		return 0;
	if (data[0] == 0) {
		check_record(data + 1, size - 1);
		return 0;
	}
	buffer_append(&content, JOURNAL_MAGIC, JOURNAL_MAGIC_SIZE);
	buffer_append_u32(&content, JOURNAL_VERSION);
	left = data[0] == 1 ? put_frames(&content, data + 1, size - 1) : size - 1;
	buffer_append(&content, data + size - left, left);
	check_file(&content);
	buffer_deinit(&content);
	return 0;
}
