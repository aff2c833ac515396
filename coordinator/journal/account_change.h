/* SPDX-License-Identifier: Apache-2.0 */
/* What one snapshot changes in its agent's account of a scenario. The journal keeps it with each accepted snapshot, in
 * a few bytes, so that the account is known at every moment and not only where a status says it. Pure.
 *
 * A change is a struct wire_scenario of differences, which wrap; `finished` alone is as it is after the snapshot. */
#pragma once

#include "common/base/buffer.h"
#include "common/wire/message.h"

struct wire_scenario account_change(const struct wire_scenario *before, const struct wire_scenario *after);
/* Makes of the account before what it is after: the inverse of account_change(). */
void account_apply(struct wire_scenario *account, const struct wire_scenario *change);

/* A byte where nothing has changed, and some five where a steady load went on. */
void account_change_put(const struct wire_scenario *change, struct buffer *buffer);
/* Refuses (reader->failed) what account_change_put() does not write. */
struct wire_scenario account_change_get(struct reader *reader);
