/* SPDX-License-Identifier: Apache-2.0 */
/* Folders that come and go. */
#include "deploy/lab/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/file.h"

enum { WALK_DESCRIPTORS = 16 };

int folder_new(struct failure *failure, char **ret_path)
{
	const char *parent = getenv("TMPDIR");
	cleanup(cleanup_free) char *path = file_join(parent && *parent == '/' ? parent : "/tmp", "stampede-lab-XXXXXX");

	if (!path)
		return failure_set(failure, -ENOMEM, "no memory");
	if (!mkdtemp(path))
		return failure_set(failure, -errno, "cannot make a folder like %s: %s", path, strerror(errno));
	if (chmod(path, 0755) < 0) {
		int code = -errno;

		rmdir(path);
		return failure_set(failure, code, "cannot open %s to others: %s", path, strerror(-code));
	}
	*ret_path = steal(path);
	return 0;
}

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
