/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* CPU slots as divvyd uses them, with VMs on a kernel and a guard that are none (slots_fakes.h). */

#include "slots_fakes.h"

#include "base/cleanup.h"
#include "slots/slots.h"
#include "tests/clock.h"

#define NODES (FAKES + 1)

static struct model model;
static struct binding bindings[NODES];
static struct slots *slots;
static char why[SLOTS_WHY_SIZE];

/* n devices, each of a VM of its own. */
static inline void begin_vms(int n)
{
	struct node uplink = { .kind = NODE_UPLINK, .parent = NODE_NONE, .limit = { 12500000 } };

	fakes_reset();
	model_init(&model);
	model.schedule.resource = RESOURCE_CPU;
	strcpy(uplink.name, "eth0");
	assert_int_equal(model_add(&model, &uplink), 0);
	memset(bindings, 0, sizeof(bindings));
	for (int i = 0; i < n; i++) {
		struct node device = { .kind = NODE_DEVICE, .share = { 1 }, .limit = RATE_UNLIMITED };
		struct binding *b = &bindings[i + 1];

		snprintf(device.name, sizeof(device.name), "vm%d", i);
		assert_int_equal(model_add(&model, &device), i + 1);
		*b = (struct binding){
			.bound = true, .pid = FAKE_PID + i, .start_time = 7, .vmm_known = true, .vmm = "qemu"
		};
		fake[i].busy = true;
	}
}

static inline void prepare_and_apply(void)
{
	why[0] = '\0';
	assert_int_equal(slots_prepare(&slots, &model.schedule, "/run/divvy", why), 0);
	slots_apply(&slots, &model, bindings);
}

/* Three VMs in CPU slots. */
static inline int begin(void **state)
{
	(void)state;
	begin_vms(3);
	prepare_and_apply();
	assert_non_null(slots);
	return 0;
}

static inline int end(void **state)
{
	(void)state;
	slots = slots_close(slots);
	for (int i = 0; i < FAKES; i++) {
		assert_false(fake[i].closed);
		assert_false(fake[i].placed);
		assert_false(fake[i].guard_paused && !fake[i].gone);
	}
	assert_int_equal(broken_promises, 0);
	assert_int_equal(n_reserve, 0);
	assert_int_equal(n_guards, 0);
	model_free(&model);
	return 0;
}

/* One VM of a snapshot. */
static inline struct slots_vm_status status_of(int i)
{
	_cleanup_free_ struct slots_vm_status *vms = NULL;
	const struct slots_vm_status *there;
	struct slots_status all;
	size_t n;

	assert_int_equal(slots_snapshot(slots, &all, &vms, &n), 0);
	there = slots_vm_status_find(vms, n, FAKE_PID + i);
	assert_non_null(there);
	return *there;
}

/* Until the slot thread has begun so many slots more. */
static inline void let_pass(uint64_t n)
{
	uint64_t deadline = clock_now_ns() + 10 * NSEC_PER_SEC, first = 0;

	for (bool begun = false;; begun = true) {
		_cleanup_free_ struct slots_vm_status *vms = NULL;
		struct slots_status all;
		size_t k;

		assert_int_equal(slots_snapshot(slots, &all, &vms, &k), 0);
		first = begun ? first : all.decisions;
		if (all.decisions >= first + n)
			return;
		assert_true(clock_now_ns() < deadline);
		nap_us(1000);
	}
}

/* How often the log has this text. */
static inline int lines_of(const char *text)
{
	int n = 0;

	for (const char *p = logged; (p = strstr(p, text)); p++)
		n++;
	return n;
}
