/* SPDX-License-Identifier: Apache-2.0 */
/* The cookies of one virtual user. A user speaks to one target, so that a cookie's Domain only says whether it is taken
 * (RFC 6265, 5.3); its path, its age and Secure are kept. */
#pragma once

#include <stdint.h>

#include "common/base/buffer.h"

struct cookie;

/* Zero-initialised is empty. */
struct cookies {
	struct cookie *items;
	size_t count;
	size_t capacity;
};

void cookies_deinit(struct cookies *cookies);
/* Takes the value of one Set-Cookie line of an answer from `host` to a request for `target`. What is malformed, too
 * large, meant for another host, or one too many is ignored. 0 or -ENOMEM. */
int cookies_take(struct cookies *cookies, const char *line, size_t size, const char *host, const char *target,
                 uint64_t now_ns);
/* Appends "a=1; b=2" of those that a request for `target` sends, nothing if there are none. */
int cookies_render(const struct cookies *cookies, const char *target, _Bool secure, uint64_t now_ns,
                   struct buffer *buffer);
