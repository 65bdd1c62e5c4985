/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Who is idle: in virtual time, with real rounds, on clocks of CPU time that the test turns. */

#include "slots_fakes.h"

#include "base/cleanup.h"
#include "core/slots/rounds.h"
#include "slots/idle.h"

#define SLOT_NS (10 * NSEC_PER_MSEC)
#define TICK_NS (4 * NSEC_PER_MSEC)
/* The least that is work, and the most that is none. */
#define WORK_NS (SLOT_NS * IDLE_PERMILLE / 1000)
#define REST_NS (WORK_NS - 1)
#define VMS 20

static struct rounds *rounds;
static struct turns turns;
static struct slot_table table;
static struct idle idle;
static struct slot_vm *vm[VMS];
static uint64_t now;
static int n_vms;

/* What the slot thread does at the end of a slot, but for gates. */
static void end_slot(bool short_slot)
{
	struct slot_set set;

	now += SLOT_NS;
	idle_account(&idle, short_slot, now);
	rounds_next(rounds, now, &set);
	table.n_turn = table.n_idle = 0;
	for (uint32_t i = 0; i < set.n; i++) {
		table.turn[table.n_turn++] = set.vm[i];
		vm[set.vm[i]]->run.idle = false;
	}
	for (int i = 0; i < n_vms; i++)
		if (vm[i]->run.idle)
			table.idle[table.n_idle++] = vm[i]->id;
}

/* VM 0 uses so much of each of n slots; all others are busy. */
static void slots_of(int n, uint64_t used_ns, bool short_slot)
{
	while (n--) {
		for (int i = 0; i < n_vms; i++)
			fake[i].cpu_ns += i ? SLOT_NS : used_ns;
		end_slot(short_slot);
	}
}

/* n VMs of equal parts under a policy; the first slot has begun. */
static void begin_parts(const char *policy, int n, uint32_t lanes, const uint32_t *parts)
{
	struct rounds_config c = {
		.policy = policy_find(policy), .slot_ns = SLOT_NS, .slots = 100, .lanes = lanes
	};

	fakes_reset();
	now = 1000 * NSEC_PER_SEC;
	n_vms = n;
	assert_int_equal(rounds_new(&rounds, &c, now), 0);
	assert_int_equal(turns_init(&turns, NULL), 0);
	idle = (struct idle){ .rounds = rounds,
			      .table = &table,
			      .turns = &turns,
			      .slot_ns = SLOT_NS,
			      .tick_ns = TICK_NS,
			      .pauses_idle = c.policy->pauses_idle,
			      .preempts = c.policy->preempts != NULL };
	for (int i = 0; i < n; i++) {
		vm[i] = fake_vm(i);
		vm[i]->want.part.ppm = parts ? parts[i] : 1000;
		assert_int_equal(rounds_add(rounds, vm[i]->want.part, now, &vm[i]->id), 0);
		assert_int_equal(vm[i]->id, i);
		assert_int_equal(table_add(&table, vm[i]), 0);
	}
	end_slot(false);
}

static void begin(const char *policy, int n, uint32_t lanes)
{
	begin_parts(policy, n, lanes, NULL);
}

static int end(void **state)
{
	(void)state;
	for (int i = 0; i < n_vms; i++)
		free(vm[i]);
	n_vms = 0;
	table_free(&table);
	turns_free(&turns);
	rounds_free(rounds);
	rounds = NULL;
	return 0;
}

static bool is_ready(int i)
{
	struct rounds_vm info;

	assert_int_equal(rounds_info(rounds, vm[i]->id, &info), 0);
	return info.ready;
}

static uint64_t charged(int i)
{
	struct rounds_vm info;

	assert_int_equal(rounds_info(rounds, vm[i]->id, &info), 0);
	return info.used_ns;
}

static void a_vm_goes_idle_after_streak_slots(void **state)
{
	(void)state;
	begin("smooth", 2, 2);
	slots_of(STREAK_SLOTS - 1, REST_NS, false);
	assert_false(vm[0]->run.idle);
	assert_true(is_ready(0));
	slots_of(1, REST_NS, false);
	assert_true(vm[0]->run.idle);
	assert_false(is_ready(0));
	assert_int_equal(table.n_idle, 1);
	assert_false(vm[1]->run.idle);
	assert_int_equal(charged(0), STREAK_SLOTS * REST_NS);
	assert_int_equal(charged(1), STREAK_SLOTS * SLOT_NS);
}

static void a_slot_with_work_begins_the_streak_anew(void **state)
{
	(void)state;
	begin("smooth", 2, 2);
	for (int i = 0; i < 10; i++) {
		slots_of(STREAK_SLOTS - 1, 0, false);
		slots_of(1, WORK_NS, false);
		assert_false(vm[0]->run.idle);
	}
}

static void a_short_slot_says_nothing_of_a_vm_that_rests(void **state)
{
	(void)state;
	begin("smooth", 2, 2);
	slots_of(10, 0, true);
	assert_false(vm[0]->run.idle);
	slots_of(STREAK_SLOTS - 1, 0, false);
	slots_of(1, 0, true);
	assert_false(vm[0]->run.idle);
	slots_of(1, 0, false);
	assert_true(vm[0]->run.idle);
}

static void a_short_slot_shows_a_vm_that_works(void **state)
{
	(void)state;
	begin("smooth", 2, 2);
	slots_of(STREAK_SLOTS - 1, 0, false);
	slots_of(1, WORK_NS, true);
	slots_of(1, 0, false);
	assert_false(vm[0]->run.idle);
}

static void no_vm_is_idle_where_the_policy_pauses_idle_ones(void **state)
{
	(void)state;
	begin("paper", 2, 2);
	assert_true(idle.pauses_idle);
	slots_of(10 * STREAK_SLOTS, 0, false);
	assert_false(vm[0]->run.idle);
	assert_true(is_ready(0));
}

static void an_idle_vm_wakes_up_after_streak_slots(void **state)
{
	(void)state;
	begin("smooth", 2, 2);
	slots_of(STREAK_SLOTS, 0, false);
	assert_true(vm[0]->run.idle);
	for (int i = 0; i < 5; i++) { /* bursts that are over at once */
		slots_of(STREAK_SLOTS - 1, WORK_NS, false);
		slots_of(1, REST_NS, false);
		assert_true(vm[0]->run.idle);
	}
	slots_of(STREAK_SLOTS, WORK_NS, false);
	assert_false(vm[0]->run.idle);
	assert_true(is_ready(0));
}

/* What one that works below IDLE_PERMILLE of every slot adds up to. */
static void an_idle_vm_wakes_up_when_it_has_used_a_slot_beyond_its_part(void **state)
{
	static const uint32_t parts[] = { 1, 1000 };
	int slots = 0;

	(void)state;
	begin_parts("smooth", 2, 1, parts);
	while (!vm[0]->run.idle) {
		fake[1].cpu_ns += table.n_turn && table.turn[0] == 1 ? SLOT_NS : 0;
		end_slot(false);
		assert_true(++slots < 10000); /* its turns are rare */
	}
	for (slots = 0; vm[0]->run.idle; slots++) {
		fake[0].cpu_ns += REST_NS;
		fake[1].cpu_ns += SLOT_NS;
		end_slot(false);
		assert_true(slots < 100);
	}
	assert_in_range(slots, SLOT_NS / REST_NS, 2 * SLOT_NS / REST_NS);
}

static void a_vm_whose_clock_is_gone_is_lost(void **state)
{
	(void)state;
	begin("smooth", 2, 2);
	slots_of(1, SLOT_NS, false);
	fake[0].gone = true;
	slots_of(1, SLOT_NS, false);
	assert_true(vm[0]->run.lost);
	assert_false(vm[0]->run.idle);
	assert_false(is_ready(0));
	assert_int_equal(charged(0), SLOT_NS);
	fake[0].reads = 0;
	slots_of(STREAK_SLOTS, SLOT_NS, false); /* it is not asked again */
	assert_int_equal(fake[0].reads, 0);
	fake[0].gone = false;
	fake[0].cpu_ns += SLOT_NS;
	assert_int_equal(idle_used(vm[0]), 0);
}

static void a_lost_vm_is_not_idle(void **state)
{
	(void)state;
	begin("smooth", 2, 2);
	slots_of(STREAK_SLOTS - 1, 0, false);
	fake[0].gone = true;
	slots_of(1, 0, false);
	assert_true(vm[0]->run.lost);
	assert_false(vm[0]->run.idle);
}

static void a_clock_that_goes_back_counts_as_standing(void **state)
{
	(void)state;
	begin("smooth", 2, 2);
	fake[0].cpu_ns = 5000;
	assert_int_equal(idle_used(vm[0]), 5000);
	fake[0].cpu_ns = 3000;
	assert_int_equal(idle_used(vm[0]), 0);
	fake[0].cpu_ns = 3500;
	assert_int_equal(idle_used(vm[0]), 500);
}

/* VM 0 is idle, VM 1 has the slot, under a policy that preempts; VM 0 has never used anything. */
static void begin_watch(const char *policy)
{
	begin(policy, 2, 1);
	for (int i = 0; !vm[0]->run.idle; i++) {
		fake[1].cpu_ns += table.turn[0] == 1 ? SLOT_NS : 0;
		end_slot(false);
		assert_true(i < 1000);
	}
	assert_int_equal(table.n_turn, 1);
	assert_int_equal(table.turn[0], 1);
}

/* After 1 ms in which VM 0 used so much, and VM 1 ran, too. */
static bool watch(uint64_t used_ns)
{
	now += WATCH_NS;
	fake[0].cpu_ns += used_ns;
	fake[1].cpu_ns += WATCH_NS;
	return idle_watch(&idle, now);
}

static void a_slot_ends_for_an_idle_vm_that_works(void **state)
{
	(void)state;
	begin_watch("boost");
	assert_false(watch(0));
	assert_false(watch(WATCH_NS / 2 - 1)); /* less than half of the time since the latest look... */
	assert_true(watch(WATCH_NS));          /* ...and all of it */
	assert_false(vm[0]->run.idle);
	assert_true(vm[0]->run.boosted);
	assert_true(is_ready(0));
	assert_int_equal(charged(0), WATCH_NS / 2 - 1 + WATCH_NS);
	assert_false(watch(WATCH_NS)); /* once */
	end_slot(true);
	assert_int_equal(table.turn[0], 0); /* it goes first */
	assert_int_equal(vm[0]->run.pauses, 0);
}

static void a_long_slot_does_not_end_for_a_little_work(void **state)
{
	int looks = 1;

	(void)state;
	begin_watch("boost");
	idle.slot_ns = 10 * SLOT_NS;
	while (!watch(WATCH_NS))
		looks++;
	assert_int_equal(looks, 10 * WORK_NS / WATCH_NS);
}

/* What it used in an earlier slot does not count, nor a burst that is over when it is looked at. */
static void a_burst_that_is_over_ends_no_slot(void **state)
{
	(void)state;
	begin_watch("boost");
	fake[0].cpu_ns += WATCH_NS;
	fake[1].cpu_ns += SLOT_NS;
	end_slot(false);
	assert_true(vm[0]->run.idle);
	for (int i = 0; i < 5; i++)
		assert_false(watch(0));
	for (int i = 0; i < 5; i++) /* nor does it count how much such bursts are together */
		assert_false(watch(WATCH_NS / 2 - 1));
	assert_true(vm[0]->run.idle);
}

/* Another policy has no way to let it go first: it is paused until its turn. */
static void an_idle_vm_that_may_not_go_first_is_paused(void **state)
{
	(void)state;
	begin_watch("smooth");
	journal[0] = '\0';
	assert_false(watch(WATCH_NS));
	assert_false(vm[0]->run.idle);
	assert_false(vm[0]->run.boosted);
	assert_true(is_ready(0));
	assert_true(vm[0]->run.paused);
	assert_string_equal(journal, "+0P0");
}

/* VM 0 has the slot that was ended for it. */
static void begin_boosted(void)
{
	begin_watch("boost");
	assert_true(watch(WATCH_NS));
	end_slot(true);
	assert_int_equal(table.turn[0], 0);
}

static void the_slot_of_a_boosted_vm_ends_when_it_blocks(void **state)
{
	bool ended = false;
	int looks = 0;

	(void)state;
	begin_boosted();
	for (int i = 0; i < 5; i++)
		assert_false(watch(WATCH_NS));
	while (!ended && looks < 100) {
		ended = watch(0);
		looks++;
	}
	/* Its clock may be a tick behind. */
	assert_int_equal(looks, TICK_NS / WATCH_NS + 2);
	assert_true(vm[0]->run.blocked);
	end_slot(true);
	assert_true(vm[0]->run.idle); /* at once, and not only after STREAK_SLOTS slots */
	assert_false(vm[0]->run.boosted);
	assert_false(vm[0]->run.blocked);
	assert_int_equal(table.turn[0], 1);
}

static void the_slot_of_a_vm_that_was_not_boosted_never_ends_early(void **state)
{
	(void)state;
	begin("boost", 1, 1);
	for (int i = 0; i < 100; i++) {
		now += WATCH_NS;
		assert_false(idle_watch(&idle, now));
	}
	assert_int_equal(fake[0].reads, 0); /* nor does it cost a look */
}

static void a_boost_lasts_one_slot(void **state)
{
	(void)state;
	begin_boosted();
	fake[0].cpu_ns += SLOT_NS;
	end_slot(false);
	assert_false(vm[0]->run.boosted);
	assert_false(vm[0]->run.idle);
}

static void a_lost_vm_is_not_watched(void **state)
{
	(void)state;
	begin_watch("boost");
	fake[0].gone = true;
	assert_false(watch(WATCH_NS));
	assert_true(vm[0]->run.idle);
	vm[0]->run.lost = true;
	fake[0].reads = 0;
	assert_false(watch(WATCH_NS));
	assert_int_equal(fake[0].reads, 0);
}

static void the_more_vms_the_longer_the_interval(void **state)
{
	(void)state;
	begin("boost", VMS, 1);
	assert_int_equal(idle_interval(&idle), 0); /* nothing to watch */
	for (uint32_t n = 1; n <= WATCH_VMS + 1; n++) {
		table.idle[table.n_idle++] = n;
		assert_int_equal(idle_interval(&idle), n <= WATCH_VMS ? WATCH_NS : 2 * WATCH_NS);
	}
	table.n_idle = WATCH_VMS;
	vm[table.turn[0]]->run.boosted = true;
	assert_int_equal(idle_interval(&idle), 2 * WATCH_NS);
	table.n_idle = 0;
	assert_int_equal(idle_interval(&idle), WATCH_NS);
	idle.preempts = false;
	assert_int_equal(idle_interval(&idle), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_vm_goes_idle_after_streak_slots, end),
		cmocka_unit_test_teardown(a_slot_with_work_begins_the_streak_anew, end),
		cmocka_unit_test_teardown(a_short_slot_says_nothing_of_a_vm_that_rests, end),
		cmocka_unit_test_teardown(a_short_slot_shows_a_vm_that_works, end),
		cmocka_unit_test_teardown(no_vm_is_idle_where_the_policy_pauses_idle_ones, end),
		cmocka_unit_test_teardown(an_idle_vm_wakes_up_after_streak_slots, end),
		cmocka_unit_test_teardown(an_idle_vm_wakes_up_when_it_has_used_a_slot_beyond_its_part, end),
		cmocka_unit_test_teardown(a_vm_whose_clock_is_gone_is_lost, end),
		cmocka_unit_test_teardown(a_lost_vm_is_not_idle, end),
		cmocka_unit_test_teardown(a_clock_that_goes_back_counts_as_standing, end),
		cmocka_unit_test_teardown(a_slot_ends_for_an_idle_vm_that_works, end),
		cmocka_unit_test_teardown(a_long_slot_does_not_end_for_a_little_work, end),
		cmocka_unit_test_teardown(a_burst_that_is_over_ends_no_slot, end),
		cmocka_unit_test_teardown(an_idle_vm_that_may_not_go_first_is_paused, end),
		cmocka_unit_test_teardown(the_slot_of_a_boosted_vm_ends_when_it_blocks, end),
		cmocka_unit_test_teardown(the_slot_of_a_vm_that_was_not_boosted_never_ends_early, end),
		cmocka_unit_test_teardown(a_boost_lasts_one_slot, end),
		cmocka_unit_test_teardown(a_lost_vm_is_not_watched, end),
		cmocka_unit_test_teardown(the_more_vms_the_longer_the_interval, end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("slots_idle", tests, NULL, NULL);
}
