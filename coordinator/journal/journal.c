/* SPDX-License-Identifier: Apache-2.0 */
/* Writing the journal's file. The writer keeps the size up to which all is whole, and cuts back to it whatever a failed
 * write, or a coordinator that was killed, left behind. */
#include "coordinator/journal/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/hash.h"
#include "coordinator/journal/journal_codec.h"
#include "coordinator/journal/journal_file.h"

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

	assert(journal && journal->path);
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
	buffer_append(&journal->frame, JOURNAL_MAGIC, JOURNAL_MAGIC_SIZE);
	buffer_append_u32(&journal->frame, JOURNAL_VERSION);
	r = journal->frame.failed ? journal->frame.failed : append_bytes(journal, &journal->frame);
	if (r < 0) {
		unlink(journal->path);
		return failure_set(failure, r, "can't write %s: %s", journal->path, strerror(-r));
	}
	return 0;
}

static int journal_new(const char *run_folder, _Bool fsync_each, struct failure *failure, struct journal **ret_journal)
{
	struct journal *journal = calloc(1, sizeof(*journal));
	int r;

	if (!journal)
		return failure_set(failure, -ENOMEM, "no memory for the journal");
	journal->fd = -1;
	journal->fsync_each = fsync_each;
	*ret_journal = journal;
	r = journal_path(run_folder, failure, &journal->path);
	if (r < 0)
		*ret_journal = journal_close(journal);
	return r;
}

int journal_create(const char *run_folder, _Bool fsync_each, struct failure *failure, struct journal **ret_journal)
{
	struct journal *journal cleanup(journal_closep) = NULL;
	int r = journal_new(run_folder, fsync_each, failure, &journal);

	if (r == 0)
		r = create_file(journal, failure);
	if (r < 0)
		return r;
	*ret_journal = steal(journal);
	return 0;
}

static int lock_file(struct journal *journal, struct failure *failure)
{
	int r;

	assert(journal && journal->path);
	journal->fd = open(journal->path, O_RDWR | O_CLOEXEC);
	if (journal->fd < 0) {
		r = -errno;
		return failure_set(failure, r, "can't open %s: %s", journal->path, strerror(-r));
	}
	if (flock(journal->fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	r = -errno;
	if (r == -EWOULDBLOCK)
		return failure_set(failure, -EBUSY, "%s belongs to a run that is going on", journal->path);
	return failure_set(failure, r, "can't lock %s: %s", journal->path, strerror(-r));
}

/* Cuts off what is behind the last whole record. */
static int cut_tail(struct journal *journal, struct failure *failure)
{
	int r;

	if (ftruncate(journal->fd, (off_t)journal->size) == 0 && (!journal->fsync_each || fdatasync(journal->fd) == 0))
		return 0;
	r = -errno;
	return failure_set(failure, r, "can't cut off the end of %s: %s", journal->path, strerror(-r));
}

int journal_reopen(const char *run_folder, _Bool fsync_each, journal_record_fn record, void *context,
                   uint64_t *ret_cut_bytes, struct failure *failure, struct journal **ret_journal)
{
	struct journal *journal cleanup(journal_closep) = NULL;
	int r = journal_new(run_folder, fsync_each, failure, &journal);

	if (r == 0)
		r = lock_file(journal, failure);
	if (r == 0)
		r = journal_walk(journal->fd, journal->path, record, context, &journal->size, ret_cut_bytes, failure);
	if (r == 0 && *ret_cut_bytes > 0)
		r = cut_tail(journal, failure);
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

static int make_frame(const struct journal_record *record, struct buffer *frame)
{
	static const uint8_t head[JOURNAL_HEAD_SIZE];
	size_t size;

	buffer_clear(frame);
	buffer_append(frame, head, JOURNAL_HEAD_SIZE);
	journal_record_encode(record, frame);
	if (frame->failed)
		return frame->failed;
	size = frame->size - JOURNAL_HEAD_SIZE;
	if (size > JOURNAL_RECORD_MAX)
		return -EMSGSIZE;
	put_u32(frame->data, (uint32_t)size);
	put_u32(frame->data + 4, hash_crc32(frame->data + JOURNAL_HEAD_SIZE, size));
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
