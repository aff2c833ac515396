/* SPDX-License-Identifier: Apache-2.0 */
/* A table that gives byte strings small consecutive ids: 0, 1, 2, ... */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct names;

#define NAMES_NONE UINT32_MAX

struct names *names_new(void);
struct names *names_free(struct names *names);
/* The id of `key`, which is added (copied) if it is new: then *ret_added is true (may be NULL).
 * Returns 0 or -ENOMEM. */
int names_intern(struct names *names, const void *key, size_t size, uint32_t *ret_id, _Bool *ret_added);
/* The id, or NAMES_NONE. */
uint32_t names_find(const struct names *names, const void *key, size_t size);
uint32_t names_count(const struct names *names);
/* The bytes of id (NUL-terminated after them); valid until the table is freed or cleared.
 * ret_size may be NULL. */
const char *names_key(const struct names *names, uint32_t id, size_t *ret_size);
/* Forgets all, keeps the memory. */
void names_clear(struct names *names);
