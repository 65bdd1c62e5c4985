// SPDX-License-Identifier: GPL-2.0-or-later
#include "backpressure.h"

#include "base/byifindex.h"
#include "base/cleanup.h"
#include "kernel/proc/procfs.h"
#include "kernel/vmm/tap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void backpressure_free(struct backpressure *b)
{
	free(b->held);
	*b = (struct backpressure){ 0 };
}

static struct held *find(const struct backpressure *b, uint32_t ifindex)
{
	return byifindex_find(b->held, b->n, sizeof(*b->held), ifindex);
}

const struct held *backpressure_of(const struct backpressure *b, uint32_t ifindex)
{
	return find(b, ifindex);
}

int backpressure_adopt(struct backpressure *b, const struct held *h)
{
	struct held *known = find(b, h->ifindex);

	if (!known)
		return byifindex_insert(&b->held, &b->n, sizeof(*h), h);
	*known = *h;
	return 0;
}

void backpressure_forget(struct backpressure *b, uint32_t ifindex)
{
	struct held *h = find(b, ifindex);

	if (h)
		byifindex_remove(b->held, &b->n, sizeof(*h), h);
}

/* lists: for all of a pass. */
static struct tap_ref ref_of(const struct held *h, struct tap_lists *lists)
{
	struct tap_ref ref = { .pid = h->pid, .start_time = h->start_time, .lists = lists };

	memcpy(ref.name, h->nic, sizeof(ref.name));
	return ref;
}

/*
 * Set one vNIC's buffer; true if its error came or went. What was there before is remembered first, so that it
 * can be given back whatever fails then.
 */
static bool hold(struct backpressure *b, const struct tree_vnic *v, const struct binding *binding, bool force,
		 struct tap_lists *lists)
{
	struct held h = { .ifindex = v->ifindex }, *known = find(b, v->ifindex);
	struct tap_ref ref;
	int was_error;
	bool same_vm;

	if (known)
		h = *known;
	same_vm = known && h.pid == binding->pid && h.start_time == binding->start_time;
	if (same_vm && !force && h.error == 0 && !h.returning && h.now == (int)v->sndbuf &&
	    h.queues == binding->queues)
		return false;
	was_error = known ? h.error : 0;
	h.pid = binding->pid;
	h.start_time = binding->start_time;
	h.queues = binding->queues;
	h.returning = false;
	memcpy(h.nic, binding->nic, sizeof(h.nic));
	ref = ref_of(&h, lists);
	h.error = same_vm ? 0 : tap_get_sndbuf(&ref, &h.before);
	h.now = (int)v->sndbuf;
	if (procfs_own_want(h.error)) {
		h.pid = 0; /* nothing is set as long as what was there is not known */
	} else {
		if (h.error < 0)
			h.before = TAP_SNDBUF_UNLIMITED;
		h.error = tap_set_sndbuf(&ref, h.now, NULL);
	}
	if (backpressure_adopt(b, &h) < 0)
		return false;
	return (was_error != 0) != (h.error != 0);
}

/*
 * Nothing is given back where the VM is gone, or has set another value itself meanwhile. Where setting failed,
 * some queues may have the small buffer and others not: all get the former one. True: detached queues keep the small
 * buffer until they are attached, or divvyd has no descriptor to ask; the record is needed until then.
 */
static bool give_back(struct held *h, struct tap_lists *lists)
{
	struct tap_ref ref = ref_of(h, lists);
	struct tap_count other = { 0 };
	int now, r;

	if (h->returning || h->error || (tap_get_sndbuf(&ref, &now) == 0 && now == h->now))
		tap_set_sndbuf(&ref, h->before, NULL);
	r = tap_count_other(&ref, h->before, &other);
	h->returning = other.detached || procfs_own_want(r);
	return h->returning;
}

/* The tree wants no buffer there. */
static void end(struct backpressure *b, struct held *h, struct tap_lists *lists)
{
	if (!give_back(h, lists))
		backpressure_forget(b, h->ifindex);
}

int backpressure_lower(struct backpressure *b, const struct tree *want, const struct binding *bindings)
{
	struct tap_lists lists = { 0 };
	int changed = 0;

	for (size_t i = 0; i < want->n_vnics; i++) {
		const struct tree_vnic *v = &want->vnics[i];
		const struct held *h = find(b, v->ifindex);

		if (v->sndbuf && (!h || h->error || (int)v->sndbuf <= h->now))
			changed += hold(b, v, &bindings[v->binding], false, &lists);
	}
	tap_lists_free(&lists);
	return changed;
}

int backpressure_apply(struct backpressure *b, const struct tree *want, const struct binding *bindings,
		       bool force)
{
	struct tap_lists lists = { 0 };
	int changed = 0;

	for (size_t i = 0; i < want->n_vnics; i++)
		if (want->vnics[i].sndbuf)
			changed += hold(b, &want->vnics[i], &bindings[want->vnics[i].binding], force, &lists);
	for (size_t i = b->n; i-- > 0;) {
		const struct tree_vnic *v = tree_vnic(want, b->held[i].ifindex, DIRECTION_TX);

		if (v && v->sndbuf)
			continue;
		end(b, &b->held[i], &lists);
	}
	tap_lists_free(&lists);
	return changed;
}

void backpressure_queues(struct backpressure *b, const struct tree *want, const struct binding *bindings,
			 const char *nic)
{
	struct tap_lists lists = { 0 };

	for (size_t i = b->n; i-- > 0;) {
		struct held *h = &b->held[i];
		const struct tree_vnic *v = tree_vnic(want, h->ifindex, DIRECTION_TX);

		if (nic && strncmp(h->nic, nic, sizeof(h->nic)) != 0)
			continue;
		if (v && v->sndbuf)
			hold(b, v, &bindings[v->binding], true, &lists);
		else
			end(b, h, &lists);
	}
	tap_lists_free(&lists);
}
