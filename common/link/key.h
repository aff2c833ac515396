/* SPDX-License-Identifier: Apache-2.0 */
/* The keys that close links (CURVE: curve25519 pairs), and the small text files that hold them:
 *
 *   # a comment
 *   public-key: 40 characters of Z85
 *   secret-key: 40 more            (in .key files alone)
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/failure.h"

enum {
	KEY_SIZE = 41,         /* Z85 with its NUL (https://rfc.zeromq.org/spec/32/) */
	KEY_FILE_BYTES = 4096, /* more isn't a key's file */
};

struct key_pair {
	char public_key[KEY_SIZE];
	char secret_key[KEY_SIZE]; /* "": of a .pub file */
};

/* What a link needs: a listener its own pair and whom it lets in, an agent its own pair and whom it trusts. */
struct link_keys {
	struct key_pair own;
	char server_key[KEY_SIZE]; /* an agent's coordinator; a listener's is "" */
	char (*allowed)[KEY_SIZE]; /* public keys of agents; of a listener */
	uint32_t allowed_count;
};

/* Frees the list and wipes the secret. */
void link_keys_deinit(struct link_keys *keys);

/* A new random pair. -ENOTSUP if ZeroMQ was built without CURVE. */
int key_pair_make(struct key_pair *ret_pair);
/* Wipes the secret; for use with cleanup(). */
void key_pair_wipe(struct key_pair *pair);
/* Appends a file's text: `title` as its comment, and the secret key if secret. 0 or -ENOMEM. */
int key_format(const struct key_pair *pair, const char *title, _Bool secret, struct buffer *buffer);
/* Reads a file's text strictly: one public key, and one secret key that belongs to it if `secret` (else none, so that
 * no secret lies where a public key is enough). -EINVAL with file and line. */
int key_parse(const char *text, size_t size, const char *file, _Bool secret, struct failure *failure,
              struct key_pair *ret_pair);
/* key_parse() of a file. Blocks. -EINVAL with the place, or what reading it gave. */
int key_read(const char *path, _Bool secret, struct failure *failure, struct key_pair *ret_pair);
