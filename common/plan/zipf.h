/* SPDX-License-Identifier: Apache-2.0 */
/* Zipf's distribution over ranks 0, 1, ...: P(i) ~ 1 / (i + 1)^exponent. A draw takes O(1); 8 bytes a rank. */
#pragma once

#include <stdint.h>

#include "common/base/random.h"

struct zipf;

/* count > 0; an exponent of 0 is uniform. 0 or -ENOMEM. */
int zipf_new(uint32_t count, double exponent, struct zipf **ret_zipf);
struct zipf *zipf_free(struct zipf *zipf);
uint32_t zipf_draw(const struct zipf *zipf, struct random *random);
