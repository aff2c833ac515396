/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files and folders. Blocks; never called on a worker's loop. */
#pragma once

#include "common/base/buffer.h"
#include "common/base/failure.h"

/* Reads all of `path` into *buffer (appended). -EFBIG above max_bytes, said with both numbers. */
int file_read(const char *path, size_t max_bytes, struct buffer *buffer, struct failure *failure);
/* Writes `path` anew through a temporary beside it and a rename, so that a reader sees the old
 * content or the new, never a part. */
int file_write(const char *path, const void *data, size_t size, struct failure *failure);
/* mkdir -p. */
int file_make_folder(const char *path, struct failure *failure);
/* "folder/name" in a new string, or NULL without memory. */
char *file_join(const char *folder, const char *name);
