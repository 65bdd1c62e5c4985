/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Adaptive deficit round robin, after Gulati, Merchant, Uysal and Varman, Efficient and Adaptive Proportional
 * Share I/O Scheduling, HP Labs, HPL-2007-186; on deficit round robin (Shreedhar and Varghese, SIGCOMM 1995).
 *
 * Taken from the source (from its abstract: the report itself was not at hand): the trade between fairness
 * and efficiency. Serving several requests of one flow in a row makes the device more efficient, and
 * "significantly higher I/O efficiency can be achieved by slightly relaxing short-term fairness"; a
 * self-tuning loop finds the smallest relaxation that reaches a given efficiency (90 % there), and bounds
 * how long service may deviate (a few seconds). From deficit round robin: a turn adds a quantum in
 * proportion to the weight, what a turn overdraws is owed in the next, and who goes idle loses what was
 * left.
 *
 * Adapted: the tuning rule is ours. The device is the CPU, a request is a slot, and what a switch costs is
 * not seeks but the time that pausing, waking and cold caches take: efficiency is CPU time used / slot time
 * given, of VMs that wanted the whole slot. A batch is a multiple of the quantum: while efficiency in a
 * round of turns is below the target the batch grows by one, and while it is well above it is halved, down
 * to plain deficit round robin. A round of turns with the grown batch must not take longer than
 * BATCH_SPAN_NS.
 *
 * Lanes: a VM keeps its lane through its turn. If the ratio must be held (rounds_config.h), no VM has a
 * second turn before every VM has had one. Else a free lane begins the next round of turns at once.
 */

#include "policy.h"
#include "rounds_state.h"
#include "slotqueue.h"

#include <errno.h>
#include <stdlib.h>

/* 90 %, and the point above which a smaller batch is tried. */
#define EFFICIENCY_PERMILLE 900U
#define EFFICIENCY_RELAX_PERMILLE 950U
/* "for a few seconds at a time" */
#define BATCH_SPAN_NS (3 * NSEC_PER_SEC)
/* A VM with several CPUs overdraws by more than a turn. It sits out so many rounds of turns at most. */
#define DEBT_QUANTA 64
/*
 * A VM that others on its CPU keep from using its slots may take a third more slots for its quantum. What
 * is left of the quantum even so is kept for its next turns, within a bound: without one a VM could save up
 * by idling in its slots, and then hold up the others.
 */
#define TURN_SLOTS(quantum_ns, slot_ns) ((quantum_ns) * 4 / 3 / (slot_ns) + 1)
#define CARRY_QUANTA 1
/* Efficiency is judged over so many slots at least: one preempted slot says nothing. */
#define EFFICIENCY_SLOTS 16U

struct adrr {
	struct slotq queue[2]; /* [this]: turn to come in this round of turns; [!this]: had it */
	struct slot_link *link;
	uint32_t *lane; /* the VM in the middle of its turn, or SLOTQ_NONE */
	uint32_t lanes;
	uint32_t in_turn; /* how many of those there are */
	unsigned int this;
	uint64_t turn; /* number of this round of turns */
	uint64_t batch;
	uint64_t batch_max;
	uint64_t given_ns, used_ns; /* since the last judgement */
	uint32_t judged;            /* slots */
};

static int adrr_init(const struct rounds_config *c, void **priv)
{
	struct adrr *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->lane = malloc(c->lanes * sizeof(*p->lane));
	if (!p->lane) {
		free(p);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < c->lanes; i++)
		p->lane[i] = SLOTQ_NONE;
	p->lanes = c->lanes;
	slotq_init(&p->queue[0]);
	slotq_init(&p->queue[1]);
	p->turn = p->batch = p->batch_max = 1;
	*priv = p;
	return 0;
}

static void adrr_fini(void *priv)
{
	struct adrr *p = priv;

	free(p->lane);
	free(p->link);
	free(p);
}

static int adrr_reserve(void *priv, uint32_t n)
{
	struct adrr *p = priv;
	struct slot_link *link = realloc(p->link, n * sizeof(*link));

	if (!link)
		return -ENOMEM;
	p->link = link;
	return 0;
}

static void adrr_added(struct rounds *r, uint32_t id)
{
	r->vm[id].p.adrr.lane = SLOTQ_NONE;
}

/* The smallest weight's quantum is a slot, or a turn could pass without one. */
static void adrr_reweigh(struct rounds *r)
{
	struct adrr *p = r->priv;
	uint64_t least = r->weight_max, span;

	for (uint32_t i = 0; i < r->n_ids; i++)
		if (r->vm[i].state != VM_FREE && r->vm[i].weight < least)
			least = r->vm[i].weight;
	if (!least)
		return;
	for (uint32_t i = 0; i < r->n_ids; i++) {
		struct vm *v = &r->vm[i];

		if (v->state != VM_FREE)
			v->p.adrr.quantum = (uint64_t)((fluid_t)r->cfg.slot_ns * v->weight / least);
	}
	span = (uint64_t)((fluid_t)r->cfg.slot_ns * r->weight_all / least / p->lanes);
	p->batch_max = BATCH_SPAN_NS / (span ? span : 1);
	if (p->batch_max < 1)
		p->batch_max = 1;
	if (p->batch > p->batch_max)
		p->batch = p->batch_max;
}

/* A VM that has had its turn waits for the next round of turns, however often it leaves and comes back. */
static void adrr_join(struct rounds *r, uint32_t id)
{
	struct adrr *p = r->priv;
	bool had = r->vm[id].p.adrr.turn == p->turn;

	slotq_push(&p->queue[had ? !p->this : p->this], p->link, id);
}

static void end_turn(struct adrr *p, struct adrr_vm *a)
{
	if (a->lane == SLOTQ_NONE)
		return;
	p->lane[a->lane] = SLOTQ_NONE;
	a->lane = SLOTQ_NONE;
	p->in_turn--;
}

static void adrr_leave(struct rounds *r, uint32_t id)
{
	struct adrr *p = r->priv;
	struct adrr_vm *a = &r->vm[id].p.adrr;

	if (a->lane == SLOTQ_NONE)
		slotq_remove(&p->queue[a->turn == p->turn ? !p->this : p->this], p->link, id);
	end_turn(p, a);
	if (a->deficit > 0)
		a->deficit = 0;
}

static void tune(struct adrr *p)
{
	uint64_t permille;

	if (p->judged < EFFICIENCY_SLOTS || !p->given_ns)
		return;
	permille = (uint64_t)((fluid_t)p->used_ns * 1000 / p->given_ns);
	if (permille < EFFICIENCY_PERMILLE && p->batch < p->batch_max)
		p->batch++;
	else if (permille > EFFICIENCY_RELAX_PERMILLE && p->batch > 1)
		p->batch /= 2;
	p->given_ns = p->used_ns = 0;
	p->judged = 0;
}

static void next_turns(struct adrr *p)
{
	p->this = !p->this;
	p->turn++;
	tune(p);
}

static void begin_turn(struct rounds *r, uint32_t lane)
{
	struct adrr *p = r->priv;
	struct adrr_vm *a;
	uint32_t id;

	/* Each turn that a VM sits out pays for a quantum that it used: O(1) a slot in the long run. */
	for (;;) {
		if (p->queue[p->this].head == SLOTQ_NONE && !(r->hold && p->in_turn))
			next_turns(p);
		id = slotq_pop(&p->queue[p->this], p->link);
		if (id == SLOTQ_NONE)
			return;
		a = &r->vm[id].p.adrr;
		a->turn = p->turn;
		a->deficit += (int64_t)(a->quantum * p->batch);
		if (a->deficit > 0)
			break;
		slotq_push(&p->queue[!p->this], p->link, id);
	}
	a->slots = (uint32_t)TURN_SLOTS(a->quantum * p->batch, r->cfg.slot_ns);
	a->lane = lane;
	p->lane[lane] = id;
	p->in_turn++;
}

static uint32_t adrr_pick(struct rounds *r, uint64_t now_ns, uint32_t *run)
{
	struct adrr *p = r->priv;
	uint32_t n = 0;

	(void)now_ns;
	for (uint32_t i = 0; i < p->lanes; i++) {
		if (p->lane[i] == SLOTQ_NONE)
			begin_turn(r, i);
		if (p->lane[i] != SLOTQ_NONE)
			run[n++] = p->lane[i];
	}
	return n;
}

static void adrr_ran(struct rounds *r, uint32_t id, uint64_t used_ns, uint64_t elapsed_ns, bool ready)
{
	struct adrr *p = r->priv;
	struct adrr_vm *a = &r->vm[id].p.adrr;
	int64_t least = -(int64_t)a->quantum * DEBT_QUANTA, carry;

	a->slots--;
	a->deficit -= used_ns < INT64_MAX / 2 ? (int64_t)used_ns : INT64_MAX / 2;
	if (a->deficit < least)
		a->deficit = least;
	if (!ready) {
		end_turn(p, a);
		if (a->deficit > 0)
			a->deficit = 0;
		return;
	}
	p->given_ns += elapsed_ns;
	p->used_ns += used_ns;
	p->judged++;
	if (a->deficit > 0 && a->slots)
		return;
	end_turn(p, a);
	carry = (int64_t)(a->quantum * CARRY_QUANTA);
	if (a->deficit > carry)
		a->deficit = carry;
	adrr_join(r, id);
}

static void adrr_owe(struct rounds *r, uint32_t id, uint64_t ns)
{
	struct adrr_vm *a = &r->vm[id].p.adrr;
	int64_t least = -(int64_t)a->quantum * DEBT_QUANTA;

	a->deficit -= ns < INT64_MAX / 2 ? (int64_t)ns : INT64_MAX / 2;
	if (a->deficit < least)
		a->deficit = least;
}

static int64_t adrr_credit(const struct rounds *r, uint32_t id)
{
	return r->vm[id].p.adrr.deficit;
}

const struct policy_ops policy_adrr = {
	.name = "adrr",
	.summary = "adaptive deficit round robin: turns as short as an efficiency of 90 % allows",
	.init = adrr_init,
	.fini = adrr_fini,
	.reserve = adrr_reserve,
	.added = adrr_added,
	.reweigh = adrr_reweigh,
	.join = adrr_join,
	.leave = adrr_leave,
	.pick = adrr_pick,
	.ran = adrr_ran,
	.owe = adrr_owe,
	.credit = adrr_credit,
};
