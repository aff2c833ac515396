/* SPDX-License-Identifier: Apache-2.0 */
/* The plan's data files, by path and digest. */
#include "coordinator/data_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/limits.h"

/* The whole path of a feed's file, which the plan names from its own folder. NULL without memory. */
static char *path_of(const struct plan *plan, const struct feed *feed)
{
	const char *slash = strrchr(plan->file, '/');
	char *folder cleanup(cleanup_free) =
	        slash ? strndup(plan->file, (size_t)(slash - plan->file) + 1) : strdup(".");
	char *path cleanup(cleanup_free) = NULL;
	char *whole;

	if (!folder)
		return NULL;
	path = feed_csv(feed)[0] == '/' ? strdup(feed_csv(feed)) : file_join(folder, feed_csv(feed));
	if (!path)
		return NULL;
	whole = realpath(path, NULL);
	return whole ? whole : steal(path);
}

int data_files_list(const struct plan *plan, struct journal_file **ret_files)
{
	struct journal_file *files = calloc(plan->feed_count ? plan->feed_count : 1, sizeof(*files));

	for (uint32_t i = 0; files && i < plan->feed_count; i++) {
		char digest[SHA256_HEX_SIZE];
		size_t size;
		const void *data = feed_data(plan->feeds[i], &size);

		hash_sha256_hex(data, size, digest);
		files[i] = (struct journal_file){.name = strdup(feed_name(plan->feeds[i])),
		                                 .path = path_of(plan, plan->feeds[i]),
		                                 .size = size,
		                                 .sha256 = strdup(digest)};
		if (!files[i].name || !files[i].path || !files[i].sha256)
			files = data_files_free(files, i + 1);
	}
	if (!files)
		return -ENOMEM;
	*ret_files = files;
	return 0;
}

struct journal_file *data_files_free(struct journal_file *files, uint32_t count)
{
	for (uint32_t i = 0; files && i < count; i++) {
		free(files[i].name);
		free(files[i].path);
		free(files[i].sha256);
	}
	free(files);
	return NULL;
}

static int read_one(const struct journal_file *file, struct buffer *buffer, struct failure *failure)
{
	char digest[SHA256_HEX_SIZE];
	struct failure reason = {0};
	int r = file_read(file->path, LIMIT_FEED_BYTES, buffer, &reason);

	if (r == -ENOMEM)
		return failure_set(failure, r, "no memory for data \"%s\"", file->name);
	if (r < 0)
		return failure_set(failure, -EINVAL, "data \"%s\": %s", file->name, reason.text);
	hash_sha256_hex(buffer->data ? buffer->data : (const uint8_t *)"", buffer->size, digest);
	if (buffer->size != file->size || strcmp(digest, file->sha256) != 0)
		return failure_set(failure, -EINVAL, "data \"%s\": %s is not what it was when the run was started",
		                   file->name, file->path);
	return 0;
}

int data_files_read(const struct journal_file *files, uint32_t count, struct buffer *buffers, struct failure *failure)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < count; i++)
		r = read_one(&files[i], &buffers[i], failure);
	return r;
}
