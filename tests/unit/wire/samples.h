/* SPDX-License-Identifier: Apache-2.0 */
/* One message of each type, every field filled: for the codec's tests and the vectors in docs/protocol.md. */
#pragma once

#include "common/base/buffer.h"
#include "common/wire/message.h"

/* Borrows from constants: not to be deinitialised. */
void sample_message(enum message_type type, struct message *ret_message);

/* The cells of the docs, by kind: 1,000; 3 of 10; a level of 25; the times 120, 120, 5000 and 150000 us. */
void sample_cell(enum metric_kind kind, struct buffer *buffer);
