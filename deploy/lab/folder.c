/* SPDX-License-Identifier: Apache-2.0 */
/* Folders that come and go. */
#include "deploy/lab/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/file.h"

#define PREFIX "stampede-lab-"

enum {
	WALK_DESCRIPTORS = 16,
	LEFT_AFTER_S = 60, /* a folder is locked well before */
};

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path) < 0 && errno != ENOENT ? errno : 0;
}

int folder_remove(const char *path)
{
	int r = nftw(path, remove_one, WALK_DESCRIPTORS, FTW_DEPTH | FTW_PHYS);

	if (r < 0)
		return errno == ENOENT ? 0 : -errno;
	return -r;
}

static const char *parent_folder(void)
{
	const char *parent = getenv("TMPDIR");

	return parent && *parent == '/' ? parent : "/tmp";
}

/* The folder's descriptor with its lock held, or a negative errno: -EWOULDBLOCK while its lab lives. */
static int lock(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int code = -errno;

		close(fd);
		return code;
	}
	return fd;
}

/* Removes it if it is ours, its lab is dead, and it isn't one that is just being made. */
static void remove_if_left(const char *path)
{
	cleanup(cleanup_close) int fd = lock(path);
	struct stat status;

	if (fd >= 0 && fstat(fd, &status) == 0 && status.st_uid == geteuid() &&
	    status.st_mtime + LEFT_AFTER_S < time(NULL))
		folder_remove(path);
}

static void remove_left(const char *parent)
{
	cleanup(cleanup_free) char *pattern = file_join(parent, PREFIX "*");
	glob_t found = {0};

	if (pattern && glob(pattern, GLOB_NOSORT, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			remove_if_left(found.gl_pathv[i]);
	globfree(&found);
}

int folder_open(struct failure *failure, struct folder *ret_folder)
{
	cleanup(cleanup_free) char *path = file_join(parent_folder(), PREFIX "XXXXXX");
	int fd = -1, r = 0;

	if (!path)
		return failure_set(failure, -ENOMEM, "no memory");
	remove_left(parent_folder());
	if (!mkdtemp(path))
		return failure_set(failure, -errno, "cannot make a folder like %s: %s", path, strerror(errno));
	fd = lock(path);
	if (fd < 0)
		r = fd;
	else if (chmod(path, 0755) < 0)
		r = -errno;
	if (r < 0) {
		if (fd >= 0)
			close(fd);
		rmdir(path);
		return failure_set(failure, r, "cannot use %s: %s", path, strerror(-r));
	}
	*ret_folder = (struct folder){.path = steal(path), .lock_fd = fd};
	return 0;
}

void folder_close(struct folder *folder)
{
	if (!folder->path)
		return;
	folder_remove(folder->path);
	close(folder->lock_fd);
	free(folder->path);
	*folder = (struct folder){.lock_fd = -1};
}

char *folder_cache(void)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char *path = NULL;

	if (cache && *cache == '/')
		return file_join(cache, "stampede");
	if (!home || *home != '/' || asprintf(&path, "%s/.cache/stampede", home) < 0)
		return NULL;
	return path;
}

const char *folder_tail(const char *path, char *buffer, size_t size)
{
	cleanup(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = 0;
	off_t end;

	if (fd >= 0) {
		end = lseek(fd, 0, SEEK_END);
		got = pread(fd, buffer, size - 1, end > (off_t)size - 1 ? end - (off_t)size + 1 : 0);
	}
	if (got < 0)
		got = 0;
	while (got > 0 && (unsigned char)buffer[got - 1] <= ' ')
		got--;
	buffer[got] = 0;
	for (char *at = buffer; *at; at++)
		if ((unsigned char)*at < ' ')
			*at = ' ';
	return buffer;
}
