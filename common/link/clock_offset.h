/* SPDX-License-Identifier: Apache-2.0 */
/* The offset of a peer's monotonic clock to ours, with its bound, from ping exchanges. Pure.
 *
 * Of an exchange (sent, peer_in, peer_out, received) the offset is ((peer_in - sent) + (peer_out - received)) / 2 and
 * its error at most half the round trip without the peer's own time (RFC 5905, section 8). The exchange with the least
 * round trip of each window is kept; the bound grows with age by the drift seen between the best exchanges of older and
 * newer windows, with that measurement's own error (at least CLOCK_DRIFT_PPM_MIN, and CLOCK_DRIFT_PPM_MAX until it is
 * known better). The answer is the kept exchange whose bound is the least now. */
#pragma once

#include <stdint.h>

#define CLOCK_DRIFT_PPM_MIN 50  /* what an undisciplined crystal may do from one minute to the next */
#define CLOCK_DRIFT_PPM_MAX 500 /* the most that the kernel slews a clock by (adjtimex(2)) */

struct clock_offset;

struct clock_offset *clock_offset_new(void); /* NULL without memory */
struct clock_offset *clock_offset_free(struct clock_offset *offset);
/* Takes one exchange; impossible ones (received < sent, peer_out < peer_in, the peer's own time longer than the round
 * trip) are ignored: -EINVAL. */
int clock_offset_add(struct clock_offset *offset, uint64_t sent_ns, uint64_t peer_in_ns, uint64_t peer_out_ns,
                     uint64_t received_ns);
/* Exchanges taken so far. */
uint64_t clock_offset_count(const struct clock_offset *offset);
/* Peer's clock minus ours, and the bound of its error, at our time now_ns. -ENODATA before the first exchange. */
int clock_offset_get(const struct clock_offset *offset, uint64_t now_ns, int64_t *ret_offset_ns,
                     uint64_t *ret_bound_ns);
/* Measured drift of the peer against us in parts per million (0 until it can be told). */
double clock_offset_drift_ppm(const struct clock_offset *offset);
