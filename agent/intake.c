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
	struct buffer *contents;
	struct plan_file *results;
	uint32_t count;
	uint32_t next; /* the file that is being fetched */
};

DEFINE_CLEANUP(struct intake *, intake_free)

struct intake *intake_free(struct intake *intake)
{
	if (!intake)
		return NULL;
	for (uint32_t i = 0; intake->contents && i < intake->count; i++)
		buffer_deinit(&intake->contents[i]);
	free(intake->contents);
	free(intake->results);
	free(intake);
	return NULL;
}

static int finish_file(struct intake *intake, struct failure *failure)
{
	const struct wire_file *file = &intake->files[intake->next];
	const struct buffer *content = &intake->contents[intake->next];
	char digest[SHA256_HEX_SIZE];

	hash_sha256_hex(content->data, content->size, digest);
	if (strcmp(digest, file->sha256) != 0)
		return failure_set(failure, -EBADMSG, "data file \"%s\" came with another digest than it should have",
		                   file->name);
	intake->results[intake->next] = (struct plan_file){
	        .name = file->name, .data = content->data ? (const void *)content->data : "", .size = content->size};
	intake->next++;
	return 0;
}

/* Empty files need no fetching. */
static int pass_empty(struct intake *intake, struct failure *failure)
{
	int r = 0;

	while (r == 0 && intake->next < intake->count && intake->files[intake->next].size == 0)
		r = finish_file(intake, failure);
	return r;
}

int intake_new(const struct wire_file *files, uint32_t count, struct failure *failure, struct intake **ret_intake)
{
	cleanup(intake_freep) struct intake *intake = calloc(1, sizeof(*intake));
	int r;

	if (!intake)
		return -ENOMEM;
	intake->files = files;
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
	r = pass_empty(intake, failure);
	if (r < 0)
		return r;
	*ret_intake = steal(intake);
	return 0;
}

_Bool intake_complete(const struct intake *intake)
{
	return intake->next == intake->count;
}

void intake_want(const struct intake *intake, struct message_fetch *ret_fetch)
{
	*ret_fetch = (struct message_fetch){.name = intake->files[intake->next].name,
	                                    .offset = intake->contents[intake->next].size};
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
		return failure_set(failure, -EBADMSG, "data file \"%s\" isn't as long as it was said to be",
		                   file->name);
	r = buffer_append(content, chunk->data, chunk->size);
	if (r < 0)
		return r;
	if (content->size == file->size) {
		r = finish_file(intake, failure);
		if (r == 0)
			r = pass_empty(intake, failure);
	}
	return r < 0 ? r : 1;
}

const struct plan_file *intake_files(const struct intake *intake)
{
	return intake->results;
}
