/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's file as its writer and its reader know it: frames of whole records behind a magic and a version. */
#pragma once

#include "coordinator/journal/journal.h"

#define JOURNAL_MAGIC "STAMPEDE"

enum {
	JOURNAL_MAGIC_SIZE = 8,
	JOURNAL_HEADER_SIZE = JOURNAL_MAGIC_SIZE + 4, /* and the version, u32 */
	JOURNAL_HEAD_SIZE = 8,                        /* of a frame: length and checksum */
	JOURNAL_VERSION = 3,
};

/* RUN_DIR/journal. */
int journal_path(const char *run_folder, struct failure *failure, char **ret_path);
/* Calls `record` with each whole record of an open file, as journal_read() does. *ret_size is up to where all is whole,
 * *ret_cut_bytes what is behind. -EBADMSG also for a whole frame that holds no record, and for a broken one that a
 * whole one follows: no torn write has left that, so it is not for cutting. */
int journal_walk(int fd, const char *path, journal_record_fn record, void *context, uint64_t *ret_size,
                 uint64_t *ret_cut_bytes, struct failure *failure);
