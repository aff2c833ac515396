/* SPDX-License-Identifier: Apache-2.0 */
/* Seeded pseudo-random numbers (xoshiro256**, Blackman and Vigna 2018; seeded by splitmix64), and
 * real ones from the kernel. Not for secrets but random_bytes(). */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct random {
	uint64_t state[4];
};

void random_seed(struct random *random, uint64_t seed);
uint64_t random_next(struct random *random);
/* Uniform in [0, bound); bound > 0. Without modulo bias. */
uint64_t random_below(struct random *random, uint64_t bound);
/* Uniform in [low, high], both included. */
uint64_t random_between(struct random *random, uint64_t low, uint64_t high);
/* Uniform in [0, 1). */
double random_unit(struct random *random);
/* Exponential with mean 1. */
double random_exponential(struct random *random);
/* Fills with pseudo-random bytes, 8 at a time. */
void random_fill(struct random *random, void *data, size_t size);
/* From getrandom(2); aborts if the kernel has none. */
void random_bytes(void *data, size_t size);
