/* SPDX-License-Identifier: Apache-2.0 */
/* The plan's data files: what the journal says of them, and reading the same ones again for a resume. */
#pragma once

#include "common/base/buffer.h"
#include "common/base/failure.h"
#include "common/plan/plan.h"
#include "coordinator/journal/journal.h"

/* One for each of the plan's feeds: its file's whole path, size and SHA-256. Released by data_files_free(). 0 or
 * -ENOMEM. */
int data_files_list(const struct plan *plan, struct journal_file **ret_files);
struct journal_file *data_files_free(struct journal_file *files, uint32_t count);
/* Reads them again into buffers[i]. -EINVAL with the file if one can't be read, or isn't what it was; -ENOMEM. Blocks
 * on files. */
int data_files_read(const struct journal_file *files, uint32_t count, struct buffer *buffers, struct failure *failure);
