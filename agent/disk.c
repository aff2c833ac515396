/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that is a file without a name. */
#include "agent/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/file.h"

struct disk_file {
	char *folder;
	int fd; /* -1: not made yet */
};

DEFINE_CLEANUP(struct disk_file *, disk_file_free)

/* Where a file system can't make one without a name, the name is taken away at once. */
static int make_named(const char *folder)
{
	cleanup(cleanup_free) char *path = file_join(folder, ".stampede-spool-XXXXXX");
	int fd;

	if (!path)
		return -ENOMEM;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(path);
	return fd;
}

static int make_file(const char *folder)
{
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	return errno == EOPNOTSUPP || errno == EISDIR ? make_named(folder) : -errno;
}

int disk_file_new(const char *folder, struct failure *failure, struct disk_file **ret_file)
{
	cleanup(disk_file_freep) struct disk_file *file = calloc(1, sizeof(*file));
	const char *temporary = getenv("TMPDIR");
	int fd;

	if (!file)
		return failure_set(failure, -ENOMEM, "no memory");
	file->fd = -1;
	if (!folder)
		folder = temporary && *temporary ? temporary : "/var/tmp";
	file->folder = strdup(folder);
	if (!file->folder)
		return failure_set(failure, -ENOMEM, "no memory");
	fd = make_file(folder);
	if (fd < 0)
		return failure_set(failure, fd, "cannot make a file in %s for results that wait: %s", folder,
		                   strerrordesc_np(-fd));
	close(fd);
	*ret_file = steal(file);
	return 0;
}

struct disk_file *disk_file_free(struct disk_file *file)
{
	if (!file)
		return NULL;
	if (file->fd >= 0)
		close(file->fd);
	free(file->folder);
	free(file);
	return NULL;
}

static int write_at(void *context, uint64_t offset, const void *data, size_t size)
{
	struct disk_file *file = context;
	const uint8_t *from = data;

	if (file->fd < 0)
		file->fd = make_file(file->folder);
	if (file->fd < 0)
		return file->fd;
	while (size > 0) {
		ssize_t written = pwrite(file->fd, from, size, (off_t)offset);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written < 0 ? -errno : -EIO;
		from += written;
		offset += (uint64_t)written;
		size -= (size_t)written;
	}
	return 0;
}

static int read_at(void *context, uint64_t offset, void *data, size_t size)
{
	const struct disk_file *file = context;
	uint8_t *into = data;

	while (size > 0) {
		ssize_t got = pread(file->fd, into, size, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EIO;
		into += got;
		offset += (uint64_t)got;
		size -= (size_t)got;
	}
	return 0;
}

static void clear(void *context)
{
	struct disk_file *file = context;

	/* With the file its room goes back, whatever became of it. */
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

static const struct disk_ops disk_file_ops = {.write = write_at, .read = read_at, .clear = clear};

struct disk disk_file_disk(struct disk_file *file)
{
	return (struct disk){.ops = &disk_file_ops, .context = file};
}
