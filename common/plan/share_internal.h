/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of share.h have in common. */
#pragma once

#include "common/plan/share.h"

/* Appends a class; the share is then unsorted. 0, -ENOMEM or -EOVERFLOW. */
int share_push(struct share *share, uint64_t modulus, uint64_t residue);
/* By modulus, then by residue. */
void share_sort(struct share *share);
/* Makes classes that together are one (0 and 3 modulo 6 are 0 modulo 3) that one, so that moving indices to and fro
 * doesn't leave ever more classes behind; sorts. 0 or -ENOMEM. */
int share_join(struct share *share);
