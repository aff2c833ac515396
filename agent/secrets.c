/* SPDX-License-Identifier: Apache-2.0 */
/* Values that stay on the agent. */
#include "agent/secrets.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/buffer.h"
#include "common/base/cleanup.h"
#include "common/base/file.h"

enum { SECRET_BYTES_MAX = 64 * 1024 };

struct secret {
	char *name;
	char *value; /* NULL: there is none */
};

struct secrets {
	char *folder;
	struct secret *items;
	size_t count;
	size_t capacity;
};

struct secrets *secrets_new(const char *folder)
{
	struct secrets *secrets = calloc(1, sizeof(*secrets));

	if (!secrets || !folder)
		return secrets;
	secrets->folder = strdup(folder);
	return secrets->folder ? secrets : secrets_free(secrets);
}

static void wipe(char *value)
{
	if (value)
		explicit_bzero(value, strlen(value));
	free(value);
}

struct secrets *secrets_free(struct secrets *secrets)
{
	if (!secrets)
		return NULL;
	for (size_t i = 0; i < secrets->count; i++) {
		wipe(secrets->items[i].value);
		free(secrets->items[i].name);
	}
	free(secrets->items);
	free(secrets->folder);
	free(secrets);
	return NULL;
}

static _Bool is_name(const char *name)
{
	if (name[0] == '\0' || name[0] == '.')
		return 0;
	for (const char *at = name; *at; at++) {
		if (!isalnum((unsigned char)*at) && !strchr("_-.", *at))
			return 0;
	}
	return 1;
}

static char *from_environment(const char *name)
{
	cleanup(cleanup_free) char *variable = NULL;
	const char *value;

	if (asprintf(&variable, "STAMPEDE_SECRET_%s", name) < 0) {
		variable = NULL;
		return NULL;
	}
	value = getenv(variable);
	return value ? strdup(value) : NULL;
}

static char *from_file(const char *folder, const char *name)
{
	cleanup(cleanup_free) char *path = file_join(folder, name);
	struct buffer content = {0};
	char *value = NULL;

	if (path && file_read(path, SECRET_BYTES_MAX, &content, NULL) == 0) {
		if (content.size > 0 && content.data[content.size - 1] == '\n')
			content.size--;
		value = strndup(content.size ? (const char *)content.data : "", content.size);
		if (content.data)
			explicit_bzero(content.data, content.capacity);
	}
	buffer_deinit(&content);
	return value;
}

const char *secrets_get(void *context, const char *name)
{
	struct secrets *secrets = context;
	struct secret *secret;

	for (size_t i = 0; i < secrets->count; i++) {
		if (strcmp(secrets->items[i].name, name) == 0)
			return secrets->items[i].value;
	}
	if (!is_name(name) ||
	    array_reserve(&secrets->items, &secrets->capacity, secrets->count, sizeof(*secrets->items)) < 0)
		return NULL;
	secret = &secrets->items[secrets->count];
	secret->name = strdup(name);
	if (!secret->name)
		return NULL;
	secret->value = from_environment(name);
	if (!secret->value && secrets->folder)
		secret->value = from_file(secrets->folder, name);
	secrets->count++;
	return secret->value;
}
