/* SPDX-License-Identifier: Apache-2.0 */
/* Cancels statements on a thread of its own: PQcancel() opens a connection and waits on it. */
#pragma once

#include <stdint.h>

#include <libpq-fe.h>

#include "common/base/loop.h"

struct canceller;

/* Called on the loop's thread when a request has been made, whether it came through or not. */
typedef void (*canceller_done_fn)(void *context, uint64_t ticket);

/* Starts no thread until it is needed. */
int canceller_new(struct loop *loop, struct canceller **ret_canceller);
/* Requests under way get a second; a thread that still hangs in one then lets go by itself. done is not called any
 * more. Accepts NULL. */
struct canceller *canceller_free(struct canceller *canceller);
/* Takes `cancel` over in any case. 0, -ENOMEM or -EAGAIN (no thread): then done will not be called. */
int canceller_send(struct canceller *canceller, PGcancel *cancel, canceller_done_fn done, void *context,
                   uint64_t ticket);
