/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the journal's file. A frame is believed only when its checksum holds, and the reading ends at the first that
 * doesn't. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "coordinator/journal/journal_codec.h"
#include "coordinator/journal/journal_file.h"

int journal_path(const char *run_folder, struct failure *failure, char **ret_path)
{
	char *path = file_join(run_folder, "journal");

	if (!path)
		return failure_set(failure, -ENOMEM, "no memory to open the journal in %s", run_folder);
	*ret_path = path;
	return 0;
}

static uint32_t get_u32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
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
	char *path; /* the reader's own, as its fd is: but for journal_walk()'s, which borrows both */
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
	uint8_t header[JOURNAL_HEADER_SIZE];
	int r = read_at(reader->fd, 0, header, JOURNAL_HEADER_SIZE);

	if (r == -ENODATA)
		return failure_set(failure, -EBADMSG, "%s is too short for a journal", reader->path);
	if (r < 0)
		return failure_set(failure, r, "can't read %s: %s", reader->path, strerror(-r));
	if (memcmp(header, JOURNAL_MAGIC, JOURNAL_MAGIC_SIZE) != 0)
		return failure_set(failure, -EBADMSG, "%s is not a journal", reader->path);
	if (get_u32(header + JOURNAL_MAGIC_SIZE) != JOURNAL_VERSION)
		return failure_set(failure, -EBADMSG, "%s is a journal of version %u; this program reads version %d",
		                   reader->path, get_u32(header + JOURNAL_MAGIC_SIZE), JOURNAL_VERSION);
	return 0;
}

static int check_file(struct journal_reader *reader, struct failure *failure)
{
	struct stat status;
	int r;

	if (fstat(reader->fd, &status) < 0) {
		r = -errno;
		return failure_set(failure, r, "can't read %s: %s", reader->path, strerror(-r));
	}
	if (!S_ISREG(status.st_mode))
		return failure_set(failure, -EBADMSG, "%s is not a journal", reader->path);
	reader->size = (uint64_t)status.st_size;
	return check_header(reader, failure);
}

static int open_file(struct journal_reader *reader, struct failure *failure)
{
	int r;

	assert(reader->path);
	reader->fd = open(reader->path, O_RDONLY | O_CLOEXEC);
	if (reader->fd < 0) {
		r = -errno;
		return failure_set(failure, r, "can't open %s: %s", reader->path, strerror(-r));
	}
	return check_file(reader, failure);
}

int journal_reader_open(const char *run_folder, struct failure *failure, struct journal_reader **ret_reader)
{
	struct journal_reader *reader cleanup(journal_reader_closep) = calloc(1, sizeof(*reader));
	int r;

	if (!reader)
		return failure_set(failure, -ENOMEM, "no memory for the journal");
	reader->fd = -1;
	r = journal_path(run_folder, failure, &reader->path);
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
	uint8_t head[JOURNAL_HEAD_SIZE];
	uint32_t size;
	int r;

	if (offset > reader->size || reader->size - offset < JOURNAL_HEAD_SIZE)
		return -EBADMSG;
	r = read_at(reader->fd, offset, head, JOURNAL_HEAD_SIZE);
	if (r < 0)
		return r == -ENODATA ? -EBADMSG : r;
	size = get_u32(head);
	if (size == 0 || size > JOURNAL_RECORD_MAX || size > reader->size - offset - JOURNAL_HEAD_SIZE)
		return -EBADMSG;
	buffer_clear(&reader->payload);
	r = buffer_reserve(&reader->payload, size);
	if (r == 0)
		r = read_at(reader->fd, offset + JOURNAL_HEAD_SIZE, reader->payload.data, size);
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
	return offset + JOURNAL_HEAD_SIZE + reader->payload.size;
}

/* Calls `record` with what is whole; *ret_size is up to where. */
static int read_records(struct journal_reader *reader, journal_record_fn record, void *context, uint64_t *ret_size,
                        struct failure *failure)
{
	uint64_t offset = JOURNAL_HEADER_SIZE;

	while (offset < reader->size) {
		struct journal_record decoded;
		int r = get(reader, offset, &decoded);

		if (r == -EBADMSG)
			break;
		if (r < 0)
			return failure_set(failure, r, "can't read %s: %s", reader->path, strerror(-r));
		r = record(context, &decoded, offset);
		journal_record_deinit(&decoded);
		if (r < 0)
			return r;
		offset = after(reader, offset);
	}
	*ret_size = offset;
	return 0;
}

int journal_read(const char *run_folder, journal_record_fn record, void *context, uint64_t *ret_cut_bytes,
                 struct failure *failure)
{
	struct journal_reader *reader cleanup(journal_reader_closep) = NULL;
	uint64_t size = 0;
	int r = journal_reader_open(run_folder, failure, &reader);

	if (r < 0)
		return r;
	assert(reader);
	r = read_records(reader, record, context, &size, failure);
	if (r < 0)
		return r;
	*ret_cut_bytes = reader->size - size;
	return 0;
}

/* True if what stands at `offset` is no torn end: it is a whole frame, or one follows it. */
static _Bool is_damaged(struct journal_reader *reader, uint64_t offset)
{
	uint8_t head[JOURNAL_HEAD_SIZE];

	if (fetch(reader, offset) == 0)
		return 1;
	if (offset > reader->size || reader->size - offset < JOURNAL_HEAD_SIZE ||
	    read_at(reader->fd, offset, head, JOURNAL_HEAD_SIZE) < 0)
		return 0;
	return fetch(reader, offset + JOURNAL_HEAD_SIZE + get_u32(head)) == 0;
}

int journal_walk(int fd, const char *path, journal_record_fn record, void *context, uint64_t *ret_size,
                 uint64_t *ret_cut_bytes, struct failure *failure)
{
	struct journal_reader reader = {.fd = fd, .path = (char *)(uintptr_t)path};
	uint64_t size = 0;
	int r = check_file(&reader, failure);

	if (r == 0)
		r = read_records(&reader, record, context, &size, failure);
	if (r == 0 && is_damaged(&reader, size))
		r = failure_set(failure, -EBADMSG, "%s is damaged: its record at byte %llu can't be read", path,
		                (unsigned long long)size);
	buffer_deinit(&reader.payload);
	if (r < 0)
		return r;
	*ret_size = size;
	*ret_cut_bytes = reader.size - size;
	return 0;
}
