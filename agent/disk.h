/* SPDX-License-Identifier: Apache-2.0 */
/* Room beside memory: bytes at offsets. What stands behind it is a file, or a simulator's. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/failure.h"

/* All block. */
struct disk_ops {
	/* All of it, or a negative errno: what lies at these offsets is undefined then. */
	int (*write)(void *context, uint64_t offset, const void *data, size_t size);
	/* All of what was written there, or a negative errno (-EIO where it is not there any more). */
	int (*read)(void *context, uint64_t offset, void *data, size_t size);
	/* Nothing of it is needed any more. */
	void (*clear)(void *context);
};

/* A value; zero is no disk. */
struct disk {
	const struct disk_ops *ops;
	void *context;
};

/* A file without a name in a folder: nobody else opens it, and nothing is left behind by a process that is killed. It
 * is made by the first write, so that a run that needs none makes none. */
struct disk_file;

/* `folder` NULL: TMPDIR, else /var/tmp, which is on a disk where /tmp is in memory. Tries whether a file can be made
 * there. 0, or a negative errno with the reason. */
int disk_file_new(const char *folder, struct failure *failure, struct disk_file **ret_file);
struct disk_file *disk_file_free(struct disk_file *file);
struct disk disk_file_disk(struct disk_file *file);
