/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold of the records that the coordinator journals, one after the other. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "tests/sim/host.h"
#include "tests/sim/oracle_state.h"

#define PATIENCE_NS (10 * NS_PER_S) /* by when all that got stuck by a disturbance should be on its way again */

static struct watched *watched_of(struct oracle *oracle, uint32_t number)
{
	if (number < oracle->agent_count)
		return &oracle->watched[oracle->processes[number]];
	sim_break(oracle->sim, "a record names agent number %u of %u", number, oracle->agent_count);
	return &oracle->watched[0];
}

static _Bool has_ended(const struct watched *watched)
{
	return watched->made_count > 0 && watched->made[watched->made_count - 1].last;
}

static _Bool is_undisturbed(const struct oracle *oracle, const struct watched *watched)
{
	return oracle->sim->now_ns > oracle->sim->disturbed_ns[watched - oracle->watched] + PATIENCE_NS;
}

static void take_agent(struct oracle *oracle, const struct journal_record *record)
{
	uint32_t process = agent_of(&record->agent.incarnation);

	if (process == UINT32_MAX || oracle->agent_count == SIM_AGENTS_MAX) {
		sim_break(oracle->sim, "an agent is journaled that doesn't exist");
		return;
	}
	if (oracle->watched[process].number != UINT32_MAX)
		sim_break(oracle->sim, "agent %u is journaled twice", process);
	oracle->joins += oracle->started;
	oracle->watched[process].number = oracle->agent_count;
	oracle->processes[oracle->agent_count++] = process;
}

/* Whoever is heard hears of a division, sooner or later. */
static void check_epoch(struct oracle *oracle, const struct watched *watched, const struct journal_accepted *accepted)
{
	uint64_t made_ns = oracle->t0_ns + accepted->second * NS_PER_S;
	uint64_t since_ns = oracle->t0_ns + oracle->epoch_from_ns;

	if (oracle->sim->disturbed_ns[watched - oracle->watched] > since_ns)
		since_ns = oracle->sim->disturbed_ns[watched - oracle->watched];
	if (accepted->epoch < oracle->epoch && made_ns > since_ns + 2 * PATIENCE_NS)
		sim_break(oracle->sim, "agent number %u goes on by epoch %u in second %llu, and epoch %u holds",
		          accepted->agent, accepted->epoch, (unsigned long long)accepted->second, oracle->epoch);
}

static void take_accepted(struct oracle *oracle, const struct journal_accepted *accepted)
{
	struct sim *sim = oracle->sim;
	struct watched *watched;

	if (accepted->agent >= oracle->agent_count) {
		sim_break(sim, "a snapshot of agent number %u is journaled before the agent", accepted->agent);
		return;
	}
	watched = &oracle->watched[oracle->processes[accepted->agent]];
	if (accepted->seq != watched->durable + 1)
		sim_break(sim, "agent %u's snapshot %llu is journaled behind %llu", oracle->processes[accepted->agent],
		          (unsigned long long)accepted->seq, (unsigned long long)watched->durable);
	if (accepted->seq > watched->made_count)
		sim_break(sim, "agent %u's snapshot %llu is journaled, and was never made",
		          oracle->processes[accepted->agent], (unsigned long long)accepted->seq);
	else if (accepted->second != watched->made[accepted->seq - 1].second ||
	         accepted->epoch != watched->made[accepted->seq - 1].epoch || accepted->mismatch)
		sim_break(sim, "agent %u's snapshot %llu is journaled as another one",
		          oracle->processes[accepted->agent], (unsigned long long)accepted->seq);
	if (watched->done)
		sim_break(sim, "agent %u's snapshot is journaled after it was done",
		          oracle->processes[accepted->agent]);
	check_epoch(oracle, watched, accepted);
	watched->durable = accepted->seq;
	watched->progress_ns = sim->now_ns;
}

/* Indices that a scenario divides: of these every one must have one owner. */
static uint64_t indices_of(const struct scenario *scenario)
{
	if (scenario->producers > 0)
		return scenario->producers;
	return executor_is_open(scenario->executor) ? scenario_planned(scenario) : scenario_max_vus(scenario);
}

static void check_shares(struct oracle *oracle, const struct journal_record *record, uint32_t scenario)
{
	const struct share *shares = record->division.shares;
	uint32_t stride = record->division.scenario_count;
	uint64_t indices = indices_of(&oracle->sim->plan->plan->scenarios[scenario]), owned = 0;

	for (uint32_t i = 0; i < record->division.agent_count; i++) {
		const struct share *mine = &shares[i * stride + scenario];

		owned += share_count(mine, indices);
		for (uint32_t k = 0; k < i; k++) {
			struct share both = {0};

			sim_must(share_intersect(mine, &shares[k * stride + scenario], &both), "share");
			if (share_count(&both, indices) > 0)
				sim_break(oracle->sim, "epoch %u gives an index of scenario %u twice",
				          record->division.epoch, scenario);
			share_deinit(&both);
		}
	}
	if (owned != indices)
		sim_break(oracle->sim, "epoch %u gives %llu of %llu indices of scenario %u", record->division.epoch,
		          (unsigned long long)owned, (unsigned long long)indices, scenario);
}

static void keep_epoch(struct oracle *oracle, const struct journal_record *record)
{
	const struct plan *plan = oracle->sim->plan->plan;
	size_t count = (size_t)record->division.agent_count * plan->scenario_count;
	struct epoch *epoch;

	sim_must(array_reserve(&oracle->epochs, &oracle->epoch_capacity, oracle->epoch_count, sizeof(*oracle->epochs)),
	         "epochs");
	epoch = &oracle->epochs[oracle->epoch_count++];
	*epoch = (struct epoch){record->division.from_ns, record->division.agent_count,
	                        calloc(count + 1, sizeof(*epoch->indices))};
	sim_must(epoch->indices ? 0 : -ENOMEM, "epoch");
	for (size_t i = 0; i < count; i++) {
		uint32_t producers = plan->scenarios[i % plan->scenario_count].producers;
		const struct share *share = &record->division.shares[i];

		sim_must(producers ? share_of_producers(share, producers, &epoch->indices[i])
		                   : share_copy(&epoch->indices[i], share),
		         "share");
	}
}

static void take_division(struct oracle *oracle, const struct journal_record *record)
{
	if (record->division.epoch != oracle->epoch + 1 && record->division.epoch != 0)
		sim_break(oracle->sim, "epoch %u follows epoch %u", record->division.epoch, oracle->epoch);
	if (record->division.from_ns < oracle->epoch_from_ns || record->division.from_ns % NS_PER_S)
		sim_break(oracle->sim, "epoch %u is from %llu ns on, the one before from %llu ns on",
		          record->division.epoch, (unsigned long long)record->division.from_ns,
		          (unsigned long long)oracle->epoch_from_ns);
	if (record->division.agent_count != oracle->agent_count)
		sim_break(oracle->sim, "epoch %u divides among %u agents of %u", record->division.epoch,
		          record->division.agent_count, oracle->agent_count);
	oracle->epoch = record->division.epoch;
	keep_epoch(oracle, record);
	oracle->epoch_from_ns = record->division.from_ns;
	for (uint32_t i = 0; i < record->division.scenario_count; i++)
		check_shares(oracle, record, i);
}

/* One that was only cut off, and is heard again, is back. */
static void look_for_the_lost(struct oracle *oracle)
{
	for (uint32_t i = 0; i < oracle->agent_count; i++) {
		const struct watched *watched = &oracle->watched[oracle->processes[i]];
		const struct sim_agent *agent = oracle->sim->agents[oracle->processes[i]];

		if (watched->lost && watched->silent && watched->told && agent && !agent_is_over(agent) &&
		    is_undisturbed(oracle, watched) && oracle->sim->now_ns > watched->lost_ns + PATIENCE_NS)
			sim_break(oracle->sim, "agent %u is there and heard, and stays lost", oracle->processes[i]);
	}
}

static void take_state(struct oracle *oracle, enum run_state state)
{
	/* A T0 that nobody was told is no T0: the coordinator that goes on sets another one. */
	if (state == RUN_READY && oracle->state <= RUN_RUNNING && !oracle->start_sent)
		oracle->any_state = 0;
	if (oracle->any_state && state <= oracle->state)
		sim_break(oracle->sim, "the run goes from %s to %s", run_state_names[oracle->state],
		          run_state_names[state]);
	oracle->any_state = 1;
	oracle->state = state;
	if (state == RUN_REPORTING) {
		look_for_the_lost(oracle);
		if (oracle->start_sent)
			oracle_verifiers_must(oracle, 1);
	}
	sim_trace(oracle->sim, "the run is %s", run_state_names[state]);
}

/* Nothing that an agent makes is wrong, and one that runs and is heard gets to its end. */
static void take_lost(struct oracle *oracle, const struct journal_record *record)
{
	struct watched *watched = watched_of(oracle, record->lost.agent);
	const struct sim_agent *agent = oracle->sim->agents[watched - oracle->watched];

	oracle->losses++;
	watched->lost = 1;
	watched->lost_ns = oracle->sim->now_ns;
	watched->silent = record->lost.silent;
	if (strstr(record->lost.reason, "refused"))
		sim_break(oracle->sim, "agent number %u: %s", record->lost.agent, record->lost.reason);
	if (strstr(record->lost.reason, "did not finish") && agent && !agent_has_exited(agent) && watched->told &&
	    is_undisturbed(oracle, watched) &&
	    (!has_ended(watched) || oracle->sim->now_ns > watched->progress_ns + 2 * PATIENCE_NS))
		sim_break(oracle->sim, "agent number %u is there, and did not finish in time", record->lost.agent);
}

/* A duty moves when who has it is lost, leaves or has ended; a teardown's agents have ended, and may just be silent. */
static void take_duty(struct oracle *oracle, const struct journal_record *record)
{
	uint32_t *holder = &oracle->duties[record->duty.duty];
	const struct watched *before = *holder ? &oracle->watched[*holder - 1] : NULL;
	uint32_t process = record->duty.agent == UINT32_MAX ? UINT32_MAX : oracle->processes[record->duty.agent];

	if (before && process != UINT32_MAX && process + 1 != *holder && !before->lost && !before->left &&
	    !has_ended(before))
		sim_break(oracle->sim, "%s is taken from agent %u, which is at it",
		          oracle->sim->plan->plan->duties[record->duty.duty].name, *holder - 1);
	*holder = process + 1;
}

/* What they found out is not in the journal: who goes on has them done again, by whomever. */
static void forget_setups(struct oracle *oracle)
{
	const struct plan *plan = oracle->sim->plan->plan;

	for (uint32_t i = 0; i < plan->duty_count; i++)
		if (plan->duties[i].kind == DUTY_SETUP)
			oracle->duties[i] = 0;
}

/* What an agent is to be told may be wrong by its bound: where T0 has come, by the run's time that its clock would show
 * now; else by when it will start. */
static uint64_t start_error_ns(const struct oracle *oracle, uint32_t process, int64_t offset_ns)
{
	const struct sim *sim = oracle->sim;
	uint64_t at_ns = oracle->t0_ns > sim->now_ns ? oracle->t0_ns : sim->now_ns;
	uint64_t agent_ns = sim_clock_read(agent_clock(sim->agents[process]), at_ns);

	return (uint64_t)llabs((int64_t)(agent_ns - boss_clock_ns(sim->boss, at_ns)) - offset_ns);
}

static void take_told(struct oracle *oracle, uint32_t number, int64_t offset_ns, uint64_t bound_ns)
{
	struct watched *watched = watched_of(oracle, number);
	uint32_t process = (uint32_t)(watched - oracle->watched);
	uint64_t error_ns = start_error_ns(oracle, process, offset_ns);

	watched->told = 1;
	watched->told_offset_ns = offset_ns;
	watched->start_error_ns = oracle->t0_ns > oracle->sim->now_ns ? error_ns : CLOCK_NEVER;
	oracle->starts++;
	if (bound_ns && !oracle->jumped && (double)error_ns / (double)bound_ns > oracle->skew_of_bound)
		oracle->skew_of_bound = (double)error_ns / (double)bound_ns;
	if (error_ns > bound_ns && !oracle->jumped)
		sim_break(oracle->sim, "agent %u is to start %llu ns off, with a bound of %llu ns", process,
		          (unsigned long long)error_ns, (unsigned long long)bound_ns);
}

/* What is said of its clock holds the truth: where it stands, and how fast it goes. (After a resume it may be what was
 * known before.) */
static void check_clock(struct oracle *oracle, uint32_t process, const struct journal_record *record)
{
	const struct sim *sim = oracle->sim;
	const struct sim_clock *clock = agent_clock(sim->agents[process]);
	uint64_t ours_ns = boss_clock_ns(sim->boss, sim->now_ns);
	int64_t error_ns = (int64_t)(sim_clock_read(clock, sim->now_ns) - ours_ns) - record->status.clock_offset_ns;
	double drift_ppm = (double)(clock->drift_ppb - boss_drift_ppb(sim->boss)) / 1000;

	if (boss_resumes(sim->boss) > 0)
		return;
	if ((uint64_t)llabs(error_ns) > record->status.clock_bound_ns)
		sim_break(oracle->sim,
		          "agent %u's clock is said to stand %lld ns off where it is, with a bound of %llu ns", process,
		          (long long)error_ns, (unsigned long long)record->status.clock_bound_ns);
	/* Between two drifts of 100 ppm their difference is not quite the ratio. */
	if (fabs(drift_ppm - record->status.drift_ppm) > record->status.drift_bound_ppm + 0.1)
		sim_break(oracle->sim, "agent %u's clock drifts by %.3f ppm, and is said to by %.3f +- %.3f", process,
		          drift_ppm, record->status.drift_ppm, record->status.drift_bound_ppm);
}

/* What the report will say of an agent's start must hold what it was. */
static void take_status(struct oracle *oracle, const struct journal_record *record)
{
	const struct watched *watched = watched_of(oracle, record->status.agent);
	uint64_t least_ns = record->status.start_skew_ns + record->status.start_bound_ns;

	if (!oracle->jumped)
		check_clock(oracle, (uint32_t)(watched - oracle->watched), record);
	if (!watched->told || watched->start_error_ns == CLOCK_NEVER || oracle->jumped)
		return;
	if (watched->start_error_ns > least_ns)
		sim_break(oracle->sim, "agent number %u started %llu ns off, and is said to have by %llu ns, +-%llu ns",
		          record->status.agent, (unsigned long long)watched->start_error_ns,
		          (unsigned long long)record->status.start_skew_ns,
		          (unsigned long long)record->status.start_bound_ns);
}

void oracle_record(struct oracle *oracle, const struct journal_record *record)
{
	switch (record->type) {
	case JOURNAL_AGENT:
		take_agent(oracle, record);
		break;
	case JOURNAL_DIVISION:
		take_division(oracle, record);
		break;
	case JOURNAL_STATE:
		take_state(oracle, record->state.state);
		break;
	case JOURNAL_DELTAS:
		for (uint32_t i = 0; i < record->deltas.accepted_count; i++)
			take_accepted(oracle, &record->deltas.accepted[i]);
		break;
	case JOURNAL_DONE:
		if (watched_of(oracle, record->done.agent)->done)
			sim_break(oracle->sim, "agent number %u is done twice", record->done.agent);
		watched_of(oracle, record->done.agent)->done = 1;
		break;
	case JOURNAL_LOST:
		take_lost(oracle, record);
		sim_trace(oracle->sim, "agent number %u is lost: %s", record->lost.agent, record->lost.reason);
		break;
	case JOURNAL_TOLD:
		take_told(oracle, record->told.agent, record->told.offset_ns, record->told.bound_ns);
		break;
	case JOURNAL_STATUS:
		take_status(oracle, record);
		break;
	case JOURNAL_DUTY:
		if (oracle->sim->plan->plan->duties[record->duty.duty].kind == DUTY_VERIFIER)
			oracle_verifier_given(oracle, record);
		else
			take_duty(oracle, record);
		break;
	case JOURNAL_SEEN:
		oracle_seen(oracle, record);
		break;
	case JOURNAL_RESUME:
		forget_setups(oracle);
		break;
	case JOURNAL_BACK:
		watched_of(oracle, record->back.agent)->lost = 0;
		break;
	case JOURNAL_LEAVE:
		if (watched_of(oracle, record->leave.agent)->left)
			sim_break(oracle->sim, "agent number %u leaves twice", record->leave.agent);
		watched_of(oracle, record->leave.agent)->left = 1;
		oracle->leaves++;
		break;
	case JOURNAL_STOP:
		if (!oracle->stops++)
			oracle->cut_ns = record->stop.at_ns;
		sim_trace(oracle->sim, "stop: %s", record->stop.text);
		break;
	case JOURNAL_START:
		if (oracle->start_sent)
			sim_break(oracle->sim, "another T0 is journaled behind one that an agent was told");
		oracle->started = 1;
		oracle_verifiers_must(oracle, 0);
		break;
	default:
		break;
	}
}
