/* SPDX-License-Identifier: Apache-2.0 */
/* The folder with the keys of closed links. */
#include "coordinator/key_folder.h"

#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/array.h"
#include "common/base/cleanup.h"
#include "common/base/file.h"
#include "common/base/limits.h"

#define COORDINATOR "coordinator"
#define AGENTS "agents"

enum { NAME_BYTES = 64, TITLE_SIZE = 128 };

static int fail(struct failure *failure, const char *what, const char *path)
{
	int code = -errno;

	return failure_set(failure, code, "can't %s %s: %s", what, path, strerror(-code));
}

/* A new file; what was begun is taken away again. */
static int write_new(const char *path, mode_t mode, struct buffer *text, struct failure *failure)
{
	cleanup(cleanup_close) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	if (fd < 0 && errno == EEXIST)
		return failure_set(failure, -EEXIST, "%s exists already; it is left as it is", path);
	if (fd < 0)
		return fail(failure, "make", path);
	errno = ENOSPC; /* a short write says nothing else */
	if (write(fd, text->data, text->size) == (ssize_t)text->size)
		return 0;
	fail(failure, "write", path);
	unlink(path);
	return failure->code;
}

static int write_key(const struct key_pair *pair, const char *path, const char *title, _Bool secret,
                     struct failure *failure)
{
	struct buffer text cleanup(buffer_deinit) = {0};
	int r = key_format(pair, title, secret, &text);

	if (r < 0)
		return failure_set(failure, r, "no memory");
	r = write_new(path, secret ? 0600 : 0644, &text, failure);
	explicit_bzero(text.data, text.size);
	return r;
}

/* A pair in its two files, or none of them. */
static int write_pair(const char *folder, const char *name, const char *public_folder, struct failure *failure)
{
	char *secret_path cleanup(cleanup_free) = NULL, *public_path cleanup(cleanup_free) = NULL;
	cleanup(key_pair_wipe) struct key_pair pair = {0};
	char title[TITLE_SIZE];
	int r = key_pair_make(&pair);

	if (r < 0)
		return failure_set(failure, r, "no keys: %s", r == -ENOTSUP ? "ZeroMQ lacks CURVE" : strerror(-r));
	if (asprintf(&secret_path, "%s/%s.key", folder, name) < 0 ||
	    asprintf(&public_path, "%s/%s.pub", public_folder, name) < 0)
		return failure_set(failure, -ENOMEM, "no memory");
	snprintf(title, sizeof(title), "the key of %s; keep it secret", name);
	r = write_key(&pair, secret_path, title, 1, failure);
	if (r < 0)
		return r;
	snprintf(title, sizeof(title), "the public key of %s", name);
	r = write_key(&pair, public_path, title, 0, failure);
	if (r < 0)
		unlink(secret_path);
	return r;
}

static int make_folder(const char *path, mode_t mode, struct failure *failure)
{
	assert(path);
	return mkdir(path, mode) < 0 && errno != EEXIST ? fail(failure, "make the folder", path) : 0;
}

/* Names are files' names here, and the coordinator's is taken. */
static int check_name(const char *name, struct failure *failure)
{
	size_t length = strlen(name);
	_Bool good = length > 0 && length <= NAME_BYTES && isalnum((unsigned char)name[0]);

	for (size_t i = 0; i < length; i++)
		good = good && (isalnum((unsigned char)name[i]) || strchr("-._", name[i]));
	if (!good)
		return failure_set(failure, -EINVAL,
		                   "\"%s\" is not a name of 1 to %d letters, digits, dots, dashes and underscores",
		                   name, NAME_BYTES);
	if (strcmp(name, COORDINATOR) == 0)
		return failure_set(failure, -EINVAL, "\"%s\" is the coordinator's own name", name);
	return 0;
}

static int add_agent(const char *folder, const char *name, struct failure *failure)
{
	char *agents cleanup(cleanup_free) = file_join(folder, AGENTS);

	return agents ? write_pair(folder, name, agents, failure) : failure_set(failure, -ENOMEM, "no memory");
}

int key_folder_make(const char *folder, struct failure *failure)
{
	char *agents cleanup(cleanup_free) = file_join(folder, AGENTS);
	int r = agents ? make_folder(folder, 0700, failure) : failure_set(failure, -ENOMEM, "no memory");

	if (r == 0)
		r = write_pair(folder, COORDINATOR, folder, failure);
	if (r == 0)
		r = make_folder(agents, 0700, failure);
	return r == 0 ? add_agent(folder, KEY_FOLDER_AGENT, failure) : r;
}

int key_folder_add(const char *folder, const char *name, struct failure *failure)
{
	char *path cleanup(cleanup_free) = file_join(folder, COORDINATOR ".pub");
	struct key_pair pair;
	int r = check_name(name, failure);

	if (r < 0)
		return r;
	if (!path)
		return failure_set(failure, -ENOMEM, "no memory");
	if (access(path, F_OK) < 0)
		return failure_set(failure, -EINVAL,
		                   "%s has no " COORDINATOR ".pub; \"stampede keys %s\" makes it first", folder,
		                   folder);
	r = key_read(path, 0, failure, &pair);
	return r == 0 ? add_agent(folder, name, failure) : r;
}

static int allow(const char *folder, const char *name, struct failure *failure, size_t *capacity,
                 struct link_keys *keys)
{
	char *path cleanup(cleanup_free) = file_join(folder, name);
	struct key_pair pair;
	int r = path ? key_read(path, 0, failure, &pair) : failure_set(failure, -ENOMEM, "no memory");

	if (r < 0)
		return r;
	if (keys->allowed_count == LIMIT_AGENTS)
		return failure_set(failure, -EINVAL, "%s has more than %d agents", folder, LIMIT_AGENTS);
	r = array_reserve(&keys->allowed, capacity, keys->allowed_count + 1u, sizeof(*keys->allowed));
	if (r < 0)
		return failure_set(failure, r, "no memory");
	memcpy(keys->allowed[keys->allowed_count++], pair.public_key, KEY_SIZE);
	return 0;
}

static _Bool is_public_key(const char *name)
{
	size_t length = strlen(name);

	return name[0] != '.' && length > 4 && strcmp(name + length - 4, ".pub") == 0;
}

static int read_agents(const char *path, struct failure *failure, struct link_keys *keys)
{
	const struct dirent *entry;
	size_t capacity = 0;
	DIR *folder;
	int r = 0;

	assert(path);
	folder = opendir(path);
	if (!folder)
		return fail(failure, "read the folder", path);
	while (r == 0 && (entry = readdir(folder))) {
		if (is_public_key(entry->d_name))
			r = allow(path, entry->d_name, failure, &capacity, keys);
	}
	closedir(folder);
	if (r == 0 && keys->allowed_count == 0)
		return failure_set(failure, -EINVAL, "%s lists no agent: it has no .pub file", path);
	return r;
}

int key_folder_read(const char *folder, struct failure *failure, struct link_keys *ret_keys)
{
	char *path cleanup(cleanup_free) = file_join(folder, COORDINATOR ".key");
	char *agents cleanup(cleanup_free) = file_join(folder, AGENTS);
	int r = path && agents ? key_read(path, 1, failure, &ret_keys->own)
	                       : failure_set(failure, -ENOMEM, "no memory");

	return r == 0 ? read_agents(agents, failure, ret_keys) : r;
}
