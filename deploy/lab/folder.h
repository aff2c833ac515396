/* SPDX-License-Identifier: Apache-2.0 */
/* Folders that come and go: the lab's temporary one, and the cache. */
#pragma once

#include <stddef.h>

#include "common/base/failure.h"

struct folder {
	char *path; /* NULL: none */
	int lock_fd;
};

/* A new folder under $TMPDIR (or /tmp) that other users may pass through. It is locked, so that those which a killed
 * lab left behind can be told apart; these are removed here. */
int folder_open(struct failure *failure, struct folder *ret_folder);
/* Removes it with all that lies in it. */
void folder_close(struct folder *folder);
/* Removes a folder with all that lies in it; what isn't there is no error. 0 or a negative errno. */
int folder_remove(const char *path);
/* $XDG_CACHE_HOME/stampede, or ~/.cache/stampede; NULL where there is no home. Not made. Allocated. */
char *folder_cache(void);
/* The last bytes of a text file, on one line, for a message; "" where there are none. Returns buffer. */
const char *folder_tail(const char *path, char *buffer, size_t size);
