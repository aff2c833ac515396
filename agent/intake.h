/* SPDX-License-Identifier: Apache-2.0 */
/* The data files of an assignment, put together from chunks and held against their digests, or had from an earlier
 * run. Pure. */
#pragma once

#include "agent/file_cache.h"
#include "common/base/failure.h"
#include "common/plan/plan.h"
#include "common/wire/message.h"

struct intake;

/* Keeps pointers to the files and the cache (NULL: none). 0, -ENOMEM, -EFBIG (a file above LIMIT_FEED_BYTES). */
int intake_new(const struct wire_file *files, uint32_t count, struct file_cache *cache, struct failure *failure,
               struct intake **ret_intake);
/* What is whole goes into the cache. */
struct intake *intake_free(struct intake *intake);
/* True when every file is there. */
_Bool intake_complete(const struct intake *intake);
/* What to ask for now: some pieces may be on their way at the same time, once the first says how large they are. False:
 * nothing. */
_Bool intake_want(struct intake *intake, struct message_fetch *ret_fetch);
/* What was asked for and isn't here counts as lost: intake_want() names it again. */
void intake_rewind(struct intake *intake);
/* 1: taken; 0: not what was asked for; -EBADMSG: too much of it, or the file's digest is wrong, said; -ENOMEM. */
int intake_take(struct intake *intake, const struct message_chunk *chunk, struct failure *failure);
/* One for each file. */
const struct plan_file *intake_files(const struct intake *intake);
