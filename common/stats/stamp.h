/* SPDX-License-Identifier: Apache-2.0 */
/* What each message carries, so that it can be accounted for and its latency be known: 40 bytes, little-endian, at the
 * payload's head or in a header. Pure.
 *
 *   0  magic "STP", and the version, 1
 *   4  the run's tag: the first 8 bytes of its UUID
 *  12  stream: the agent's number in the run (the upper 32 bits), and the number that this agent gave to the pair of
 *      producing client and topic (the lower ones)
 *  20  sequence: the number of the message in its stream, from 0
 *  28  intended time: ns since T0, which may be negative
 *  36  CRC-32 of the 36 bytes before */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { STAMP_SIZE = 40 };

struct stamp {
	uint64_t stream;
	uint64_t sequence;
	int64_t intended_ns;
};

/* What stamp_read() finds other than 0. */
enum stamp_outcome {
	STAMP_FOREIGN = 1,   /* not ours: too short, or no magic */
	STAMP_OTHER_RUN = 2, /* of another run (or of a later version) */
	STAMP_DAMAGED = 3,   /* ours by its beginning, but its bytes are not those that were written */
};

/* Of a stream: its beginning, which is the same for each message, and the CRC so far. A value. */
struct stamper {
	uint8_t head[20];
	uint32_t crc;
};

static inline uint64_t stamp_stream(uint32_t agent, uint32_t number)
{
	return (uint64_t)agent << 32 | number;
}

static inline uint32_t stamp_agent(uint64_t stream)
{
	return (uint32_t)(stream >> 32);
}

/* The tag of a run from its UUID as text. 0 or -EINVAL. */
int stamp_tag(const char *uuid, uint8_t ret_tag[8]);
void stamper_init(struct stamper *stamper, const uint8_t tag[8], uint64_t stream);
/* Writes STAMP_SIZE bytes. */
void stamp_write(const struct stamper *stamper, uint64_t sequence, int64_t intended_ns, uint8_t *ret_bytes);
/* Reads the stamp at the beginning of a payload, in place. 0 or a stamp_outcome; what is damaged is never taken for
 * another run's, nor the other way round. */
int stamp_read(const uint8_t *bytes, size_t size, const uint8_t tag[8], struct stamp *ret_stamp);
