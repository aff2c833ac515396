/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's file: frames of whole records behind a magic and a version.
 *
 * The writer keeps the size up to which all is whole, and cuts back to it whatever a failed write left behind; the
 * reader believes a frame only when its checksum holds, and ends at the first that doesn't. */
#include "coordinator/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/base/cleanup.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "coordinator/journal_codec.h"

enum {
	MAGIC_SIZE = 8,
	HEADER_SIZE = MAGIC_SIZE + 4, /* and the version, u32 */
	FRAME_HEAD_SIZE = 8,          /* length and checksum */
	JOURNAL_VERSION = 1,
};

static const char magic[MAGIC_SIZE + 1] = "STAMPEDE";

const char *const run_state_names[RUN_STATE_COUNT] = {
        [RUN_GATHERING] = "gathering", [RUN_ASSIGNED] = "assigned",   [RUN_READY] = "ready", [RUN_RUNNING] = "running",
        [RUN_DRAINING] = "draining",   [RUN_REPORTING] = "reporting", [RUN_DONE] = "done",
};

struct journal {
	int fd;
	_Bool fsync_each;
	_Bool broken;  /* what a failed write left could not be cut off */
	uint64_t size; /* of what is whole */
	char *path;
	struct buffer frame;
};

DEFINE_CLEANUP(struct journal *, journal_close)

static int make_path(const char *run_folder, struct failure *failure, char **ret_path)
{
	char *path = file_join(run_folder, "journal");

	if (!path)
		return failure_set(failure, -ENOMEM, "no memory to open the journal in %s", run_folder);
	*ret_path = path;
	return 0;
}

struct journal *journal_close(struct journal *journal)
{
	if (!journal)
		return NULL;
	cleanup_close(&journal->fd);
	buffer_deinit(&journal->frame);
	free(journal->path);
	free(journal);
	return NULL;
}

static int write_all(int fd, const uint8_t *data, size_t size, uint64_t offset)
{
	while (size > 0) {
		ssize_t n = pwrite(fd, data, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

/* Writes behind what is whole; all of it becomes whole, or nothing. */
static int append_bytes(struct journal *journal, const struct buffer *bytes)
{
	int r = write_all(journal->fd, bytes->data, bytes->size, journal->size);

	if (r == 0 && journal->fsync_each && fdatasync(journal->fd) < 0)
		r = -errno;
	if (r == 0) {
		journal->size += bytes->size;
		return 0;
	}
	if (ftruncate(journal->fd, (off_t)journal->size) < 0)
		journal->broken = 1;
	return r;
}

/* Why there is a journal already: somebody holds it, or somebody made it once. */
static int refuse_existing(const char *path, struct failure *failure)
{
	int fd cleanup(cleanup_close) = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return failure_set(failure, -EBUSY, "%s belongs to a run that is going on", path);
	return failure_set(failure, -EEXIST, "%s is there already: a run folder holds one run", path);
}

static int create_file(struct journal *journal, struct failure *failure)
{
	int r;

	assert(journal->path);
	journal->fd = open(journal->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (journal->fd < 0) {
		r = -errno;
		if (r == -EEXIST)
			return refuse_existing(journal->path, failure);
		return failure_set(failure, r, "can't make %s: %s", journal->path, strerror(-r));
	}
	if (flock(journal->fd, LOCK_EX | LOCK_NB) < 0) {
		r = errno == EWOULDBLOCK ? -EBUSY : -errno;
		return failure_set(failure, r, "can't lock %s: %s", journal->path, strerror(-r));
	}
	buffer_append(&journal->frame, magic, MAGIC_SIZE);
	buffer_append_u32(&journal->frame, JOURNAL_VERSION);
	r = journal->frame.failed ? journal->frame.failed : append_bytes(journal, &journal->frame);
	if (r < 0) {
		unlink(journal->path);
		return failure_set(failure, r, "can't write %s: %s", journal->path, strerror(-r));
	}
	return 0;
}

int journal_create(const char *run_folder, _Bool fsync_each, struct failure *failure, struct journal **ret_journal)
{
	struct journal *journal cleanup(journal_closep) = calloc(1, sizeof(*journal));
	int r;

	if (!journal)
		return failure_set(failure, -ENOMEM, "no memory for the journal");
	journal->fd = -1;
	journal->fsync_each = fsync_each;
	r = make_path(run_folder, failure, &journal->path);
	if (r == 0)
		r = create_file(journal, failure);
	if (r < 0)
		return r;
	*ret_journal = steal(journal);
	return 0;
}

static void put_u32(uint8_t *at, uint32_t value)
{
	for (size_t i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get_u32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static int make_frame(const struct journal_record *record, struct buffer *frame)
{
	static const uint8_t head[FRAME_HEAD_SIZE];
	size_t size;

	buffer_clear(frame);
	buffer_append(frame, head, FRAME_HEAD_SIZE);
	journal_record_encode(record, frame);
	if (frame->failed)
		return frame->failed;
	size = frame->size - FRAME_HEAD_SIZE;
	if (size > JOURNAL_RECORD_MAX)
		return -EMSGSIZE;
	put_u32(frame->data, (uint32_t)size);
	put_u32(frame->data + 4, hash_crc32(frame->data + FRAME_HEAD_SIZE, size));
	return 0;
}

int journal_append(struct journal *journal, const struct journal_record *record, struct failure *failure)
{
	int r;

	if (journal->broken)
		return failure_set(failure, -EIO, "%s ends in half a record that can't be cut off", journal->path);
	r = make_frame(record, &journal->frame);
	if (r == 0)
		r = append_bytes(journal, &journal->frame);
	if (r < 0)
		return failure_set(failure, r, "can't write to %s: %s", journal->path, strerror(-r));
	return 0;
}

/* Reads exactly `size` bytes: 0, -ENODATA (the file ends before) or a negative errno. */
static int read_at(int fd, uint64_t offset, uint8_t *data, size_t size)
{
	while (size > 0) {
		ssize_t n = pread(fd, data, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENODATA;
		data += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

struct journal_reader {
	int fd;
	uint64_t size;
	char *path;
	struct buffer payload;
};

DEFINE_CLEANUP(struct journal_reader *, journal_reader_close)

struct journal_reader *journal_reader_close(struct journal_reader *reader)
{
	if (!reader)
		return NULL;
	cleanup_close(&reader->fd);
	buffer_deinit(&reader->payload);
	free(reader->path);
	free(reader);
	return NULL;
}

static int check_header(const struct journal_reader *reader, struct failure *failure)
{
	uint8_t header[HEADER_SIZE];
	int r = read_at(reader->fd, 0, header, HEADER_SIZE);

	if (r == -ENODATA)
		return failure_set(failure, -EBADMSG, "%s is too short for a journal", reader->path);
	if (r < 0)
		return failure_set(failure, r, "can't read %s: %s", reader->path, strerror(-r));
	if (memcmp(header, magic, MAGIC_SIZE) != 0)
		return failure_set(failure, -EBADMSG, "%s is not a journal", reader->path);
	if (get_u32(header + MAGIC_SIZE) != JOURNAL_VERSION)
		return failure_set(failure, -EBADMSG, "%s is a journal of version %u; this program reads version %d",
		                   reader->path, get_u32(header + MAGIC_SIZE), JOURNAL_VERSION);
	return 0;
}

static int open_file(struct journal_reader *reader, struct failure *failure)
{
	struct stat status;
	int r;

	assert(reader->path);
	reader->fd = open(reader->path, O_RDONLY | O_CLOEXEC);
	if (reader->fd < 0 || fstat(reader->fd, &status) < 0) {
		r = -errno;
		return failure_set(failure, r, "can't open %s: %s", reader->path, strerror(-r));
	}
	if (!S_ISREG(status.st_mode))
		return failure_set(failure, -EBADMSG, "%s is not a journal", reader->path);
	reader->size = (uint64_t)status.st_size;
	return check_header(reader, failure);
}

int journal_reader_open(const char *run_folder, struct failure *failure, struct journal_reader **ret_reader)
{
	struct journal_reader *reader cleanup(journal_reader_closep) = calloc(1, sizeof(*reader));
	int r;

	if (!reader)
		return failure_set(failure, -ENOMEM, "no memory for the journal");
	reader->fd = -1;
	r = make_path(run_folder, failure, &reader->path);
	if (r == 0)
		r = open_file(reader, failure);
	if (r < 0)
		return r;
	*ret_reader = steal(reader);
	return 0;
}

/* Fetches the payload of the frame at `offset`: -EBADMSG if there is no whole, undamaged one. */
static int fetch(struct journal_reader *reader, uint64_t offset)
{
	uint8_t head[FRAME_HEAD_SIZE];
	uint32_t size;
	int r;

	if (offset > reader->size || reader->size - offset < FRAME_HEAD_SIZE)
		return -EBADMSG;
	r = read_at(reader->fd, offset, head, FRAME_HEAD_SIZE);
	if (r < 0)
		return r == -ENODATA ? -EBADMSG : r;
	size = get_u32(head);
	if (size == 0 || size > JOURNAL_RECORD_MAX || size > reader->size - offset - FRAME_HEAD_SIZE)
		return -EBADMSG;
	buffer_clear(&reader->payload);
	r = buffer_reserve(&reader->payload, size);
	if (r == 0)
		r = read_at(reader->fd, offset + FRAME_HEAD_SIZE, reader->payload.data, size);
	if (r < 0)
		return r == -ENODATA ? -EBADMSG : r;
	reader->payload.size = size;
	return hash_crc32(reader->payload.data, size) == get_u32(head + 4) ? 0 : -EBADMSG;
}

static int get(struct journal_reader *reader, uint64_t offset, struct journal_record *ret_record)
{
	int r = fetch(reader, offset);

	return r < 0 ? r : journal_record_decode(reader->payload.data, reader->payload.size, ret_record);
}

int journal_reader_get(struct journal_reader *reader, uint64_t offset, struct journal_record *ret_record,
                       struct failure *failure)
{
	int r = get(reader, offset, ret_record);

	if (r == -EBADMSG)
		return failure_set(failure, r, "%s holds no whole record at byte %llu", reader->path,
		                   (unsigned long long)offset);
	if (r < 0)
		return failure_set(failure, r, "can't read %s: %s", reader->path, strerror(-r));
	return 0;
}

/* The offset behind the frame that was fetched last. */
static uint64_t after(const struct journal_reader *reader, uint64_t offset)
{
	return offset + FRAME_HEAD_SIZE + reader->payload.size;
}

int journal_read(const char *run_folder, journal_record_fn record, void *context, uint64_t *ret_cut_bytes,
                 struct failure *failure)
{
	struct journal_reader *reader cleanup(journal_reader_closep) = NULL;
	uint64_t offset = HEADER_SIZE;
	int r = journal_reader_open(run_folder, failure, &reader);

	if (r < 0)
		return r;
	assert(reader);
	while (r == 0 && offset < reader->size) {
		struct journal_record decoded;

		r = get(reader, offset, &decoded);
		if (r == -EBADMSG) {
			r = 0;
			break;
		}
		if (r < 0)
			return failure_set(failure, r, "can't read %s: %s", reader->path, strerror(-r));
		r = record(context, &decoded, offset);
		journal_record_deinit(&decoded);
		offset = after(reader, offset);
	}
	if (r < 0)
		return r;
	*ret_cut_bytes = reader->size - offset;
	return 0;
}
