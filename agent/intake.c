/* SPDX-License-Identifier: Apache-2.0 */
/* The data files of an assignment. */
#include "agent/intake.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buffer.h"
#include "common/base/cleanup.h"
#include "common/base/hash.h"
#include "common/base/limits.h"

struct intake {
	const struct wire_file *files;
	struct file_cache *cache;
	struct buffer *contents;
	struct plan_file *results;
	uint32_t count;
	uint32_t next;  /* the file that is being fetched; those before it are whole */
	uint64_t piece; /* bytes of one, as the first came; 0: it has not */
	uint64_t asked; /* what of the file was asked for */
};

enum { PIECES_AT_ONCE = 8 }; /* as many frames as the coordinator receives from us at a time */

DEFINE_CLEANUP(struct intake *, intake_free)

struct intake *intake_free(struct intake *intake)
{
	if (!intake)
		return NULL;
	for (uint32_t i = 0; intake->contents && i < intake->count; i++) {
		if (intake->cache && i < intake->next)
			file_cache_put(intake->cache, intake->files[i].sha256, &intake->contents[i]);
		buffer_deinit(&intake->contents[i]);
	}
	free(intake->contents);
	free(intake->results);
	free(intake);
	return NULL;
}

static void add_result(struct intake *intake, const void *data, size_t size)
{
	intake->results[intake->next] =
	        (struct plan_file){.name = intake->files[intake->next].name, .data = data ? data : "", .size = size};
	intake->next++;
	intake->piece = 0;
	intake->asked = 0;
}

static int finish_file(struct intake *intake, struct failure *failure)
{
	const struct wire_file *file = &intake->files[intake->next];
	const struct buffer *content = &intake->contents[intake->next];
	char digest[SHA256_HEX_SIZE];

	hash_sha256_hex(content->data, content->size, digest);
	if (strcmp(digest, file->sha256) != 0)
		return failure_set(failure, -EBADMSG,
		                   "data file \"%s\" came with another digest than it should have: it was changed "
		                   "after the run began",
		                   file->name);
	add_result(intake, content->data, content->size);
	return 0;
}

/* Whether the next file's content is here already: by an earlier feed of this plan, or by an earlier run. */
static _Bool find_file(struct intake *intake)
{
	const struct wire_file *file = &intake->files[intake->next];
	struct buffer *content = &intake->contents[intake->next];

	for (uint32_t i = 0; i < intake->next; i++) {
		const struct plan_file *result = &intake->results[i];

		if (result->size == file->size && strcmp(intake->files[i].sha256, file->sha256) == 0) {
			add_result(intake, result->data, result->size);
			return 1;
		}
	}
	if (!intake->cache || !file_cache_take(intake->cache, file->sha256, content))
		return 0;
	if (content->size == file->size) {
		add_result(intake, content->data, content->size);
		return 1;
	}
	buffer_deinit(content);
	return 0;
}

/* Those that need no fetching. */
static int pass_known(struct intake *intake, struct failure *failure)
{
	int r = 0;

	while (r == 0 && intake->next < intake->count) {
		if (find_file(intake))
			continue;
		if (intake->files[intake->next].size > 0)
			break;
		r = finish_file(intake, failure);
	}
	return r;
}

int intake_new(const struct wire_file *files, uint32_t count, struct file_cache *cache, struct failure *failure,
               struct intake **ret_intake)
{
	cleanup(intake_freep) struct intake *intake = calloc(1, sizeof(*intake));
	int r;

	if (!intake)
		return -ENOMEM;
	intake->files = files;
	intake->cache = cache;
	intake->count = count;
	intake->contents = calloc(count + 1, sizeof(*intake->contents));
	intake->results = calloc(count + 1, sizeof(*intake->results));
	if (!intake->contents || !intake->results)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		if (files[i].size > LIMIT_FEED_BYTES)
			return failure_set(failure, -EFBIG, "data file \"%s\" has %" PRIu64 " bytes, more than %d",
			                   files[i].name, files[i].size, LIMIT_FEED_BYTES);
	}
	r = pass_known(intake, failure);
	if (r < 0)
		return r;
	*ret_intake = steal(intake);
	return 0;
}

_Bool intake_complete(const struct intake *intake)
{
	return intake->next == intake->count;
}

_Bool intake_want(struct intake *intake, struct message_fetch *ret_fetch)
{
	const struct wire_file *file = &intake->files[intake->next];
	uint64_t have, ahead;

	if (intake_complete(intake))
		return 0;
	have = intake->contents[intake->next].size;
	ahead = intake->asked - have;
	if (intake->asked >= file->size || (ahead > 0 && ahead >= PIECES_AT_ONCE * intake->piece))
		return 0;
	*ret_fetch = (struct message_fetch){.name = file->name, .offset = intake->asked};
	intake->asked += intake->piece > 0 ? intake->piece : 1;
	return 1;
}

void intake_rewind(struct intake *intake)
{
	intake->asked = intake_complete(intake) ? 0 : intake->contents[intake->next].size;
}

int intake_take(struct intake *intake, const struct message_chunk *chunk, struct failure *failure)
{
	const struct wire_file *file;
	struct buffer *content;
	int r;

	if (intake_complete(intake))
		return 0;
	file = &intake->files[intake->next];
	content = &intake->contents[intake->next];
	if (strcmp(chunk->name, file->name) != 0 || chunk->offset != content->size)
		return 0;
	if (chunk->size == 0 || chunk->size > file->size - content->size)
		return failure_set(failure, -EBADMSG,
		                   "data file \"%s\" isn't as long as it was said to be: it was changed after the run "
		                   "began",
		                   file->name);
	r = buffer_append(content, chunk->data, chunk->size);
	if (r < 0)
		return r;
	if (intake->piece == 0)
		intake->piece = chunk->size;
	if (chunk->offset == 0 || intake->asked < content->size)
		intake->asked = content->size;
	if (content->size == file->size) {
		r = finish_file(intake, failure);
		if (r == 0)
			r = pass_known(intake, failure);
	}
	return r < 0 ? r : 1;
}

const struct plan_file *intake_files(const struct intake *intake)
{
	return intake->results;
}
