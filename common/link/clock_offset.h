/* SPDX-License-Identifier: Apache-2.0 */
/* The offset of a peer's monotonic clock to ours, with its bound, from ping exchanges. Pure.
 *
 * Of an exchange (sent, peer_in, peer_out, received) the offset was at most peer_in - sent when the ping came in and at
 * least peer_out - received when the pong left (RFC 5905, section 8). Each kept exchange is brought to the time that is
 * asked for by the drift that the exchanges leave possible; what all of them allow is the answer, its middle and half
 * its width. That holds whatever the ways took, as long as the clocks' rates differ by no more than CLOCK_DRIFT_PPM_MAX
 * and stay within CLOCK_WANDER_PPM of their mean for some minutes.
 *
 * An exchange that can't be reconciled with what the others allow is a suspicion, and widens the answer. If those sent
 * after it contradict too, the peer's clock has jumped (its host was suspended or moved) or runs at another rate now,
 * and all starts anew from them. */
#pragma once

#include <stdint.h>

#define CLOCK_WANDER_PPM 15                 /* a clock's rate about its mean of some minutes (RFC 5905 calls it PHI) */
#define CLOCK_DRIFT_PPM_MAX 500             /* the most that the kernel slews a clock by (adjtimex(2)) */
#define CLOCK_JUMP_NS_MIN UINT64_C(2000000) /* less than that is a new rate */

/* What clock_offset_add() says besides 0. */
enum { CLOCK_JUMPED = 1 };

struct clock_offset;

struct clock_offset *clock_offset_new(void); /* NULL without memory */
struct clock_offset *clock_offset_free(struct clock_offset *offset);
/* Takes one exchange. 0; CLOCK_JUMPED if it confirms that the peer's clock has jumped: by clock_offset_jump_ns();
 * -EINVAL for an impossible one (received < sent, peer_out < peer_in, the peer's own time longer than the round trip),
 * which is ignored; -ENOMEM. */
int clock_offset_add(struct clock_offset *offset, uint64_t sent_ns, uint64_t peer_in_ns, uint64_t peer_out_ns,
                     uint64_t received_ns);
/* Exchanges taken so far, jump or not. */
uint64_t clock_offset_count(const struct clock_offset *offset);
/* Peer's clock minus ours, and the bound of its error, at our time at_ns: a moment ago, or some minutes (T0), when the
 * exchanges on both sides of it count. Beyond the time of the kept exchanges the bound grows. -ENODATA before the first
 * exchange, and for a time before the jump before the newest. */
int clock_offset_at(const struct clock_offset *offset, uint64_t at_ns, int64_t *ret_offset_ns, uint64_t *ret_bound_ns);
/* The same now. */
int clock_offset_get(const struct clock_offset *offset, uint64_t now_ns, int64_t *ret_offset_ns,
                     uint64_t *ret_bound_ns);
/* Measured drift of the peer against us in parts per million, the mean of the last minutes (0 until it can be told) ...
 */
double clock_offset_drift_ppm(const struct clock_offset *offset);
/* ... and the bound of its error; CLOCK_DRIFT_PPM_MAX until it can be told. */
double clock_offset_drift_bound_ppm(const struct clock_offset *offset);
/* By how much the peer's clock went forward (or, negative, back) at its newest jump, as known when it was confirmed,
 * with the bound of its error (may be NULL); 0: it never did. */
int64_t clock_offset_jump_ns(const struct clock_offset *offset, uint64_t *ret_bound_ns);
