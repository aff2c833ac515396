/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files and folders. */
#include "common/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/cleanup.h"

enum { READ_BYTES = 64 * 1024 };

static int fail(struct failure *failure, const char *what, const char *path)
{
	int code = -errno;

	return failure_set(failure, code, "cannot %s %s: %s", what, path, strerror(-code));
}

/* Reads to the end instead of trusting st_size: a pipe and a file in /proc have none. */
static int read_all(int fd, const char *path, size_t max_bytes, struct buffer *buffer, struct failure *failure)
{
	size_t start = buffer->size;

	for (;;) {
		ssize_t got;

		if (buffer_reserve(buffer, READ_BYTES) < 0)
			return failure_set(failure, -ENOMEM, "no memory for %s", path);
		got = read(fd, buffer->data + buffer->size, READ_BYTES);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(failure, "read", path);
		if (got == 0)
			return 0;
		buffer->size += (size_t)got;
		if (buffer->size - start > max_bytes)
			return failure_set(failure, -EFBIG, "%s is larger than %zu bytes, the most that is read", path,
			                   max_bytes);
	}
}

int file_read(const char *path, size_t max_bytes, struct buffer *buffer, struct failure *failure)
{
	cleanup(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t start = buffer->size;
	struct stat status;
	int r;

	if (fd < 0)
		return fail(failure, "open", path);
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && (uint64_t)status.st_size > max_bytes)
		return failure_set(failure, -EFBIG, "%s has %lld bytes; at most %zu are read", path,
		                   (long long)status.st_size, max_bytes);
	r = read_all(fd, path, max_bytes, buffer, failure);
	if (r < 0)
		buffer->size = start;
	return r;
}

static int write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, data, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		data += written;
		size -= (size_t)written;
	}
	return 0;
}

static int write_new(const char *temporary, const char *path, const void *data, size_t size, struct failure *failure)
{
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int written;
	int closed;

	if (fd < 0)
		return fail(failure, "create", path);
	written = write_all(fd, data, size);
	closed = close(fd);
	if (written < 0 || closed < 0 || rename(temporary, path) < 0)
		return fail(failure, "write", path);
	return 0;
}

int file_write(const char *path, const void *data, size_t size, struct failure *failure)
{
	cleanup(cleanup_free) char *temporary = NULL;
	int r;

	if (asprintf(&temporary, "%s.%ld.tmp", path, (long)getpid()) < 0) {
		temporary = NULL;
		return failure_set(failure, -ENOMEM, "no memory for %s", path);
	}
	r = write_new(temporary, path, data, size, failure);
	if (r < 0)
		unlink(temporary);
	return r;
}

static int make_one(const char *path)
{
	struct stat status;

	if (mkdir(path, 0777) == 0)
		return 0;
	if (errno != EEXIST)
		return -1;
	if (stat(path, &status) < 0)
		return -1;
	errno = ENOTDIR;
	return S_ISDIR(status.st_mode) ? 0 : -1;
}

int file_make_folder(const char *path, struct failure *failure)
{
	cleanup(cleanup_free) char *part = strdup(path);

	if (!part)
		return failure_set(failure, -ENOMEM, "no memory for %s", path);
	for (char *at = part[0] ? part + 1 : part; *at; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		if (make_one(part) < 0)
			return fail(failure, "make the folder", part);
		*at = '/';
	}
	if (make_one(part) < 0)
		return fail(failure, "make the folder", part);
	return 0;
}

char *file_join(const char *folder, const char *name)
{
	size_t length = strlen(folder);
	const char *between = length > 0 && folder[length - 1] != '/' ? "/" : "";
	char *path;

	if (asprintf(&path, "%s%s%s", folder, between, name) < 0)
		return NULL;
	return path;
}
