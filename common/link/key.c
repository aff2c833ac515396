/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and their files. */
#include "common/link/key.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "common/base/cleanup.h"
#include "common/base/file.h"

#define PUBLIC_NAME "public-key"
#define SECRET_NAME "secret-key"

enum { KEY_BYTES = 32, LINE_SIZE = 256 };

void link_keys_deinit(struct link_keys *keys)
{
	free(keys->allowed);
	explicit_bzero(keys, sizeof(*keys));
}

int key_pair_make(struct key_pair *ret_pair)
{
	struct key_pair pair;

	if (zmq_curve_keypair(pair.public_key, pair.secret_key) < 0)
		return -errno;
	*ret_pair = pair;
	key_pair_wipe(&pair);
	return 0;
}

void key_pair_wipe(struct key_pair *pair)
{
	explicit_bzero(pair, sizeof(*pair));
}

int key_format(const struct key_pair *pair, const char *title, _Bool secret, struct buffer *buffer)
{
	char text[2 * LINE_SIZE];
	int size = snprintf(text, sizeof(text), "# Stampede: %.200s\n" PUBLIC_NAME ": %s\n", title, pair->public_key);
	int r;

	if (secret)
		size += snprintf(text + size, sizeof(text) - (size_t)size, SECRET_NAME ": %s\n", pair->secret_key);
	r = buffer_append(buffer, text, (size_t)size);
	explicit_bzero(text, sizeof(text));
	return r;
}

/* Where a text is being read. No message repeats what stands there: it may be a secret. */
struct place {
	const char *file;
	int line;
	struct failure *failure;
};

static int take_key(const struct place *place, const char *name, const char *value, char ret_key[KEY_SIZE])
{
	uint8_t bytes[KEY_BYTES];
	_Bool good;

	if (ret_key[0])
		return failure_set_at(place->failure, -EINVAL, place->file, place->line, 0, "a second %s", name);
	good = strlen(value) == KEY_SIZE - 1 && zmq_z85_decode(bytes, value);
	explicit_bzero(bytes, sizeof(bytes));
	if (!good)
		return failure_set_at(place->failure, -EINVAL, place->file, place->line, 0,
		                      "the %s isn't %d characters of Z85", name, KEY_SIZE - 1);
	memcpy(ret_key, value, KEY_SIZE);
	return 0;
}

static int parse_line(const struct place *place, const char *line, _Bool secret, struct key_pair *pair)
{
	static const char public_start[] = PUBLIC_NAME ": ", secret_start[] = SECRET_NAME ": ";

	if (line[0] == '\0' || line[0] == '#')
		return 0;
	if (strncmp(line, public_start, sizeof(public_start) - 1) == 0)
		return take_key(place, PUBLIC_NAME, line + sizeof(public_start) - 1, pair->public_key);
	if (strncmp(line, secret_start, sizeof(secret_start) - 1) != 0)
		return failure_set_at(place->failure, -EINVAL, place->file, place->line, 0,
		                      secret ? "expected \"" PUBLIC_NAME ": ...\" or \"" SECRET_NAME ": ...\""
		                             : "expected \"" PUBLIC_NAME ": ...\"");
	if (!secret)
		return failure_set_at(place->failure, -EINVAL, place->file, place->line, 0,
		                      "a secret key, where a public one (a .pub file) is due");
	return take_key(place, SECRET_NAME, line + sizeof(secret_start) - 1, pair->secret_key);
}

/* What no single line tells. */
static int check_pair(const struct place *place, _Bool secret, const struct key_pair *pair)
{
	char derived[KEY_SIZE];

	if (!pair->public_key[0])
		return failure_set_at(place->failure, -EINVAL, place->file, place->line, 0, "no " PUBLIC_NAME);
	if (!secret)
		return 0;
	if (!pair->secret_key[0])
		return failure_set_at(place->failure, -EINVAL, place->file, place->line, 0,
		                      "no " SECRET_NAME ": this is a public key, and the .key file is due");
	if (zmq_curve_public(derived, pair->secret_key) < 0 || strcmp(derived, pair->public_key) != 0)
		return failure_set_at(place->failure, -EINVAL, place->file, place->line, 0,
		                      "the public key doesn't belong to the secret one");
	return 0;
}

int key_parse(const char *text, size_t size, const char *file, _Bool secret, struct failure *failure,
              struct key_pair *ret_pair)
{
	cleanup(key_pair_wipe) struct key_pair pair = {0};
	struct place place = {.file = file, .failure = failure};
	const char *end = text + size, *next;
	char line[LINE_SIZE];
	int r = 0;

	for (const char *at = text; r == 0 && at < end; at = next) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t length = (size_t)((newline ? newline : end) - at);

		next = newline ? newline + 1 : end;
		place.line++;
		if (length >= sizeof(line) || memchr(at, '\0', length)) {
			r = failure_set_at(failure, -EINVAL, file, place.line, 0, "this isn't a line of a key's file");
			break;
		}
		memcpy(line, at, length);
		line[length] = '\0';
		r = parse_line(&place, line, secret, &pair);
	}
	explicit_bzero(line, sizeof(line));
	if (r == 0)
		r = check_pair(&place, secret, &pair);
	if (r == 0)
		*ret_pair = pair;
	return r;
}

int key_read(const char *path, _Bool secret, struct failure *failure, struct key_pair *ret_pair)
{
	struct buffer text cleanup(buffer_deinit) = {0};
	int r = file_read(path, KEY_FILE_BYTES, &text, failure);

	if (r < 0)
		return r;
	r = key_parse(buffer_text(&text), text.size, path, secret, failure, ret_pair);
	explicit_bzero(text.data, text.size);
	return r;
}
